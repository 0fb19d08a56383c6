"""The keys of `gangsaw.toml` and of the environment."""

from __future__ import annotations

from gangsaw.core.honesty import ANSWERS, Answer, ConcernKind
from gangsaw.plan.shapes import Field, Kind, Shape

KINDS = (
    "command",
    "scripted",
    "claude",
    "codex",
    "copilot",
    "gemini",
    "opencode",
    "qwen",
    "aider",
    "mini",
    "acp",
)
"""Kinds of agents known when nobody says otherwise."""

RESUMING_KINDS = frozenset(
    {"acp", "aider", "claude", "codex", "copilot", "gemini", "opencode", "qwen", "scripted"}
)
"""Those whose sessions can be taken up again."""

PLACEHOLDERS = ("prompt_file", "task_prompt_file", "worktree", "model", "session", "port")
"""What `{…}` in the `argv` of a `command` agent may be replaced by."""

AGENT = Shape(
    (
        Field(
            "kind",
            Kind.NAME,
            "which program this is; in your own settings also FILE.py:ADAPTER",
            example='"claude"',
        ),
        Field(
            "argv",
            Kind.PROGRAM,
            "program and arguments of a command agent, which may hold "
            + " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            + "; or of an acp agent",
            example='"sh", "-eu", "{task_prompt_file}"',
        ),
        Field("stdin", Kind.CHOICE, "what a command agent reads", choices=("prompt", "none")),
        Field("binary", Kind.NAME, "path or name of the program of a known kind"),
        Field("args", Kind.WORDS, "more arguments for a known kind", example='"--verbose"'),
        Field("model", Kind.NAME, "model the agent uses where a task names none"),
        Field("env", Kind.ENV, "variables set for the agent", example='{NAME = "text"}'),
        Field("pass_env", Kind.TEXTS, "variables passed through to the agent", example='"NAME"'),
        Field("fallback", Kind.NAME, "agent that goes on where this one cannot", example='"codex"'),
        Field(
            "fallback_after_s",
            Kind.NUMBER,
            "a usage limit that ends within so many seconds is waited for, and not left to the"
            " fallback",
            least=0,
            example="600",
        ),
        Field(
            "account",
            Kind.NAME,
            "agents of one account meet its usage limits together (else those of one kind do, if"
            " they have no env of their own)",
            example='"team"',
        ),
        Field("slots", Kind.WHOLE, "live attempts at a time", least=1, most=1000, example="2"),
        Field(
            "seats",
            Kind.WHOLE,
            "live attempts at a time of all agents of its account together",
            least=1,
            most=1000,
            example="3",
        ),
        Field("role", Kind.NAME, "role of tasks that name none", example='"worker"'),
        Field(
            "memory_max_mb",
            Kind.NUMBER,
            "MB of memory that one of it may use with all that it starts; while memory is short, "
            "who is over it gives way first",
            above=0,
            example="4096",
        ),
    ),
    assign=" = ",
)
"""One `[agents.NAME]` table."""

