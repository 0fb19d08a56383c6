"""Events of what is said between people and agents, of claimed paths, and of attempts that a person
takes over.

`events` has them in its union; who speaks of one takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfAttempt, OfTask


@dataclass(frozen=True, slots=True)
class MessageLeft(OfTask):
    """Somebody has a word for the agent of a task; it is told with its next turn. `agent` is the
    attempt that it comes from, empty for a person's; `question` what it answers. No work goes back
    for `advice` alone."""

    kind: ClassVar[str] = "message.left"
    key: str
    text: str
    by: str
    agent: str = ""
    question: str = ""
    advice: bool = False


@dataclass(frozen=True, slots=True)
class QuestionAnswered(OfAttempt):
    """A question that was put by command, and for whose answer the command waits. Until that has
    been heard, it is a message for the next turn too."""

    kind: ClassVar[str] = "question.answered"
    key: str
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class AnswerHeard(OfAttempt):
    """The command that waited has printed the answer."""

    kind: ClassVar[str] = "answer.heard"
    key: str


@dataclass(frozen=True, slots=True)
class QuestionDropped(OfAttempt):
    """The command does not wait for its answer any more; the question stays."""

    kind: ClassVar[str] = "question.dropped"
    key: str


@dataclass(frozen=True, slots=True)
class PathsClaimed(OfAttempt):
    """Nobody else is to work on these while the attempt lives, or until it releases them."""

    kind: ClassVar[str] = "paths.claimed"
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathsReleased(OfAttempt):
    kind: ClassVar[str] = "paths.released"
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DoneSaid(OfAttempt):
    """The agent says that it is done. Proves nothing; a silence after it is no stall."""

    kind: ClassVar[str] = "done.said"
    launch: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class TakeWanted(OfAttempt):
    """A person wants to work in the attempt's place: its turn, if any, is to be stopped."""

    kind: ClassVar[str] = "take.wanted"
    by: str


@dataclass(frozen=True, slots=True)
class AttemptTaken(OfAttempt):
    """Nothing of the attempt runs: it is in the hands of a person."""

    kind: ClassVar[str] = "attempt.taken"
    by: str


@dataclass(frozen=True, slots=True)
class HandedBack(OfAttempt):
    """The person is done with it; its agent goes on."""

    kind: ClassVar[str] = "attempt.handed_back"
    by: str


TalkEvent = (
    MessageLeft
    | QuestionAnswered
    | AnswerHeard
    | QuestionDropped
    | PathsClaimed
    | PathsReleased
    | DoneSaid
    | TakeWanted
    | AttemptTaken
    | HandedBack
)
