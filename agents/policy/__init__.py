"""The generating face of the policy: samplers over one version of the weights."""
