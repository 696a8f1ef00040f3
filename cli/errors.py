"""What a user of the command line can get wrong. Each text says what, which value, what to do."""

from simctl.bus.errors import SimctlError


class UserError(SimctlError):
    """The parent of all that ends a command with exit code 2 and no traceback."""


class RecipeError(UserError):
    """A recipe is not there, cannot be read, or says what no recipe may say."""


class RunError(UserError):
    """There is no such run, or it is not in a state for what was asked."""


def in_words(names: list[str]) -> str:
    """Return "a, b or c"."""
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} or {names[-1]}"


def first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first of the errors that befell several tasks."""
    inner = errors.exceptions[0]
    return first(inner) if isinstance(inner, BaseExceptionGroup) else inner
