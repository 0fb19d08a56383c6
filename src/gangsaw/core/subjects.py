"""What an event is about: the whole run, a task, or an attempt. The bases of all events."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OfRun:
    """Events about the whole run have the empty subject."""

    @property
    def subject(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class OfTask:
    """Events about a task have its id."""

    task: str

    @property
    def subject(self) -> str:
        return self.task


@dataclass(frozen=True, slots=True)
class OfAttempt:
    """Events about an attempt have its id."""

    attempt: str

    @property
    def subject(self) -> str:
        return self.attempt
