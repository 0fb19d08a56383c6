"""Generate `docs/reference/agents.md`: what each real agent program was seen to do.

    python -m gangsaw.testing.capabilities               write the page from what is recorded
    python -m gangsaw.testing.capabilities --check       only compare (exit code 1: it differs)
    python -m gangsaw.testing.capabilities --tell FILE   say what these results came to
    python -m gangsaw.testing.capabilities --record FILE put these results into the record and write

The record is `docs/agents.json`; what the page says of each program besides comes from its adapter.
FILE is what a test run leaves behind, see `gangsaw.testing.guarantees`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gangsaw.agents import KINDS, adapter_for
from gangsaw.testing.guarantees import DOCS

CAPABILITIES = {
    "edit": "a file edited and committed in a worktree, landed, its tokens recorded",
    "repair": "a red check repaired, in the same session where it has sessions",
    "continue": "killed in the middle of a turn and gone on with",
    "quota": "a used up allowance waited for until its reset, then gone on with",
    "login": "a missing login named as what it is",
    "stream": "recordings of its output give the notes that are kept beside them",
}
LACKING = "LACKING: "
_PINS = DOCS.parent / "tests" / "e2e" / "clis"
_USAGE = "usage: python -m gangsaw.testing.capabilities [--check | --tell FILE | --record FILE]"
_HEAD = """\
# Agents

What each agent program was seen to do: the real program, unmodified, in the version that is named,
through the real `gangsaw run`, against a scripted model on loopback. Generated from the results of
the tests by `./dev test --record`.

