"""Dice: every random draw comes from a named stream, so that no draw depends on another."""

import hashlib
import random


def stream(seed: int, *names: str | int) -> int:
    """Return the 63-bit key of the stream that `names` (a purpose and its counters) select."""
    text = "\x1f".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def dice(seed: int, *names: str | int) -> random.Random:
    """Return a generator for the stream that `names` select."""
    return random.Random(stream(seed, *names))  # noqa: S311 - reproducible draws, not secrets
