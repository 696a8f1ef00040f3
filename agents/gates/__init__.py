"""Gates: what a policy must be able to do, and must not, before it may be a society's first."""