**yes**: a test showed it. **no**: it does not work, the reason is below. **–**: not shown, because
the program could not be installed where this was recorded, or no test is there yet.
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of a capability of a program: `proven`, or why not (`reason`). `at` is a date,
    `where` the kind of machine, `version` the program's."""

    agent: str
    capability: str
    proven: bool
    reason: str
    version: str
    test: str
    at: str
    where: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a run of the tests came to: what was shown, what failed, and which programs were not
    to be had, with the reason."""

    shown: tuple[Shown, ...]
    failed: tuple[str, ...]
    absent: dict[str, str]


def pinned(pins: Path = _PINS) -> dict[str, str]:
    """Program → the version that the tests install."""
    found = {}
    for folder in sorted(pins.iterdir()):
        if (folder / "package.json").exists():
            package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
            (found[folder.name],) = package["dependencies"].values()
        elif (folder / "requirements.in").exists():
            line = (folder / "requirements.in").read_text(encoding="utf-8").split()[0]
            found[folder.name] = line.partition("==")[2]
    return found


def program_of(agent: str) -> str:
    """The program behind an agent: of `acp-gemini`, one that is spoken to by the Agent Client
    Protocol, `gemini`."""
    return agent.removeprefix("acp-")


def read_results(file: Path, versions: dict[str, str]) -> Told:
    """What the results of a run say of capabilities. Of several tests of one capability all must
    have passed."""
    shown: dict[tuple[str, str], Shown] = {}
    failed, absent = [], {}
    for line in file.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        for name in entry.get("capabilities", ()):
            agent, _, capability = name.partition("/")
            reason = str(entry.get("reason", ""))
            if entry["outcome"] == "failed":
                failed.append(f"{name}: {entry['test']}")
            elif entry["outcome"] == "skipped" and not reason.startswith(LACKING):
                absent[agent] = reason
            else:
                one = Shown(
                    agent, capability, entry["outcome"] == "passed", reason.removeprefix(LACKING),
                    versions.get(program_of(agent), ""), entry["test"].partition("[")[0],
                    entry["at"], entry["where"],
                )  # fmt: skip
                before = shown.get((agent, capability))
                shown[agent, capability] = one if before is None or before.proven else before
    return Told(tuple(shown.values()), tuple(failed), absent)


def read_record(docs: Path) -> list[Shown]:
    """What is recorded, sorted; nothing before the first record."""
    file = docs / "agents.json"
    if not file.exists():
        return []
    return [Shown(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]


def merged(record: Sequence[Shown], found: Sequence[Shown]) -> list[Shown]:
    """The record with these results instead of older ones. What was shown of a program that was
    not to be had this time stays, with its version and date."""
    kept = {(one.agent, one.capability): one for one in (*record, *found)}
    return [kept[key] for key in sorted(kept)]


def _rows(record: Sequence[Shown], versions: dict[str, str]) -> dict[str, str]:
    """Agent → version: every pinned program, and those spoken to in another way."""
    others = sorted({one.agent for one in record} - versions.keys())
    return versions | {agent: versions.get(program_of(agent), "") for agent in others}


def page(record: Sequence[Shown], versions: dict[str, str]) -> str:
    """The whole page."""
    versions = _rows(record, versions)
    parts = [_HEAD, "\n".join(_table(record, versions)), "\n".join(_meanings())]
    for agent in versions:
        parts.append("\n".join(_section(agent, [one for one in record if one.agent == agent])))
    return "\n".join(parts)


def _table(record: Sequence[Shown], versions: dict[str, str]) -> Iterator[str]:
    known = {(one.agent, one.capability): one for one in record}
    yield f"| Agent | Version | {' | '.join(CAPABILITIES)} |"
    yield f"|---|---|{'---|' * len(CAPABILITIES)}"
    for agent, version in versions.items():
        cells = [_cell(known.get((agent, name)), version) for name in CAPABILITIES]
        yield f"| {agent} | {version} | {' | '.join(cells)} |"
    yield ""


def _cell(shown: Shown | None, version: str) -> str:
    if shown is None:
        return "–"
    if not shown.proven:
        return "no"
    return "yes" if shown.version == version else f"with {shown.version}"


def _meanings() -> Iterator[str]:
    for name, meaning in CAPABILITIES.items():
        yield f"- **{name}**: {meaning}"
    yield ""


def _section(agent: str, shown: Sequence[Shown]) -> Iterator[str]:
    """The lines about one program: what its adapter knows, what does not work, who showed it."""
    yield f"## {agent}"
    yield ""
    kind = agent.partition("-")[0]
    adapter = adapter_for(kind) if kind in KINDS else None
    program = adapter.program if adapter is not None else None
    if adapter is None:
        yield "- There is no adapter for it."
    elif program is None:
        yield f"- An agent of kind `{kind}`, whose command is in the settings."
    else:
        goes_on = (
            "in its own session" if adapter.resumes else "in a fresh session, told what is there"
        )
        yield f"- Program `{program.name}`, a later turn goes on {goes_on}."
        if program.tested[0]:
            first, below = program.tested
            yield f"- Meant for versions from {first} up to, without, {below}."
        if program.install:
            yield f"- Install: `{program.install}`"
        if program.sign_in:
            yield f"- Sign in: `{program.sign_in}`"
        if program.keys:
            yield f"- Or by a variable: {', '.join(f'`{key}`' for key in program.keys)}"
        yield from (f"- Trap: {trap}." for trap in program.traps)
    yield from (f"- No {one.capability}: {one.reason}." for one in shown if not one.proven)
    for test in sorted({one.test for one in shown if one.proven}):
        names = sorted(one.capability for one in shown if one.proven and one.test == test)
        latest = max((one for one in shown if one.test == test), key=lambda one: one.at)
        yield f"- Shown by `{test}` ({', '.join(names)}; {latest.at}, {latest.where})"
    yield ""


def tell(told: Told, versions: dict[str, str]) -> Iterator[str]:
    """A line for each program: how much of it was shown, or why it was not there."""
    versions = _rows(told.shown, versions)
    for agent, version in versions.items():
        own = [one for one in told.shown if one.agent == agent]
        proven = [one for one in own if one.proven]
        lacking = [one.capability for one in own if not one.proven]
        text = f"{len(proven)} of {len(CAPABILITIES)} shown"
        text += f", known not to work: {', '.join(lacking)}" if lacking else ""
        text += f", NOT AVAILABLE: {told.absent[agent]}" if agent in told.absent else ""
        yield f"agents: {agent} {version}: {text}"
    yield from (f"agents: FAILED {failure}" for failure in told.failed)


def write(docs: Path, record: list[Shown]) -> None:
    """Write record and page."""
    text = json.dumps([asdict(one) for one in record], indent=1, ensure_ascii=False)
    (docs / "agents.json").write_text(text + "\n", encoding="utf-8")
    (docs / "reference" / "agents.md").write_text(page(record, pinned()), encoding="utf-8")


def is_up_to_date(docs: Path) -> bool:
    """Whether the page is what it would be written as."""
    file = docs / "reference" / "agents.md"
    return file.exists() and file.read_text("utf-8") == page(read_record(docs), pinned())


def main(arguments: list[str]) -> int:
    """The exit code: 0 fine, 1 not up to date, 2 usage."""
    match arguments:
        case []:
            write(DOCS, read_record(DOCS))
        case ["--check"]:
            if not is_up_to_date(DOCS):
                print("docs/reference/agents.md: ./dev docs", file=sys.stderr)
                return 1
        case ["--tell", file]:
            versions = pinned()
            print("\n".join(tell(read_results(Path(file), versions), versions)))
        case ["--record", file]:
            found = read_results(Path(file), pinned()).shown
            write(DOCS, merged(read_record(DOCS), found))
        case _:
            print(_USAGE, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
