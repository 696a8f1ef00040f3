"""Where a live run can be asked: `endpoint.json` in its directory."""

import os
import socket
from pathlib import Path

from pydantic import ValidationError

from simctl.bus.values import Value

FILE = "endpoint.json"


class Address(Value):
    """The process that owns a run, and its socket."""

    run: str
    directory: Path  # resolved: a copy of it is another run
    pid: int
    socket: Path

    def answers(self) -> bool:
        """Tell whether somebody listens. Process ids are used again, so only a connection tells."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True


def find(run_dir: Path) -> Address | None:
    """Return the address of a live run; None when nobody owns the run."""
    try:
        address = Address.model_validate_json((run_dir / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    if address.directory != run_dir.resolve():
        return None
    # what a killed owner left stays there: who took it away could take that of the next owner
    return address if address.answers() else None


def publish(run_dir: Path, address: Address) -> None:
    """Write the address down for others to find."""
    draft = run_dir / f".{FILE}.{os.getpid()}"
    draft.write_text(address.model_dump_json() + "\n", encoding="utf-8")
    draft.rename(run_dir / FILE)


def remove(run_dir: Path, address: Address) -> None:
    """Take the address and its socket away."""
    (run_dir / FILE).unlink(missing_ok=True)
    address.socket.unlink(missing_ok=True)
