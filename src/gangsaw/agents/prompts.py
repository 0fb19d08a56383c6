"""Prompts from Markdown templates with `{{name}}` variables, and the values that fill them.

The templates are files in `templates/`; a user's own text may replace each. Values are put in
once: what a user wrote is never expanded again.
"""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gangsaw.agents.lines import plain_text
from gangsaw.core.errors import UserError
from gangsaw.core.model import Check, Task, TurnKind, Workspace
from gangsaw.core.roles import Role

# Of a failing command's output the agent gets the end; of a list, the beginning.
OUTPUT_TAIL_MAX = 12_000
LISTED_MAX = 100
SUBJECTS_MAX = 20

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")

_ALONE = re.compile(r"(?m)^[ \t]*\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}[ \t]*\n\n?")

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Variable:
    """A `{{name}}` of templates: in those of these kinds of turns (none named: in all), and what
    stands for it."""

    name: str
    about: str
    kinds: tuple[TurnKind, ...] = ()


VARIABLES = (
    Variable("task", "the task's id"),
    Variable("title", "the task's title"),
    Variable("prompt", "the task's own prompt"),
    Variable("goal", "the goal of the plan"),
    Variable("role", "the section with the task's role; nothing without a role, or in a session "
             "that goes on and has been told already"),
    Variable("scope", "which paths the task may change"),
    Variable("parents", "the tasks it needs, all landed; after a retry from earlier work also that "
             "this is in the worktree"),
    Variable("checks", "the commands that will be run on the work"),
    Variable("rules", "how to behave in a worktree, and which instructions of the repository to "
             "read first"),
    Variable("recap", "the task's prompt once more, or, in a session that goes on, only its title"),
    Variable("messages", "what people and other agents have told this one since its last turn"),
    Variable("reason", "why this turn is needed",
             (TurnKind.FIX, TurnKind.RESOLVE, TurnKind.CONTINUE)),
    Variable("command", "the command that failed", (TurnKind.FIX,)),
    Variable("output", "the end of what it printed", (TurnKind.FIX,)),
    Variable("state", "what the worktree holds so far, for a session that does not know",
             (TurnKind.CONTINUE,)),
    Variable("pending", "what the interrupted turn was to put right, if anything",
             (TurnKind.CONTINUE,)),
    Variable("stat", "the change in numbers, file by file", (TurnKind.REVIEW,)),
    Variable("earlier", "what earlier reviews of the task found", (TurnKind.REVIEW,)),
    Variable("concerns", "what was found in the change by itself: tests that demand less, files "
             "outside of the scope and the like", (TurnKind.REVIEW,)),
    Variable("files", "the files in conflict", (TurnKind.RESOLVE,)),
    Variable("landed", "what has landed since the work was begun", (TurnKind.RESOLVE,)),
    Variable("other", "the landed tasks that changed these files: their texts and their changes",
             (TurnKind.RESOLVE,)),
    Variable("base", "the commit that has to be merged into the work", (TurnKind.RESOLVE,)),
)  # fmt: skip
"""Every variable of the templates. `docs/reference/prompts.md` is made from this."""


@dataclass(frozen=True, slots=True)
class LandedParent:
    """A needed task that has landed: its id, title and the subjects of its agents' commits."""

    id: str
    title: str
    subjects: tuple[str, ...] = ()


@functools.cache
def default_template(kind: TurnKind) -> str:
    """The shipped template of a kind of turn."""
    folder = importlib.resources.files("gangsaw.agents") / "templates"
    return (folder / f"{kind.value}.md").read_text(encoding="utf-8")


def render(template: str, values: Values) -> str:
    """`template` with every `{{name}}` replaced; `UserError` for a name that is not in `values`.

    One pass: `{{x}}` inside a value stays as it is. A line that holds nothing but a variable
    without text is left out.
    """

    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        if name in values:
            return values[name]
        near = difflib.get_close_matches(name, values, n=1)
        remedy = f"did you mean {{{{{near[0]}}}}}?" if near else f"try one of {_names(values)}"
        raise UserError(f"cannot fill {found[0]} in the prompt template; {remedy}")

    return _VARIABLE.sub(value_of, _ALONE.sub(_unless_empty(values), template))


