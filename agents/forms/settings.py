"""Prompt settings: what a recipe says of how its roles are asked."""

from typing import Literal, Self

from pydantic import Field, model_validator

from simctl.agents.forms.chat import TEMPLATES, Chat
from simctl.bus.values import Value


class PromptSettings(Value):
    """How roles are asked."""

    form: Literal["auto", "characters", "chat"] = Field(
        default="auto",
        description="the embedded policy's terse formats, or dialogues by the model's chat "
        "template; auto: dialogues where the model has a template",
    )
    system: dict[str, str] = Field(
        default_factory=dict, description="templates by role, in place of those in the package"
    )
    user: dict[str, str] = Field(
        default_factory=dict, description="templates by turn, in place of those in the package"
    )
    chat_template_kwargs: dict[str, bool | int | str] = Field(
        default_factory=dict, description="given to the model's chat template"
    )

    @model_validator(mode="after")
    def _replaces_what_there_is(self) -> Self:
        for part, known in TEMPLATES.items():
            unknown = sorted(set(getattr(self, part)) - set(known))
            if unknown:
                raise ValueError(f"{part} has no {unknown[0]!r}; there are {', '.join(known)}")
        return self

    def chat(self, problems: str, solutions: str) -> Chat:
        """Return the form of dialogues about a family; see `Briefs` for what is said of it."""
        return Chat(
            system=TEMPLATES["system"] | self.system,
            user=TEMPLATES["user"] | self.user,
            problems=problems,
            solutions=solutions,
            options=tuple(sorted(self.chat_template_kwargs.items())),
        )
