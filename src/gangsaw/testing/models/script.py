"""Which answer a request gets, from the request alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gangsaw.testing.models.tools import edit_format_of, works_in
from gangsaw.testing.models.wire import Asked

Step = Mapping[str, Any]
Scenarios = Mapping[str, Sequence[Step]]

STEP_KEYS = frozenset(
    ("say", "write", "bash", "apply_patch", "call", "text", "edit", "usage", "gate", "fault")
)
ASKED_AGAIN = "I added these files to the chat"
"""How aider begins to ask for the same again, when an answer named files it had not shown."""

_MARKER = re.compile(r"\[\[scenario:([\w.-]+)((?:\s+[\w.-]+=[^\s\]]+)*)\s*\]\]")


@dataclass(frozen=True, slots=True)
class Choice:
    """The scenario a request belongs to (`None`: a side request), the step reached in it and the
    marker's values."""

    scenario: str | None
    step: int
    values: Mapping[str, str]

    @property
    def key(self) -> tuple[str, tuple[tuple[str, str], ...], int]:
        """What the tries of a step are counted by."""
        return (self.scenario or "", tuple(sorted(self.values.items())), self.step)


SIDE = Choice(None, -1, {})


def chosen(asked: Asked) -> Choice:
    """Scenario, step and values of a request.

    The step is the number of tool-result rounds after the last marker; where the request offers
    no tools but asks for edits as text, the number of the model's answers after it, without those
    that are asked for again with files added.
    """
    if not asked.tools and edit_format_of(asked):
        return _walk(asked, by_answers=True)
    return _walk(asked, by_answers=False) if works_in(asked) else SIDE


def _walk(asked: Asked, *, by_answers: bool) -> Choice:
    name: str | None = None
    values: dict[str, str] = {}
    step = 0
    last_round = ""
    for message in asked.messages:
        if message.role == "model":
            step += by_answers
            continue
        if by_answers and any(text.startswith(ASKED_AGAIN) for text in message.texts):
            step -= 1
        for name_of_round in message.rounds:
            step += name_of_round != last_round
            last_round = name_of_round
        for found in (match for text in message.texts for match in _MARKER.finditer(text)):
            name = found[1]
            values = dict(pair.split("=", 1) for pair in found[2].split())
            step = 0
    return Choice(name, step, values)


def step_of(scenarios: Scenarios, choice: Choice) -> Step | None:
    """The step with its values filled in. Beyond the end of a scenario the last step's words again,
    without tools; `None` where the scenario does not exist."""
    steps = scenarios.get(choice.scenario or "")
    if not steps:
        return None
    if choice.step < len(steps):
        step: Step = filled(steps[choice.step], choice.values)
        return step
    return {"say": filled(steps[-1].get("say", "Done."), choice.values)}


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """`value` with `{key}` replaced in all its strings."""
    if isinstance(value, str):
        for key, text in values.items():
            value = value.replace("{" + key + "}", text)
        return value
    if isinstance(value, Mapping):
        return {key: filled(item, values) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, values) for item in value]
    return value


def checked(scenarios: Scenarios) -> Scenarios:
    """The scenarios, if all their steps can be understood; else `ValueError` says which cannot."""
    for name, steps in scenarios.items():
        for number, step in enumerate(steps):
            unknown = step.keys() - STEP_KEYS
            if unknown:
                what = ", ".join(sorted(unknown))
                raise ValueError(f"cannot use step {number} of scenario {name!r}: no such: {what}")
    return scenarios