def _unless_empty(values: Values) -> Callable[[re.Match[str]], str]:
    return lambda found: "" if values.get(found[1]) == "" else found[0]


def with_role(template: str) -> str:
    """The template, beginning with `{{role}}` where it does not have it anywhere."""
    has_it = any(found[1] == "role" for found in _VARIABLE.finditer(template))
    return template if has_it else "{{role}}\n\n" + template


def task_values(
    task: Task,
    *,
    goal: str,
    parents: Sequence[LandedParent] = (),
    checks: Sequence[Check] = (),
    resumed: bool = False,
    earlier: bool = False,
    role: Role | None = None,
    guides: Sequence[str] = (),
) -> dict[str, str]:
    """The variables every template may use. `checks` are all that will be run for this task.
    `resumed`: the agent's session goes on, so `recap` names the task instead of repeating it.
    `earlier`: the worktree begins with work of an earlier attempt, and `parents` says so.
    `guides` are files with instructions for agents that this agent does not read by itself."""
    recap = (
        f"This is still the task “{task.title}” that you are working on."
        if resumed
        else f"The task is:\n\n{task.prompt}"
    )
    return {
        "task": task.id,
        "title": task.title,
        "prompt": task.prompt,
        "goal": goal or "(not stated)",
        "scope": _scope(task),
        "parents": _parents(parents) + (f"\n\n{_EARLIER}" if earlier else ""),
        "checks": _checks(checks),
        "rules": _guides(guides)
        + (_NO_FILES_RULES if task.workspace is Workspace.NONE else _RULES),
        "role": "" if role is None or resumed else _role(role),
        "recap": recap,
        "messages": "",  # until somebody says something
    }


def fix_values(command: str, output: bytes | str, reason: str = "") -> dict[str, str]:
    """The further variables of a fix turn: what failed, why if known, the end of its output."""
    return {
        "command": fenced(plain_text(command)),
        "output": fenced(output_tail(output)),
        "reason": reason or "A check of your work failed.",
    }


def resolve_values(
    files: Sequence[str],
    landed: Sequence[str],
    *,
    base: str,
    reason: str = "",
    other: str = "",
) -> dict[str, str]:
    """The further variables of a resolve turn: files in conflict, subjects of what landed
    meanwhile, the commit or ref (`base`) that must be merged into the work, and the `other` side
    with its intent."""
    return {
        "other": f"## The other side\n\n{other}\n\n" if other else "",
        "files": _bullets(files, "(none named)"),
        "landed": _bullets(landed, "(nothing named)"),
        "base": base,
        "reason": reason or "Your work does not merge with what landed meanwhile.",
    }


def continue_values(reason: str = "", state: str = "", pending: str = "") -> dict[str, str]:
    """The further variables of a continue turn: why the turn before it was cut short, for a
    session that knows nothing of it what is in the worktree, and what is still to be put right."""
    known = f"This is what the worktree holds so far:\n\n{fenced(state)}\n\n" if state else ""
    return {
        "reason": reason or "Your process was interrupted.",
        "state": known,
        "pending": f"What is still to be put right:\n\n{pending}\n\n" if pending else "",
    }


def pending_text(values: Values) -> str:
    """What a fix or resolve turn was told, for the turn that goes on in its place. `values` are
    that turn's further variables."""
    if "files" in values:
        wanted = f"Your commits must be merged with `{values['base']}`. Files in conflict:"
        return f"{values['reason']}\n\n{wanted}\n\n{values['files']}\n\n{values['other']}".rstrip()
    return f"{values['reason']}\n\n{values['command']}\n\n{values['output']}"


def review_values(
    stat: str, earlier: Sequence[str] = (), concerns: Sequence[str] = ()
) -> dict[str, str]:
    """The further variables of a review turn: the change in numbers, what earlier reviews of the
    task found, and what was seen in the change by itself."""
    return {
        "stat": fenced(stat.strip() or "(nothing changed)"),
        "earlier": _bullets(earlier, "(This is the first.)"),
        "concerns": _bullets(concerns, "(Nothing.)"),
    }


