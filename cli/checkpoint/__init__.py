"""Checkpoint: a policy version as transformers and TRL lay one out, with its card."""
