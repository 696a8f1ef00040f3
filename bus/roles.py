"""The roles of a society: five voices."""

from typing import Literal

Role = Literal["examiner", "solver", "critic", "guide", "teacher"]
ROLES: tuple[Role, ...] = ("examiner", "solver", "critic", "guide", "teacher")