RUN = Shape(
    (
        Field("agent", Kind.NAME, "agent of tasks that name none"),
        Field(
            "agents",
            Kind.TEXTS,
            "agents of tasks that name none, the most wanted first: the first with a free slot gets"
            " one; needs no agent besides",
            example='"claude"',
        ),
        Field("reviewer", Kind.NAME, "agent that reviews where a task names none"),
        Field("rounds", Kind.WHOLE, "reviews of a try until a person is asked", least=1, most=1000),
        Field("max_agents", Kind.WHOLE, "live agents at a time", least=1, most=1000, example="4"),
        Field(
            "deliver",
            Kind.CHOICE,
            "when your branch is moved to what landed",
            choices=("each", "end", "never"),
        ),
        Field("attempts", Kind.WHOLE, "tries at a task", least=1, most=1000, example="3"),
        Field("turns", Kind.WHOLE, "launches within a try", least=1, most=1000, example="3"),
        Field("timeout_s", Kind.NUMBER, "seconds a turn may take", above=0, example="3600"),
        Field("stall_s", Kind.NUMBER, "seconds an agent may be silent", above=0, example="900"),
        Field("grace_s", Kind.NUMBER, "seconds between TERM and KILL", least=0, example="10"),
        Field("backoff_s", Kind.NUMBER, "seconds before the second try", least=0, example="10"),
        Field("backoff_max_s", Kind.NUMBER, "longest wait between tries", least=0, example="300"),
        Field(
            "uncommitted",
            Kind.CHOICE,
            "what happens to files an agent left uncommitted",
            choices=("commit", "ask", "fail"),
        ),
        Field("budget", Kind.NUMBER, "US dollars the run may cost", least=0, example="10"),
        Field(
            "budget_tokens",
            Kind.WHOLE,
            "tokens the run may use",
            least=0,
            most=1_000_000_000_000,
            example="5000000",
        ),
        Field(
            "budget_day",
            Kind.NUMBER,
            "US dollars that all runs of the repository may cost on one day (UTC)",
            least=0,
            example="20",
        ),
        Field(
            "budget_day_tokens",
            Kind.WHOLE,
            "tokens that all runs of the repository may use on one day (UTC)",
            least=0,
            most=1_000_000_000_000,
            example="10000000",
        ),
        Field(
            "reserve",
            Kind.NUMBER,
            "US dollars set aside for a launch until one of its agent has told what it costs",
            least=0,
            example="0.50",
        ),
        Field(
            "on_interrupt",
            Kind.CHOICE,
            "what Ctrl-C does where nobody can be asked",
            choices=("detach", "pause", "stop"),
        ),
        Field("remote", Kind.NAME, "where delivered branches are pushed", example='"origin"'),
        Field(
            "memory_floor_pct",
            Kind.NUMBER,
            "free memory in percent below which no agent starts; the same as "
            "machine.memory_max_pct, from the other end",
            least=0,
            most=100,
            example="20",
        ),
        Field(
            "disk_floor_mb",
            Kind.WHOLE,
            "free disk in MB below which no agent starts",
            least=0,
            example="512",
        ),
        Field(
            "crashes",
            Kind.WHOLE,
            "crashes of one task put up with",
            least=0,
            most=1000,
            example="8",
        ),
        Field(
            "batched",
            Kind.CHOICE,
            "whether the next agents start only when all that started together have ended",
            choices=("true", "false"),
        ),
        Field(
            "dry_run",
            Kind.CHOICE,
            "whether gangsaw run only shows what it would start",
            choices=("true", "false"),
        ),
    ),
    assign=" = ",
)
"""The `[run]` table."""

MACHINE = Shape(
    (
        Field(
            "memory_max_pct",
            Kind.NUMBER,
            "memory in use, in percent, above which no agent starts",
            least=0,
            most=100,
            example="80",
        ),
        Field(
            "cpu_warn_pct",
            Kind.NUMBER,
            "processors in use, in percent, above which it is said",
            above=0,
            most=100,
            example="90",
        ),
        Field(
            "disk_max_pct",
            Kind.NUMBER,
            "disk in use, in percent, above which no agent starts",
            above=0,
            most=100,
            example="90",
        ),
        Field(
            "check_every_s",
            Kind.NUMBER,
            "seconds between two readings of the machine; while memory is short it is read each "
            "second",
            above=0,
            most=3600,
            example="5",
        ),
        Field(
            "launch_delay_s",
            Kind.NUMBER,
            "seconds between the starts of two agents; 3, and only while memory is near its bound, "
            "if left out",
            least=0,
            most=3600,
            example="3",
        ),
        Field(
            "memory_budget_mb",
            Kind.NUMBER,
            "MB of memory that all agents of the run together may use; what is on the machine if "
            "left out",
            above=0,
            example="16384",
        ),
    ),
    assign=" = ",
)
"""The `[machine]` table."""

