"""What gangsaw must not write anywhere, learned from the surroundings of a run, and kept out of
plans, observations and arguments.

Secrets are the variables of the environment and of the agents' settings, and the values in `.env`
files and in files that are put into worktrees, whose names (or shapes) say that they are ones.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from gangsaw.core.errors import UserError
from gangsaw.core.model import Check, Plan, Task
from gangsaw.core.redaction import Redactor, pairs_in, secrets_among
from gangsaw.core.settings import AgentSettings, Settings
from gangsaw.git import Repository, included_files

T = TypeVar("T")

FILE_BYTES_MAX = 256 * 1024
"""Larger files are no settings, and are not looked through."""

FILES_MAX = 500
"""Files looked through at a time."""

ENV_FILES = (".env", ".env.*", "*.env", ".envrc", ".npmrc", ".netrc", ".pypirc")
"""Files in the top folder of a checkout that may hold secrets, whether they are copied or not."""

EXAMPLES = (".example", ".sample", ".template", ".dist")
"""Ends of the names of files that only show which values are wanted."""

NAMES = frozenset(
    [
        "attempt",
        "task",
        "about",
        "action",
        "key",
        "verb",
        "commit",
        "tree",
        "base",
        "onto",
        "found",
        "path",
        "log",
        "name",
        "boot_id",
        "containment",
        "version",
        "remote",
        "limits",
        "refs",
        "records",
    ]
)
"""Fields of observations that name something by which it is found again; no words of anybody's.
Records of a task file are cleaned, or refused, as the plan is that they are a part of."""


class Secrets:
    """The secrets known so far. What was learned once is never forgotten, since files that were
    written with it may still have to be cleaned."""

    def __init__(self, settings: Settings | None = None, environ: Mapping[str, str] = {}) -> None:
        self._mutex = threading.Lock()
        self._settings = settings or Settings()
        known = set(secrets_among(environ.items()))
        for agent in self._settings.agents:
            known |= set(secrets_among(agent.env))
        self._known = known
        self.redactor = Redactor(sorted(known), tokens=True)

    def learn(self, folder: Path, further: Iterable[str] = ()) -> None:
        """Read what lies in a checkout: its `.env` files, those that the settings copy or link
        into worktrees, and the `further` ones, named from its top."""
        worktree = self._settings.worktree
        found: set[tuple[str, str]] = set()
        for path in _settings_files(folder, (*worktree.copy, *worktree.link, *further)):
            found |= set(secrets_among(pairs_in(_text(path))))
        with self._mutex:
            if not found <= self._known:
                self._known |= found
                self.redactor = Redactor(sorted(self._known), tokens=True)

    def learn_agent(self, agent: AgentSettings) -> None:
        """The secrets in the settings of an agent that came later."""
        found = set(secrets_among(agent.env))
        with self._mutex:
            if not found <= self._known:
                self._known |= found
                self.redactor = Redactor(sorted(self._known), tokens=True)

    def require_ignored(self, repo: Repository) -> None:
        """`UserError` for a file with secrets that is put into worktrees and that git does not
        ignore: with the first `git add -A` it would be part of the work."""
        root = repo.main_root or repo.root
        place = repo.place(root)
        for name in (*self._settings.worktree.copy, *self._settings.worktree.link):
            found = _settings_files(root, (name,), tops=False)
            if not any(any(secrets_among(pairs_in(_text(path)))) for path in found):
                continue
            known = repo.git("ls-files", "--", name, place=place).stdout
            ignored = repo.git("check-ignore", "-q", "--", name, place=place, ok=(0, 1, 128))
            if not known and ignored.code == 1:
                raise UserError(
                    f"cannot put {name} into worktrees: it holds secrets, and git does not ignore "
                    f"it, so it would be committed with them; try: echo {name} >> .gitignore"
                )

    def text(self, text: str) -> str:
        """The text without secrets."""
        return self.redactor.text(text)

    def out_of(self, seen: T) -> T:
        """An observation, or another value, without secrets in its words."""
        return _cleaned(seen, self.redactor) if self.redactor else seen

    def out_of_plan(self, plan: Plan) -> Plan:
        """The plan without secrets in its texts, which go into the journal and into prompts.
        `UserError` for one in a place where it would be needed as it is."""
        if not self.redactor:
            return plan
        return replace(
            plan, goal=self.text(plan.goal), tasks=tuple(map(self._out_of_task, plan.tasks))
        )

    def _out_of_task(self, task: Task) -> Task:
        for name, value in task.env:
            self._require_none(f"the variable {name} of task '{task.id}'", value, "pass_env")
        self.require_none_in_checks(task.checks)
        return replace(task, title=self.text(task.title), prompt=self.text(task.prompt))

    def require_none_in_checks(self, checks: Iterable[Check]) -> None:
        """`UserError` for a check whose command holds a secret: commands are kept and shown."""
        for check in checks:
            where = f"the check `{self.text(check.name)}`"
            self._require_none(where, "\0".join((check.name, *check.argv)), "pass_env of [checks]")

    def require_none_in_setup(self, line: str | None) -> None:
        """`UserError` for a setup whose line holds a secret."""
        self._require_none("setup of [worktree]", line or "", "pass_env of [checks]")

    def require_none_in_arguments(
        self, agent: AgentSettings, argv: Iterable[str] | None = None
    ) -> None:
        """`UserError` for an agent whose arguments, which every user of the machine can read, hold
        a secret: those of the settings, or all that a turn is started with."""
        where, by = f"the arguments of agent '{agent.name}'", f"pass_env of [agents.{agent.name}]"
        own = argv is None
        text = "\0".join((*agent.argv, *agent.args) if argv is None else argv)
        self._require_none(where, text, by, by_shape=own)

    def _require_none(self, where: str, text: str, by: str, *, by_shape: bool = True) -> None:
        if name := self.redactor.named_in(text, by_shape=by_shape):
            raise UserError(
                f"cannot use {where}: there stands {_named(name)}, which would be kept and shown; "
                f"try passing it as a variable, by {by}"
            )


def _named(name: str) -> str:
    return name if " " in name else f"the value of {name}"


def _settings_files(folder: Path, names: Iterable[str], *, tops: bool = True) -> Iterator[Path]:
    """Files that may name secrets, each at most once."""
    seen: set[Path] = set()
    found = [path for pattern in ENV_FILES if tops for path in sorted(folder.glob(pattern))]
    for path in (*found, *(folder / name for name in names)):
        inner = sorted(path.iterdir()) if path.is_dir() and not path.is_symlink() else [path]
        for each in inner:
            known = each in seen or each.suffix in EXAMPLES
            if len(seen) < FILES_MAX and not known and each.is_file():
                seen.add(each)
                yield each


def _text(path: Path) -> str:
    """The text of a small file; nothing of one that cannot be read: then nobody here copies it."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError:
        return ""
    small = len(content) <= FILE_BYTES_MAX and b"\0" not in content
    return content.decode("utf-8", "surrogateescape") if small else ""


def _cleaned(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        # An enumeration's members are words of ours, and must stay what they are.
        return redactor.text(value) if type(value) is str else value
    if isinstance(value, tuple):
        return tuple(_cleaned(item, redactor) for item in value)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        before = getattr(value, field.name)
        if field.name in NAMES:
            continue
        after = _cleaned(before, redactor)
        if after is not before and after != before:
            changed[field.name] = after
    return replace(value, **changed) if changed else value


def secrets_of(repo: Repository, settings: Settings, environ: Mapping[str, str]) -> Secrets:
    """What must not be written anywhere, as far as it is known before a run."""
    secrets = Secrets(settings, environ)
    for root in {repo.root, repo.main_root or repo.root}:
        secrets.learn(root, included_files(repo, root))
    return secrets
