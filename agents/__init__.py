"""Who speaks: roles, the episodes that bring them together, and the policy they share."""
