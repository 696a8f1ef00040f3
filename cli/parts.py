"""The parts of a run that can be verified each for itself."""

from enum import StrEnum


class Part(StrEnum):
    """Whose work is done once more."""

    agents = "agents"
    trainer = "trainer"
