"""Pieces: how bytes travel through a broker. A check sum finds out what was damaged on the way.

What is too large for one message travels as several, and is proven by its hash.
"""

import base64
import hashlib
import zlib
from typing import Literal

from pydantic import Field

from simctl.bus.values import Value

LARGEST = 256 << 10  # bytes of a message; brokers refuse much larger ones
MOST = 16 << 20  # bytes of what is put together again
_SMALLEST = 64 << 10  # bytes; smaller pieces are no use
_HEAD = 8  # bytes of a check sum in hex
_PREFIX = b'{"kind":"piece"'


class Piece(Value):
    """A part of something larger."""

    kind: Literal["piece"] = "piece"
    sha256: str
    index: int = Field(ge=0)
    count: int = Field(ge=1)
    data: str  # base64


class PieceError(ValueError):
    """A message is damaged, or pieces do not make the whole that was announced."""


def split(payload: bytes) -> list[bytes]:
    """Return the messages in which a payload travels: one, if it is small enough."""
    if len(payload) <= LARGEST:
        return [_checked(payload)]
    sha256 = hashlib.sha256(payload).hexdigest()
    step = LARGEST * 3 // 4 - 256  # base64 makes three bytes four, and the rest is a head
    parts = [payload[at : at + step] for at in range(0, len(payload), step)]
    pieces = (
        Piece(sha256=sha256, index=index, count=len(parts), data=base64.b64encode(part).decode())
        for index, part in enumerate(parts)
    )
    return [_checked(piece.model_dump_json().encode()) for piece in pieces]


class Whole:
    """Puts together what one sender says; it keeps the pieces of one thing at a time."""

    def __init__(self, most: int = MOST) -> None:
        """Refuse what has more than `most` bytes."""
        self._most = most
        self._sha256 = ""
        self._parts: dict[int, bytes] = {}

    @property
    def waits(self) -> bool:
        """Whether it keeps pieces of something that is not complete."""
        return bool(self._parts)

    def take(self, message: bytes) -> bytes | None:
        """Return the payload if it is complete with this message.

        Raises:
            PieceError: the message is damaged, or the whole is too large.
        """
        head, body = message[:_HEAD], message[_HEAD:]
        if head != _check(body):
            raise PieceError("a message is damaged: its check sum is another")
        if not body.startswith(_PREFIX):
            return body
        try:
            piece = Piece.model_validate_json(body)
            part = base64.b64decode(piece.data, validate=True)
        except ValueError as error:
            raise PieceError(f"a piece is damaged: {error}") from error
        return self._add(piece, part)

    def _add(self, piece: Piece, part: bytes) -> bytes | None:
        if piece.sha256 != self._sha256:
            self._sha256, self._parts = piece.sha256, {}
        self._parts[piece.index] = part
        size = sum(map(len, self._parts.values()))
        if size > self._most or piece.count > self._most // _SMALLEST or piece.index >= piece.count:
            self._parts = {}
            raise PieceError(f"{piece.count} pieces are too large: {self._most} bytes at most")
        if len(self._parts) < piece.count:
            return None
        payload = b"".join(self._parts[index] for index in range(piece.count))
        self._sha256, self._parts = "", {}
        if hashlib.sha256(payload).hexdigest() != piece.sha256:
            raise PieceError(f"{len(payload)} bytes in pieces are not what their hash says")
        return payload


def _check(body: bytes) -> bytes:
    return b"%08x" % zlib.crc32(body)


def _checked(body: bytes) -> bytes:
    return _check(body) + body
