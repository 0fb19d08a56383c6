"""What people and agents say to each other, as values kept in the state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A word for the agent of a task. `key` is that of the request (of an answer: the question's),
    `by` who left it; `agent` the attempt it comes from, empty for a person's; `question` what it
    answers, empty where it answers nothing. `advice` comes from gangsaw itself: it is told with the
    next turn if there is one, and no turn is begun for it."""

    key: str
    text: str
    by: str
    agent: str = ""
    question: str = ""
    advice: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question that an agent put by command, at `at` (epoch seconds). `waits`: the command stands
    there until it is answered."""

    key: str
    text: str
    at: float
    waits: bool
