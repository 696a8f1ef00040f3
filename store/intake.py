"""The intake: takes the body of an append without holding more of it than may be."""

import hashlib

from simctl.bus.messages import MessageRejected
from simctl.bus.rejection import rejection
from simctl.store.errors import DraftRefusedError

MOST = 16 << 20  # bytes of an append
_PATIENCE = 1 << 30  # bytes that are read and thrown away before the caller is cut off


class Intake:
    """What has come of a body so far. What is too much is counted and not kept."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._kept = bytearray()
        self._length = 0
        self._digest = hashlib.sha256()

    def take(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            DraftRefusedError: there is no end of them.
        """
        self._length += len(chunk)
        self._digest.update(chunk)
        self._kept += chunk[: MOST - len(self._kept)]
        if self._length > _PATIENCE:
            raise DraftRefusedError(f"an append has more than {_PATIENCE} bytes")

    def body(self) -> bytes:
        """Return the whole body.

        Raises:
            DraftRefusedError: it is too large.
        """
        if self._length > MOST:
            raise DraftRefusedError(
                f"an append of {self._length} bytes is too large: {MOST} at most, so split it"
            )
        return bytes(self._kept)

    def rejection(self, reason: str) -> MessageRejected:
        """Return the message that keeps what came, and why it was refused."""
        kept = rejection(reason, bytes(self._kept))
        told = {"length": self._length, "sha256": self._digest.hexdigest()}
        return kept.model_copy(update=told)
