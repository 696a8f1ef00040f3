"""Tasks: one file a family of problems with a verifier."""
