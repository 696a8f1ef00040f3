"""The parents of what simctl raises on purpose."""


class SimctlError(Exception):
    """The parent of all that a user can mend. Its text says what is wrong and what to do."""


class RefusedError(Exception):
    """What was published breaks a rule, and is not in the log."""
