"""What can go wrong with a message on a bus."""


class RefusedError(Exception):
    """What was published breaks a rule, and is not in the log."""
