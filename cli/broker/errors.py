"""What can be wrong with a broker that somebody asks for."""

from simctl.cli.errors import UserError


class BrokerError(UserError):
    """The broker cannot be started like that."""


class MosquittoMissingError(BrokerError):
    """There is no mosquitto on this machine, or one that is too old."""
