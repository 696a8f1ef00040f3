"""What can go wrong with a log or a policy: one class for each mistake that a caller can handle."""

from simctl.bus.errors import RefusedError, SimctlError


class StoreError(SimctlError):
    """The parent of all that the store raises on purpose. Its text says what to do."""


class RunMissingError(StoreError):
    """There is no run, or no log in it, where one was asked for."""


class ForeignLogError(StoreError):
    """A file stands where the log should be and was not written by simctl."""


class LogCorruptError(StoreError):
    """The log's bytes or its hash chain are damaged."""


class LogBusyError(StoreError):
    """Another process holds the log."""


class LogBrokenError(StoreError):
    """A commit failed, so only the reopened file can tell what is in the log."""


class LogClosedError(StoreError):
    """The log was closed before this append."""


class DraftRefusedError(StoreError, RefusedError):
    """A draft breaks the rules of the log; nothing of its append was written."""


class QueryError(StoreError):
    """A statement is wrong, not allowed or too expensive."""


class OwnerGoneError(StoreError):
    """The process that owned the log ended while it was asked."""