def concerns_values(concerns: Sequence[str], mends: Sequence[str]) -> dict[str, str]:
    """The further variables of a fix turn for what must not land: in the place of a command's
    output what was found, and what to do about it."""
    return {
        "command": fenced("(what is looked for in every change)"),
        "output": _bullets(concerns, "(see the change)"),
        "reason": "Your work passes its checks, but it must not land as it is. " + " ".join(mends),
    }


def findings_values(findings: Sequence[str], reason: str) -> dict[str, str]:
    """The further variables of a fix turn after a review: in the place of a command's output, the
    findings."""
    return {
        "command": fenced("(a review of your change)"),
        "output": _bullets(findings, reason),
        "reason": "Another agent has reviewed your change and does not agree with it yet.",
    }


def output_tail(output: bytes | str, limit: int = OUTPUT_TAIL_MAX) -> str:
    """The last `limit` characters of a command's output, plain, from the start of a line where
    one is near, saying that it was cut."""
    # Eight bytes a character leave room for multi-byte text and for what is stripped.
    text = plain_text(output[-limit * 8 :]).strip("\n")
    if len(text) <= limit and len(output) <= limit * 8:
        return text
    text = text[-limit:]
    newline = text.find("\n", 0, limit // 2)
    return "[earlier output left out]\n" + text[newline + 1 :]


def fenced(text: str) -> str:
    """`text` as a Markdown code block whose fence is longer than any run of backquotes in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


_RULES = """\
- Work only in this worktree, on the branch that is checked out.
- Commit your work when it is done, in commits whose subjects say what changed.
- Never merge, rebase, push, or touch other branches and worktrees: what you commit is checked
  and landed for you.
- Leave no background processes behind."""

_EARLIER = """\
An earlier attempt at this task has left work, which is in your worktree already, committed: see
`git log` and `git show`. Go on from it; what it had not committed is in its last commit."""

TESTS_ONLY = """\
For now write its tests, and nothing but the tests: the work itself is your next turn. So the checks
must FAIL when you end, because the work is not there yet."""
"""What a turn is told besides that goes on with the tests that come before the work."""

_NO_FILES_RULES = """\
- This task changes no files of the repository: there is nothing to commit. Print your answer.
- Never merge, push, or touch any repository.
- Leave no background processes behind."""


def _role(role: Role) -> str:
    tools = f"\n\nUse no other tools than these: {', '.join(role.tools)}." if role.tools else ""
    readonly = "\n\nChange nothing: you are to look and to judge." if role.readonly else ""
    return f"## Your role: {role.name}\n\n{role.body}{tools}{readonly}"


def _guides(names: Sequence[str]) -> str:
    return f"- Read {' and '.join(names)} of this repository first.\n" if names else ""


def _scope(task: Task) -> str:
    if task.workspace is Workspace.NONE:
        return "No files of the repository."
    if not task.scope:
        return "Any file of this repository that the task needs."
    return "Change only files that match:\n\n" + _bullets([f"`{path}`" for path in task.scope], "")


def _parents(parents: Sequence[LandedParent]) -> str:
    if not parents:
        return "(This task needs no other.)"
    blocks = []
    for parent in parents:
        subjects = [plain_text(subject) for subject in parent.subjects[:SUBJECTS_MAX]]
        commits = "".join(f"\n  - {subject}" for subject in subjects)
        blocks.append(f"- {parent.id}: {parent.title}{commits}")
    return "\n".join(blocks)


def _checks(checks: Sequence[Check]) -> str:
    if not checks:
        return "(No commands; your commits are what counts.)"
    return _bullets([f"`{check.name}`" for check in checks], "")


def _bullets(items: Sequence[str], none: str) -> str:
    if not items:
        return none
    lines = [f"- {plain_text(item)}" for item in items[:LISTED_MAX]]
    if len(items) > LISTED_MAX:
        lines.append(f"- … and {len(items) - LISTED_MAX} more")
    return "\n".join(lines)


def _names(values: Values) -> str:
    return ", ".join(f"{{{{{name}}}}}" for name in sorted(values))
