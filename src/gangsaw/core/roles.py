"""A role: who an agent is to be for a task, as a Markdown file of the repository says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """`body` goes into the prompt. `agent` and `model` are used where the task names none;
    `tools` are the only ones it is asked to use (empty: any); `readonly` turns are kept from
    writing as far as the program can be told so. `source` is the file, from the repository's root.
    """

    name: str
    body: str
    description: str = ""
    agent: str | None = None
    model: str | None = None
    tools: tuple[str, ...] = ()
    readonly: bool = False
    source: str = ""

    @property
    def is_of_claude(self) -> bool:
        """Whether it was written for Claude Code, whose names of models no other program knows."""
        return self.source.startswith(".claude/")
