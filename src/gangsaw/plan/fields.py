"""The keys of `plan.yaml`."""

from __future__ import annotations

from gangsaw.plan.shapes import Field, Kind, Shape
from gangsaw.plan.standings import WORDS

VERSION = 1
"""The plan version that this reader knows."""

ATTEMPTS_MOST = 1000
"""Attempts a task may ask for."""
TOKENS_MOST = 1_000_000_000_000
"""Tokens that a budget may allow."""

_SHARED = (
    Field("scope", Kind.SCOPE, "paths, folders or patterns the task may change", example="src/"),
    Field("track", Kind.NAME, "lane of tasks that run one at a time"),
    Field(
        "alone",
        Kind.CHOICE,
        "whether nothing else runs from its start to its landing",
        choices=("true", "false"),
    ),
    Field(
        "priority", Kind.WHOLE, "higher goes first", least=-1_000_000, most=1_000_000, example="10"
    ),
    Field("agent", Kind.NAME, "name of the agent, from [agents.NAME] of the settings"),
    Field("model", Kind.NAME, "model the agent uses"),
    Field("role", Kind.NAME, "who the agent is to be: agents/ROLE.md of the repository"),
    Field(
        "checks",
        Kind.COMMANDS,
        "commands that must pass: a text is a shell line, a list is a program with its arguments, "
        "a table says more",
        example="pytest -q",
    ),
    Field(
        "review",
        Kind.CHOICE,
        "who must agree before landing; true is person, false is none",
        choices=("none", "person", "agent", "true", "false"),
    ),
    Field(
        "stages",
        Kind.TEXTS,
        "steps of the task: test, work, review, approve; tdd is test and work",
        example="work, review",
    ),
    Field("reviewer", Kind.NAME, "name of the agent that reviews"),
    Field(
        "workspace",
        Kind.CHOICE,
        "worktree, or none for a task that changes no files",
        choices=("worktree", "none"),
    ),
    Field("timeout_s", Kind.NUMBER, "seconds one turn may take", above=0, example="3600"),
    Field(
        "estimate_s",
        Kind.NUMBER,
        "seconds its agent will work, by your guess; the longest chains start first",
        above=0,
        example="1200",
    ),
    Field(
        "attempts",
        Kind.WHOLE,
        "tries before the task counts as failed",
        least=1,
        most=ATTEMPTS_MOST,
        example="3",
    ),
    Field("budget", Kind.NUMBER, "US dollars the task may cost", least=0, example="2.50"),
    Field("budget_tokens", Kind.WHOLE, "tokens the task may use", least=0, most=TOKENS_MOST),
    Field("env", Kind.ENV, "variables of the agent and the checks", example="{NAME: text}"),
)

DEFAULTS = Shape(_SHARED)
"""What `defaults` may hold."""

TASK = Shape(
    (
        Field("id", Kind.NAME, "short name, used for branches and folders", required=True),
        Field("title", Kind.NAME, "one line for people; the id if left out"),
        Field("prompt", Kind.TEXT, "what the agent is told"),
        Field("prompt_file", Kind.NAME, "file with the prompt, beside the plan"),
        Field("needs", Kind.TEXTS, "ids of tasks that must have landed first", example="a, b"),
        Field(
            "status",
            Kind.CHOICE,
            "where it stands before the run; done and dropped ones are not run and keep nobody "
            "waiting, what is for later is left out with all that needs it",
            choices=WORDS,
        ),
        *_SHARED,
    )
)
"""What a task may hold. Its `id` and `needs` are read by the reader itself."""

TRACK = Shape(
    (
        Field("agent", Kind.NAME, "agent of its tasks, where they name none themselves"),
        Field(
            "ordered",
            Kind.CHOICE,
            "whether its tasks start in the order of the file, each when the one before has landed",
            choices=("true", "false"),
        ),
    )
)
"""What `tracks` may say of one track."""

PLAN = Shape(
    (
        Field("version", Kind.WHOLE, "version of this format", least=1, example="1"),
        Field("goal", Kind.TEXT, "what all this is for"),
        Field("defaults", Kind.TABLE, "fields for every task that does not give them itself"),
        Field("tracks", Kind.TABLE, "what holds of all tasks of a track, by its name"),
        Field("tasks", Kind.TABLES, "the tasks", required=True, example="[{id: api, prompt: …}]"),
    )
)
"""The top of the file."""