CHECKS = Shape(
    (
        Field(
            "run",
            Kind.COMMANDS,
            "checks of every task besides its own: a text is a shell line, a list a program, "
            "a table says more",
            example='"pytest -q"',
        ),
        Field("timeout_s", Kind.NUMBER, "seconds a check may take", above=0, example="1800"),
        Field("pass_env", Kind.TEXTS, "variables passed through to checks", example='"NAME"'),
        Field(
            "cache",
            Kind.CHOICE,
            "whether what was green in an earlier run on the same tree is not run again",
            choices=("true", "false"),
        ),
        Field(
            "keep",
            Kind.TEXTS,
            "patterns of ignored files that stay between checks; caches that validate themselves",
            example='"__pycache__/"',
        ),
        Field(
            "slots",
            Kind.WHOLE,
            "combinations checked side by side at most; fewer if that is not measured to pay",
            least=1,
            most=16,
            example="2",
        ),
    ),
    assign=" = ",
)
"""The `[checks]` table."""

LANDING = Shape(
    (
        Field(
            "window",
            Kind.WHOLE,
            "changes checked together for their landing at most; 1: every change alone",
            least=1,
            most=256,
            example="16",
        ),
        Field(
            "barriers",
            Kind.SCOPE,
            "paths for which a change lands alone; lock, CI and build files and migrations if left "
            "out",
            example='"**/schema.sql"',
        ),
        Field(
            "history",
            Kind.CHOICE,
            "what a landed task is in the history: a merge, one commit, or the agent's commits",
            choices=("merge", "squash", "linear"),
        ),
        Field(
            "push",
            Kind.CHOICE,
            "when your branch is pushed to run.remote: with each delivery, or once at the end",
            choices=("each", "end"),
        ),
        Field(
            "mergiraf",
            Kind.CHOICE,
            "whether conflicts are first given to mergiraf; auto: where it is installed",
            choices=("auto", "on", "off"),
        ),
        Field(
            "union",
            Kind.SCOPE,
            "files of which both sides' lines are kept where they conflict",
            example='"CHANGELOG.md"',
        ),
    ),
    assign=" = ",
)
"""The `[landing]` table."""

WORKTREE = Shape(
    (
        Field("root", Kind.NAME, "folder for worktrees; beside the repository if left out"),
        Field("copy", Kind.SCOPE, "files copied into a fresh worktree", example='".env"'),
        Field("link", Kind.SCOPE, "files and folders linked into it", example='"node_modules"'),
        Field("setup", Kind.TEXT, "shell line run in it before the agent starts"),
        Field("ports", Kind.WHOLE, "ports for each live attempt", least=0, most=1000, example="10"),
        Field(
            "ports_from",
            Kind.WHOLE,
            "the first of all these ports",
            least=1024,
            most=60_000,
            example="20000",
        ),
        Field(
            "pool",
            Kind.WHOLE,
            "folders of ended attempts kept for the next; as many as agents if left out",
            least=0,
            most=1000,
            example="4",
        ),
    ),
    assign=" = ",
)
"""The `[worktree]` table."""

_ABOUT: dict[ConcernKind, str] = {
    ConcernKind.OUTSIDE_SCOPE: "paths outside of the task's scope",
    ConcernKind.TESTS_DELETED: "tests that are gone",
    ConcernKind.TESTS_SKIPPED: "tests that do not run any more",
    ConcernKind.ASSERTS_WEAKENED: "tests that demand less",
    ConcernKind.CHECKS_CHANGED: "what says how work is checked",
    ConcernKind.SECRET: "secrets, also in commits before the last",
    ConcernKind.LARGE_FILE: "files larger than large_kb",
    ConcernKind.BINARY: "files that are no text",
    ConcernKind.LINK_OUT: "links that lead out of the repository",
    ConcernKind.CONFLICT_MARKERS: "markers of conflicts",
    ConcernKind.AGENT_SETTINGS: "settings of agents, hooks, submodules",
    ConcernKind.EXECUTABLE: "executable files that are no programs",
    ConcernKind.UNREAD: "what is too large or cannot be read",
}

