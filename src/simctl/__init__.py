"""simctl: a lab for societies of language-model agents that teach themselves."""

__version__ = "0.1.0"
