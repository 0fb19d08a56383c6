"""The agents of this machine: installed or not, which version, signed in or not, known traps.

Nothing is spent and nothing is sent: programs are only asked for their version, and a sign-in is
told by the variables and files that it leaves. No value of either is read out.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gangsaw.agents import KINDS, adapter_for, allowed_environment, plain_text, program_of
from gangsaw.agents.protocol import Program, Variables
from gangsaw.cli.findings import Finding, Level
from gangsaw.core.launch import Ended, LaunchSpec
from gangsaw.core.settings import AgentSettings, Settings
from gangsaw.procs import Finished, TimedOut, run_to_end

VERSION_TIMEOUT_S = 20.0
"""Programs that run on Node.js or Python take seconds to start on a busy machine."""
VERSION_MAX = 80
OUTPUT_MAX = 4096
AT_ONCE = 4
NODE, NODE_NAME = "node", "Node.js"
_VERSION = re.compile(r"\d+(?:\.\d+)+")


class Range(StrEnum):
    """Where a version stands beside those that the adapter is proven with."""

    TESTED = "tested"
    OLDER = "older"
    NEWER = "newer"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """A version command: its program in full, the arguments and the environment."""

    path: str
    arguments: tuple[str, ...]
    env: Variables


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: a version, or why there is none."""

    version: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What is known of one agent. `path` is `None` where the program is not there, `signed_in`
    where that cannot be told; `signed_in_by` names a variable or a file."""

    name: str
    kind: str
    program: str | None
    path: str | None
    version: str
    range: Range
    signed_in: bool | None
    signed_in_by: str
    node: str
    known: Program | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    """An agent with what was looked up of it before any program is asked."""

    agent: AgentSettings
    env: Mapping[str, str]
    known: Program | None
    program: str | None
    path: str | None
    asked: Asked | None
    is_default: bool

    @property
    def wanted(self) -> bool:
        """Whether somebody wrote it down, or it is the default. Every kind is also an agent of
        its own name, which need not be there."""
        agent = self.agent
        return self.is_default or agent != AgentSettings(name=agent.kind, kind=agent.kind)


def check_agents(
    settings: Settings, environ: Mapping[str, str], timeout_s: float = VERSION_TIMEOUT_S
) -> list[AgentReport]:
    """All agents of the settings. `timeout_s` bounds each version command; several are asked at
    once."""
    default = settings.limits.default_agent
    subjects = [_subject(agent, environ, default) for agent in settings.agents]
    node = _node_of(subjects)
    commands = {subject.asked for subject in subjects if subject.asked} | (
        {node} if node else set()
    )
    answers = _ask(sorted(commands, key=repr), timeout_s)
    node_version = answers[node].version if node else ""
    return [_report(subject, environ, answers, node_version) for subject in subjects]


def of_agents(reports: list[AgentReport]) -> Iterator[Finding]:
    """What there is to say of all of them: the known kinds that are not there in one finding."""
    missing = [report for report in reports if not report.findings]
    for report in reports:
        yield from report.findings
    if missing:
        lines = [f"not installed: {', '.join(report.name for report in missing)}"]
        lines += [
            f"{report.name}: {report.known.install}"
            for report in missing
            if report.known and report.known.install
        ]
        yield Finding(Level.OK, "other agents", "\n".join(lines))


# --- before any program is asked ---------------------------------------------------------------


def _subject(agent: AgentSettings, environ: Mapping[str, str], default: str) -> _Subject:
    env = dict(allowed_environment(environ, agent))
    known, program = adapter_for(agent.kind).program, program_of(agent)
    path = shutil.which(program, path=env.get("PATH", os.defpath)) if program else None
    path = os.path.abspath(path) if path else None  # it is asked from another folder
    arguments = known.version_args if known else _arguments_of(path)
    asked = Asked(path, arguments, tuple(sorted(env.items()))) if path and arguments else None
    return _Subject(agent, env, known, program, path, asked, agent.name == default)


def _arguments_of(path: str | None) -> tuple[str, ...]:
    """How to ask a program for its version that a `command` agent starts; nothing if it is none
    of the known ones, which may take a question for an order."""
    known = known_program(path) if path else None
    return known.version_args if known else ()


def known_program(path: str) -> Program | None:
    """What is known of the program in this file, by the name of the file; `None` if nothing."""
    programs = [adapter_for(kind).program for kind in KINDS]
    return next((each for each in programs if each and each.name == Path(path).name), None)


def _node_of(subjects: list[_Subject]) -> Asked | None:
    """How to ask for the version of Node.js, if it matters to an agent and is there."""
    for subject in subjects:
        if subject.known and subject.known.node_min:
            path = shutil.which(NODE, path=subject.env.get("PATH", os.defpath))
            if path is not None:
                return Asked(path, ("--version",), tuple(sorted(subject.env.items())))
    return None


# --- asking ------------------------------------------------------------------------------------


def _ask(commands: list[Asked], timeout_s: float) -> dict[Asked, Answer]:
    with ThreadPoolExecutor(AT_ONCE, "version") as pool:
        answers = pool.map(lambda asked: _answer(asked, timeout_s), commands)
        return dict(zip(commands, answers, strict=True))


def _answer(asked: Asked, timeout_s: float) -> Answer:
    with tempfile.TemporaryDirectory(prefix="gangsaw-doctor-") as folder:
        turn = Path(folder) / "turn"
        spec = LaunchSpec((asked.path, *asked.arguments), folder, asked.env)
        mark = f"doctor-{secrets.token_hex(12)}"
        end = run_to_end(turn, spec, mark=mark, timeout_s=timeout_s, grace_s=1.0)
        said = _head(turn / "out").strip() or _head(turn / "err").strip()
    first = said.splitlines()[0][:VERSION_MAX] if said else ""
    if isinstance(end, Finished) and end.record.outcome == Ended(0, None):
        found = _VERSION.search(said)
        return Answer(version=found[0] if found else first or "no version told")
    words = " ".join((Path(asked.path).name, *asked.arguments))
    if isinstance(end, TimedOut):
        return Answer(trouble=f"'{words}' did not end within {timeout_s:g} s")
    return Answer(trouble=f"'{words}' does not work: {first or 'it said nothing'}")


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return plain_text(file.read(OUTPUT_MAX))
    except FileNotFoundError:
        return ""


# --- what it means -----------------------------------------------------------------------------


def _report(
    subject: _Subject,
    environ: Mapping[str, str],
    answers: Mapping[Asked, Answer],
    node: str,
) -> AgentReport:
    answer = answers[subject.asked] if subject.asked else Answer()
    found = range_of(answer.version, subject.known.tested if subject.known else ("", ""))
    here = subject.path is not None
    by = _signed_in_by(subject) if subject.known else ""
    tells = bool(subject.known and (subject.known.keys or subject.known.key_files))
    findings = [*_of_program(subject, answer, found, node)]
    if here and tells:
        findings.append(_of_sign_in(subject, environ, by))
    return AgentReport(
        name=subject.agent.name,
        kind=subject.agent.kind,
        program=subject.program,
        path=subject.path,
        version=answer.version,
        range=found,
        signed_in=bool(by) if tells else None,
        signed_in_by=by,
        node=node if subject.known and subject.known.node_min else "",
        known=subject.known,
        findings=tuple(findings),
    )


def _of_program(subject: _Subject, answer: Answer, found: Range, node: str) -> Iterator[Finding]:
    """Whether it is there, and its version; nothing for a kind that is neither here nor wanted."""
    agent, known = subject.agent, subject.known
    about = f"agent {agent.name}"
    if subject.program is None:
        yield Finding(Level.OK, about, f"shipped with gangsaw (kind {agent.kind})")
        return
    traps = _traps(known, node)
    install = known.install if known else ""
    if subject.path is None:
        if subject.wanted:
            # Only the default agent is sure to be needed.
            level = Level.WRONG if subject.is_default else Level.ODD
            text = "\n".join([f"'{subject.program}' is not on PATH", *traps])
            mend = f"{install or 'install it'}; or give its path in [agents.{agent.name}]"
            yield Finding(level, about, text, mend)
        return
    if answer.trouble:
        level = Level.WRONG if subject.wanted else Level.ODD
        yield Finding(level, about, f"{answer.trouble} ({subject.path})", install)
        return
    yield Finding(*_of_version(subject, about, answer.version, found, traps))


def _of_version(
    subject: _Subject, about: str, version: str, found: Range, traps: list[str]
) -> tuple[Level, str, str, str]:
    known = subject.known
    shown = f"{version} ({subject.path})" if version else f"{subject.path}"
    since, below = known.tested if known else ("", "")
    install = known.install if known else ""
    if found is Range.OLDER:
        text = f"{shown} is older than what gangsaw is tested with ({since} and newer)"
        return Level.ODD, about, "\n".join([text, *traps]), install
    if found is Range.NEWER:
        text = (
            f"{shown} is newer than what gangsaw is tested with (below {below}); it may well work"
        )
        return Level.OK, about, "\n".join([text, *traps]), ""
    return Level.OK, about, "\n".join([shown, *traps]), ""


def _traps(known: Program | None, node: str) -> list[str]:
    """Known troubles, a line each; those of Node.js only where it is too old."""
    if known is None:
        return []
    major = _numbers(node)[:1]
    old = bool(known.node_min and major) and major < (known.node_min,)
    lines = [f"known: {trap}" for trap in known.traps if old or NODE_NAME not in trap]
    if old:
        wanted = f"the newest versions of {known.name} ask for {known.node_min}"
        lines.append(f"{NODE_NAME} is {node} here, {wanted}")
    return lines


def range_of(version: str, tested: tuple[str, str]) -> Range:
    """Where a version stands beside `(from, below)`; an empty bound is none."""
    numbers, since, below = _numbers(version), _numbers(tested[0]), _numbers(tested[1])
    if not numbers or not (since or below):
        return Range.UNKNOWN
    if since and numbers < since:
        return Range.OLDER
    return Range.NEWER if below and numbers >= below else Range.TESTED


def _numbers(version: str) -> tuple[int, ...]:
    found = re.search(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


# --- signed in ---------------------------------------------------------------------------------


def _signed_in_by(subject: _Subject) -> str:
    """The variable or file that is a sign of being signed in, or nothing."""
    known = subject.known
    assert known is not None
    for name in known.keys:
        if subject.env.get(name):
            return name
    home = Path(subject.env.get("HOME") or os.path.expanduser("~"))
    for name in known.key_files:
        try:
            if (home / name).is_file() and (home / name).stat().st_size:
                return f"~/{name}"
        except OSError:
            continue
    return ""


def _of_sign_in(subject: _Subject, environ: Mapping[str, str], by: str) -> Finding:
    known, agent = subject.known, subject.agent
    assert known is not None
    about = f"agent {agent.name} sign-in"
    if by:
        return Finding(Level.OK, about, f"{by} is {'there' if '/' in by else 'set'}")
    held_back = next((name for name in known.keys if environ.get(name)), None)
    if held_back is not None:
        text = f"{held_back} is set, but does not reach the agent"
        return Finding(
            Level.ODD, about, text, f'pass_env = ["{held_back}"] in [agents.{agent.name}]'
        )
    ways = [known.sign_in] if known.sign_in else []
    ways += [f"set {known.keys[0]}"] if known.keys else []
    return Finding(Level.ODD, about, "no sign of being signed in", ", or: ".join(ways))
