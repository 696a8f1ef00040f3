"""Packets of MQTT 5 as they cross a connection: only what a proxy must know of them."""

import asyncio
from dataclasses import dataclass, replace
from random import Random
from typing import Self

PUBLISH, PUBACK = 3, 4
_DUP = 0x08
_LONGEST_LENGTH = 4  # bytes of a remaining length


@dataclass(frozen=True)
class Packet:
    """One control packet: its first byte, the length as it was written, and the rest."""

    first: int
    length: bytes
    body: bytes

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> Self | None:
        """Return the next one; None when the connection ends, or holds something else."""
        try:
            first = await reader.readexactly(1)
            length = b""
            while not length or length[-1] & 0x80:
                if len(length) == _LONGEST_LENGTH:
                    return None
                length += await reader.readexactly(1)
            return cls(first[0], length, await reader.readexactly(_number(length)[0]))
        except (asyncio.IncompleteReadError, OSError):
            return None

    @property
    def kind(self) -> int:
        """Return its type, such as PUBLISH."""
        return self.first >> 4

    @property
    def qos(self) -> int:
        """Return the quality of service of a PUBLISH."""
        return self.first >> 1 & 3

    @property
    def topic(self) -> str:
        """Return the topic of a PUBLISH."""
        return self.body[2 : self._after_topic].decode(errors="replace")

    @property
    def number(self) -> bytes:
        """Return the packet identifier of a PUBACK, or of a PUBLISH above QoS 0."""
        at = 0 if self.kind == PUBACK else self._after_topic
        return self.body[at : at + 2]

    @property
    def wire(self) -> bytes:
        """Return the bytes that it crosses a connection as."""
        return bytes([self.first]) + self.length + self.body

    def again(self) -> Self:
        """Return a PUBLISH as it is sent for the second time."""
        return replace(self, first=self.first | _DUP if self.qos else self.first)

    def acknowledged(self) -> bytes:
        """Return the PUBACK that answers a PUBLISH of QoS 1."""
        return bytes([PUBACK << 4, 2]) + self.number

    def corrupted(self, dice: Random) -> Self:
        """Return a PUBLISH with up to four other bytes in its payload, if it has so many."""
        at = self._after_topic + (2 if self.qos else 0)
        properties, size = _number(self.body[at:])
        at += size + properties
        body = bytearray(self.body)
        for place in dice.sample(range(at, len(body)), min(4, len(body) - at)):
            body[place] ^= dice.randrange(1, 256)
        return replace(self, body=bytes(body))

    @property
    def _after_topic(self) -> int:
        return 2 + int.from_bytes(self.body[:2])


def _number(data: bytes) -> tuple[int, int]:
    """Read a variable byte integer; return it, and how many bytes it took."""
    value = 0
    for size, byte in enumerate(data[:_LONGEST_LENGTH], 1):
        value |= (byte & 0x7F) << 7 * (size - 1)
        if byte < 0x80:
            return value, size
    raise ValueError(data[:_LONGEST_LENGTH])
