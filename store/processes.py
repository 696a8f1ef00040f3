"""Processes of this machine, by their ids."""

import os


def alive(pid: int) -> bool:
    """Tell whether a process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
