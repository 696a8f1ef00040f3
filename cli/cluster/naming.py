"""The names of a cluster's workers, under which a broker and the log know them."""

_ALLOWED = 50  # characters of a run's name; a broker takes 64 in all


def name_of(run: str, number: int) -> str:
    """Return a worker's name, which it keeps when it is started again.

    No two runs at a broker have one name, so no two of their workers have.
    """
    plain = "".join(c if (c.isalnum() and c.isascii()) or c in "._-" else "-" for c in run)
    return f"{plain[:_ALLOWED]}.ray{number}"
