"""Rejections: what cannot be written, and how the log keeps it all the same."""

import hashlib
import math

from simctl.bus.event import Utterance, as_stored, chain_hash
from simctl.bus.messages import (
    AnyMessage,
    MessageRejected,
)
from simctl.bus.values import canonical

_KEPT = 4096  # bytes of what was said


def fault(message: AnyMessage, said: Utterance | None) -> str:
    """Return why this cannot be an event, or nothing when it can."""
    try:
        type(message).model_validate(message.__dict__, strict=True)
        chain_hash("", [canonical(message)], said)
    except (ValueError, TypeError, OverflowError, AttributeError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"
    if said is not None and not all(map(math.isfinite, as_stored(said).logprobs)):
        return "a log-probability is not finite"
    return ""


def rejection(reason: str, said: bytes) -> MessageRejected:
    """Return the message that keeps `said`: its beginning, and how all of it can be known again."""
    return MessageRejected(
        reason=_written(reason),
        text=_written(said[:_KEPT].decode(errors="replace")),
        length=len(said),
        sha256=hashlib.sha256(said).hexdigest(),
    )


def _written(text: str) -> str:
    """Return text that can be written, cut where it is too long."""
    return text.encode(errors="replace")[:_KEPT].decode(errors="ignore")