HONESTY = Shape(
    (
        *(
            Field(
                kind.value,
                Kind.CHOICE,
                f"what follows from {_ABOUT[kind]}; {answer.value} if left out",
                choices=tuple(each.value for each in Answer),
            )
            for kind, answer in ANSWERS.items()
        ),
        Field(
            "large_kb", Kind.WHOLE, "size in kB above which a file is large", least=1,
            example="1000",
        ),
        Field(
            "allow", Kind.TEXTS, "what is allowed where, as PATTERN: KIND; any is every kind",
            example='"docs/**: binary"',
        ),
    ),
    assign=" = ",
)  # fmt: skip
"""The `[honesty]` table."""

RADAR = Shape(
    (
        Field(
            "policy",
            Kind.CHOICE,
            "what follows when work of two agents would not merge",
            choices=("tell", "serialise", "show", "off"),
        ),
        Field(
            "every_s",
            Kind.NUMBER,
            "seconds between two looks at one worktree",
            above=0,
            example="30",
        ),
    ),
    assign=" = ",
)
"""The `[radar]` table."""

TOP = Shape(
    (
        Field("agents", Kind.TABLE, "the agents, by name"),
        Field("run", Kind.TABLE, "bounds and habits of a run"),
        Field("checks", Kind.TABLE, "checks of every task"),
        Field("landing", Kind.TABLE, "how work lands and is delivered"),
        Field("worktree", Kind.TABLE, "where agents work"),
        Field("honesty", Kind.TABLE, "what follows from what is found in a change"),
        Field("radar", Kind.TABLE, "looking for work that would not merge"),
        Field("machine", Kind.TABLE, "how full the machine may be"),
    ),
    assign=" = ",
)
"""The top of the file."""

SECTIONS = {
    "run": RUN,
    "checks": CHECKS,
    "landing": LANDING,
    "worktree": WORKTREE,
    "honesty": HONESTY,
    "radar": RADAR,
    "machine": MACHINE,
}

_PLAIN = (
    ("MAX_AGENTS", "run", "max_agents"),
    ("BATCHED", "run", "batched"),
    ("DRY_RUN", "run", "dry_run"),
    ("MEMORY_THRESHOLD", "machine", "memory_max_pct"),
    ("CPU_THRESHOLD", "machine", "cpu_warn_pct"),
    ("DISK_THRESHOLD", "machine", "disk_max_pct"),
    ("CHECK_INTERVAL", "machine", "check_every_s"),
    ("AGENT_LAUNCH_DELAY", "machine", "launch_delay_s"),
)

ENVIRONMENT = (
    *_PLAIN,
    *((f"GANGSAW_{name}", section, key) for name, section, key in _PLAIN),
    ("GANGSAW_AGENT", "run", "agent"),
    ("GANGSAW_DELIVER", "run", "deliver"),
    ("GANGSAW_BUDGET", "run", "budget"),
    ("GANGSAW_TIMEOUT_S", "run", "timeout_s"),
    ("GANGSAW_ON_INTERRUPT", "run", "on_interrupt"),
    ("GANGSAW_REMOTE", "run", "remote"),
    ("GANGSAW_HISTORY", "landing", "history"),
    ("GANGSAW_PUSH", "landing", "push"),
    ("GANGSAW_WORKTREE_ROOT", "worktree", "root"),
)
"""Variables that set a value, and which; later ones win. An empty variable sets nothing."""

FILE_KEYS = (("MAX_CONCURRENT_AGENTS", "run", "max_agents"),)
"""What else sets a value in a file of `KEY=VALUE` lines."""

CONFIG_VARIABLES = ("CONFIG_FILE", "GANGSAW_CONFIG_FILE")
"""Variables that name such a file, or one of TOML; later ones win."""
