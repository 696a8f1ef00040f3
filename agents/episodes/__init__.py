"""Episodes: one file an exchange."""
