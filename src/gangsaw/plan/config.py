"""The text of `gangsaw.toml` → `Settings`, in layers, or every fault at once.

Layers in rising order: the user's file, the repository's, one that was asked for, the environment,
flags. Each file is checked by itself, so that every fault is told with its own file and line;
then the layers are merged (`merge_config`) and what concerns the whole is checked.

Besides the configured agents, every known kind but `command` is an agent of its own name, so that
`gangsaw run` works without any settings. The default agent is `run.agent`, else the only
configured one, else the first configured one (with a warning), else `claude`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gangsaw.core.barriers import BARRIERS
from gangsaw.core.errors import UserError
from gangsaw.core.model import (
    AgentSlots,
    Deliver,
    History,
    Limits,
    Push,
    RadarPolicy,
    Uncommitted,
)
from gangsaw.core.settings import (
    AgentSettings,
    ConflictSettings,
    LandingSettings,
    Settings,
    WorktreeSettings,
    adapter_file,
)
from gangsaw.plan.complaint import Complaint, Findings, Path, did_you_mean, located, nearest, shown
from gangsaw.plan.env_text import EnvTree, read_env, read_variables
from gangsaw.plan.honesty_rules import check_allowed, honesty_of
from gangsaw.plan.origins import (
    Flags,
    Sources,
    check_once,
    from_other_end,
    normalised,
)
from gangsaw.plan.settings_fields import (
    AGENT,
    KINDS,
    PLACEHOLDERS,
    RESUMING_KINDS,
    SECTIONS,
    TOP,
)
from gangsaw.plan.shapes import is_table, read_table
from gangsaw.plan.toml_text import TomlFault, TomlTree, read_toml

FIRST_KIND = "claude"
"""The agent of a run without any settings."""

_AGENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_PLACEHOLDER = re.compile(r"(?<![${])\{([A-Za-z_][A-Za-z0-9_]*)\}(?!\})")


@dataclass(frozen=True, slots=True)
class Layer:
    """A settings file: its text, the name shown, and the table within it (`("tool", "gangsaw")`
    of a `pyproject.toml`). `own`: it is the user's, not one that came with a repository, and may
    name files of code. `env`: it is written as `KEY=VALUE` lines."""

    text: str
    source: str
    table: tuple[str, ...] = ()
    own: bool = False
    env: bool = False


class FurtherKinds(Protocol):
    """Kinds of agents besides the built-in ones. Only asked where a kind is none of those."""

    def names(self) -> Collection[str]:
        """Those that can be called by a name."""
        ...

    def resumes(self, kind: str) -> bool:
        """Whether sessions of that kind, a name or `FILE.py:NAME`, can be taken up again.
        `UserError` if its adapter cannot be used."""
        ...


class _NoFurther:
    def names(self) -> Collection[str]:
        return ()

    def resumes(self, kind: str) -> bool:
        raise UserError(f"cannot use {kind}: adapters of files are not asked for here")


NO_FURTHER: FurtherKinds = _NoFurther()


@dataclass(frozen=True, slots=True)
class ConfigRead:
    """What came of reading the settings; they are `None` if there are errors. `sources` tells
    where each value came from."""

    settings: Settings | None
    errors: tuple[Complaint, ...]
    warnings: tuple[Complaint, ...]
    sources: Sources = field(default_factory=Sources)


@dataclass(frozen=True, slots=True)
class _Read:
    """A layer that could be read."""

    layer: Layer
    tree: TomlTree | EnvTree
    raw: dict[str, Any]

    @property
    def source(self) -> str:
        return self.layer.source

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column of a value."""
        return self.tree.find([(wanted := (*self.layer.table, *path), False)])[wanted, False]


def read_config(
    text: str, source: str, *, table: tuple[str, ...] = (), kinds: Collection[str] = KINDS
) -> ConfigRead:
    """The settings of one file, with all errors and warnings."""
    return load_settings(Layer(text, source, table), None, {}, kinds=kinds)


def load_settings(
    repo: Layer | None,
    user: Layer | None,
    environ: Mapping[str, str],
    *,
    config: Layer | None = None,
    flags: Flags | None = None,
    kinds: Collection[str] = KINDS,
    further: FurtherKinds = NO_FURTHER,
) -> ConfigRead:
    """The settings of all layers merged, later ones on top: the repository's, the user's, those of
    `config` (a file that was asked for), the environment's, and `flags` (what was said on the
    command line); without any of them the defaults."""
    errors, faults, doubts = list[Complaint](), Findings(), Findings()
    layers = [layer for layer in (repo, user, config) if layer is not None]
    vain: list[Complaint] = []
    reads = [
        read
        for layer in layers
        if (read := _read_layer(layer, errors, vain, kinds, further)) is not None
    ]
    variables = read_variables(environ, errors)
    merged: dict[str, Any] = {}
    for read in reads:
        merged = merge_config(merged, normalised(read.raw))
    for section, key, value in (*variables.values(), *(flags or {}).values()):
        merged = merge_config(merged, {section: {key: value}})
    # Code is loaded only once every file is known to be right.
    _check_whole(merged, kinds, NO_FURTHER if errors else further, faults, doubts)
    errors.extend(_placed(faults, reads))
    warnings = (*vain, *_placed(doubts, reads))
    if errors:
        order = {layer.source: n for n, layer in enumerate(layers)}
        errors.sort(key=lambda error: (order.get(error.source, len(order)), error))
        return ConfigRead(None, tuple(errors), warnings)
    settings = _settings(merged, reads, kinds, further)
    return ConfigRead(settings, (), warnings, Sources(tuple(reads), variables, flags or {}))


def _read_layer(
    layer: Layer,
    errors: list[Complaint],
    vain: list[Complaint],
    kinds: Collection[str],
    further: FurtherKinds,
) -> _Read | None:
    """The layer, checked by itself; `None` where it is no text of its form at all."""
    if layer.env:
        env, faults, doubts = read_env(layer.text, layer.source)
        errors.extend(faults)
        vain.extend(doubts)
        return _Read(layer, env, env.value)
    tree = read_toml(layer.text)
    if isinstance(tree, TomlFault):
        remedy = "texts need quotes, each key its own line"
        errors.append(Complaint(layer.source, tree.line, tree.col, tree.text, remedy))
        return None
    findings = Findings()
    raw = _table_within(tree, layer, findings)
    parsed = _parse(raw, layer.table, findings)
    _check_kinds(parsed, layer, findings, kinds, further)
    check_once(parsed, layer.table, findings)
    errors.extend(located(findings.items, layer.source, tree))
    return _Read(layer, tree, raw)


def merge_config(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` on top: tables are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = merge_config(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _table_within(tree: TomlTree, layer: Layer, findings: Findings) -> dict[str, Any]:
    """The layer's own table; empty if the file has none."""
    value: Any = tree.value
    for n, key in enumerate(layer.table):
        value = value.get(key, {})
        if not is_table(value, layer.table[: n + 1], findings):
            return {}
    table: dict[str, Any] = value
    return table


# --- one layer ---------------------------------------------------------------------------------


def _parse(raw: Mapping[str, Any], at: Path, findings: Findings) -> dict[str, dict[str, Any]]:
    """The checked values by section; agents are sections called `agents.NAME`."""
    top = read_table(TOP, raw, at, findings)
    parsed: dict[str, dict[str, Any]] = {}
    for section, shape in SECTIONS.items():
        if section in top:
            parsed[section] = read_table(shape, top[section], (*at, section), findings)
    check_allowed(parsed.get("honesty", {}), (*at, "honesty"), findings)
    for name, table in top.get("agents", {}).items():
        path = (*at, "agents", name)
        if not _AGENT_NAME.fullmatch(name):
            findings.add(
                path, "is no name for an agent", "use letters, digits, - _ and .", on_key=True
            )
        if not isinstance(table, dict):
            findings.add(path, "must be a table", f"write it as [agents.{shown(name)[1:-1]}]")
            continue
        parsed[f"agents.{name}"] = agent = read_table(AGENT, table, path, findings)
        for n, word in enumerate(agent.get("argv", ())):
            _check_placeholders(word, (*path, "argv", n), findings)
    return parsed


def _check_kinds(
    parsed: Mapping[str, Mapping[str, Any]],
    layer: Layer,
    findings: Findings,
    kinds: Collection[str],
    further: FurtherKinds,
) -> None:
    """Note kinds that there are not, and files of code that a repository names."""
    for section, table in parsed.items():
        kind = table.get("kind")
        if kind is None or not section.startswith("agents.") or kind in kinds:
            continue
        path = (*layer.table, "agents", section.removeprefix("agents."), "kind")
        if adapter_file(kind) is not None:
            if not layer.own:
                said = "names a file of code, which only your own settings may"
                remedy = "write this table into ~/.config/gangsaw/config.toml"
                findings.add(path, said, remedy)
        elif kind not in further.names():
            known = sorted({*kinds, *further.names()})
            remedy = did_you_mean(kind, known) or f"known kinds: {', '.join(known)}"
            findings.add(path, f"no kind is called {shown(kind)}", remedy)


def _check_placeholders(word: str, path: Path, findings: Findings) -> None:
    """Note near misses of the known placeholders.

    Only `{word}` that stands alone is looked at; `${word}`, `{{word}}`, `{a,b}`, JSON and words
    unlike any placeholder are left alone, and so is `{ word }` with blanks.
    """
    for match in _PLACEHOLDER.finditer(word):
        name = match[1]
        near = None if name in PLACEHOLDERS else nearest(name, PLACEHOLDERS)
        if near:
            remedy = (
                f"did you mean {{{near}}}? where it is meant so, write {{ {name} }} with blanks"
            )
            findings.add(path, f"no placeholder is called {{{name}}}", remedy)


# --- the whole ---------------------------------------------------------------------------------


def _check_whole(
    merged: Mapping[str, Any],
    kinds: Collection[str],
    further: FurtherKinds,
    faults: Findings,
    doubts: Findings,
) -> None:
    """What only all layers together can say. Values of a wrong type are told elsewhere."""
    agents = merged.get("agents", {})
    agents = agents if isinstance(agents, dict) else {}
    for name, table in agents.items():
        if isinstance(table, dict):
            _check_agent(table, ("agents", name), kinds, faults, doubts)
            if further is not NO_FURTHER:
                _check_further(table, ("agents", name), kinds, further, faults)
    run = merged.get("run", {})
    run = run if isinstance(run, dict) else {}
    chosen = run.get("agent") or run.get("agents")
    known = [*agents, *_built_in(agents, kinds)]
    named: list[tuple[Path, Any]] = [(("run", key), run.get(key)) for key in ("agent", "reviewer")]
    pool = run.get("agents")
    if isinstance(pool, list):
        named += [(("run", "agents", n), agent) for n, agent in enumerate(pool)]
    for name, table in agents.items():
        if isinstance(table, dict):
            named.append((("agents", name, "fallback"), table.get("fallback")))
    for path, agent in named:
        if isinstance(agent, str) and agent.strip() and agent.strip() not in known:
            remedy = did_you_mean(agent, known) or f"known agents: {', '.join(known)}"
            faults.add(path, f"no agent is called {shown(agent)}", remedy)
    if chosen is None and len(agents) > 1:
        said = f"no default agent is named; tasks that name none get {shown(next(iter(agents)))}"
        doubts.add(("agents",), said, 'write agent = "NAME" below [run]')


def _check_agent(
    table: Mapping[str, Any], path: Path, kinds: Collection[str], faults: Findings, doubts: Findings
) -> None:
    kind = table.get("kind")
    if kind is None:
        faults.add(path, "kind is missing", f"write kind = one of {', '.join(sorted(kinds))}")
    elif kind == "command":
        if "argv" not in table:
            faults.add(path, "argv is missing", 'write argv = ["PROGRAM", "{prompt_file}"]')
        for key in ("binary", "args"):
            if key in table:
                said = 'does not go with kind = "command"'
                faults.add((*path, key), said, "write program and arguments in argv", on_key=True)
        argv = table.get("argv")
        words = [word for word in argv if isinstance(word, str)] if isinstance(argv, list) else []
        if words and "stdin" not in table and not any("prompt_file}" in word for word in words):
            remedy = (
                'write stdin = "prompt", or {prompt_file} in argv; stdin = "none" if it is meant'
            )
            doubts.add((*path, "argv"), "the prompt does not reach this agent", remedy)
    elif kind == "acp":
        if "argv" not in table:
            faults.add(path, "argv is missing", 'write argv = ["PROGRAM", "--acp"]')
        for key in ("binary", "stdin"):
            if key in table:
                said = 'does not go with kind = "acp"'
                faults.add((*path, key), said, "write program and arguments in argv", on_key=True)
    elif kind in kinds:
        _check_keys(table, path, faults)


def _check_keys(table: Mapping[str, Any], path: Path, faults: Findings) -> None:
    for key in ("argv", "stdin"):
        if key in table:
            said = 'goes with kind = "command" only'
            faults.add((*path, key), said, "write more arguments in args", on_key=True)


def _check_further(
    table: Mapping[str, Any],
    path: Path,
    kinds: Collection[str],
    further: FurtherKinds,
    faults: Findings,
) -> None:
    """Note an agent whose adapter is not shipped and cannot be used."""
    kind = table.get("kind")
    if not isinstance(kind, str) or kind.strip() in kinds:
        return
    _check_keys(table, path, faults)
    try:
        further.resumes(kind.strip())
    except UserError as error:
        text, _, remedy = error.text.partition("; try ")
        faults.add((*path, "kind"), text, remedy and f"try {remedy}")


def _built_in(agents: Mapping[str, Any], kinds: Collection[str]) -> list[str]:
    """Kinds that are agents of their own name."""
    return [kind for kind in kinds if kind not in ("acp", "command") and kind not in agents]


def _placed(findings: Findings, reads: list[_Read]) -> tuple[Complaint, ...]:
    """Each finding at its place in the highest layer that has it (or comes nearest)."""
    complaints: list[Complaint] = []
    for finding in findings.items:
        if not reads:
            complaints.extend(located([finding], "environment", _Nowhere()))
            continue
        read = max(reversed(reads), key=lambda read: _depth(read.raw, finding.path))
        path = (*read.layer.table, *finding.path)
        moved = type(finding)(path, finding.text, finding.remedy, finding.on_key)
        complaints.extend(located([moved], read.layer.source, read.tree))
    return tuple(sorted(complaints))


class _Nowhere:
    """Places of what stands in no file."""

    def find(
        self, wanted: Collection[tuple[Path, bool]]
    ) -> dict[tuple[Path, bool], tuple[int, int]]:
        """See `Places.find`."""
        return dict.fromkeys(wanted, (0, 0))


def _depth(raw: Any, path: Path) -> int:
    """How many steps of the path exist."""
    for n, step in enumerate(path):
        if not isinstance(raw, dict) or step not in raw:
            return n
        raw = raw[step]
    return len(path)


def _settings(
    merged: Mapping[str, Any], reads: list[_Read], kinds: Collection[str], further: FurtherKinds
) -> Settings:
    """The values of a merged table that is known to be right."""
    parsed = _parse(merged, (), Findings())
    run, checks = parsed.get("run", {}), parsed.get("checks", {})
    landing = parsed.get("landing", {})
    configured = [
        AgentSettings(name=name, **parsed[f"agents.{name}"]) for name in merged.get("agents", {})
    ]
    agents = (
        *configured,
        *(
            AgentSettings(name=kind, kind=kind)
            for kind in _built_in(merged.get("agents", {}), kinds)
        ),
    )
    first = configured[0].name if configured else FIRST_KIND
    slots = tuple(
        AgentSlots(
            a.name,
            a.slots,
            further.resumes(a.kind) if a.kind not in kinds else a.kind in RESUMING_KINDS,
            a.fallback or "",
            _is_told(a),
            _account_of(a),
            a.memory_max_mb,
            a.seats,
            a.fallback_after_s or 0.0,
        )
        for a in agents
    )
    return Settings(
        agents=agents,
        limits=_limits(parsed, slots, run.get("agent", next(iter(run.get("agents", ())), first))),
        checks=checks.get("run", ()),
        check_pass_env=checks.get("pass_env", ()),
        check_cache=checks.get("cache", "true") == "true",
        check_keep=checks.get("keep", Settings().check_keep),
        check_slots=checks.get("slots", Settings().check_slots),
        worktree=WorktreeSettings(**parsed.get("worktree", {})),
        landing=LandingSettings(landing.get("barriers", BARRIERS)),
        conflicts=_conflicts(landing),
        remote=run.get("remote"),
        on_interrupt=run.get("on_interrupt", Settings().on_interrupt),
        dry_run=run.get("dry_run") == "true",
        source=", ".join(read.source for read in reads),
    )


def _is_told(agent: AgentSettings) -> bool:
    """Whether each turn's own prompt reaches the agent; a command may ask for the task's only."""
    own = any("{prompt_file}" in word for word in agent.argv)
    return agent.kind != "command" or agent.stdin == "prompt" or own


_NOBODYS_KINDS = frozenset({"acp", "command", "scripted"})
"""Kinds that may be any program, or need no account."""


def _account_of(agent: AgentSettings) -> str:
    """Whose usage limits the agent meets: agents of one program are signed in as one, unless they
    are given variables of their own."""
    own = agent.kind in _NOBODYS_KINDS or bool(agent.env) or adapter_file(agent.kind) is not None
    return agent.account or ("" if own else agent.kind)


LIMIT_NAMES = {
    "max_agents": "max_agents",
    "attempts": "attempts_max",
    "turns": "turns_max",
    "crashes": "crashes_max",
    "timeout_s": "timeout_s",
    "stall_s": "stall_s",
    "grace_s": "grace_s",
    "backoff_s": "backoff_base_s",
    "backoff_max_s": "backoff_max_s",
    "budget": "budget_usd",
    "budget_tokens": "budget_tokens",
    "budget_day": "budget_day_usd",
    "budget_day_tokens": "budget_day_tokens",
    "reserve": "reserve_usd",
    "disk_floor_mb": "disk_floor_mb",
    "reviewer": "reviewer",
    "rounds": "rounds_max",
}
"""Keys of `[run]` and the limits that they set."""


def _conflicts(landing: Mapping[str, Any]) -> ConflictSettings:
    known = {key: landing[key] for key in ("mergiraf", "union") if key in landing}
    return ConflictSettings(**known)


def _limits(
    parsed: Mapping[str, Mapping[str, Any]],
    slots: tuple[AgentSlots, ...],
    default_agent: str,
) -> Limits:
    run, checks, landing, radar = (
        parsed.get(name, {}) for name in ("run", "checks", "landing", "radar")
    )
    honesty = honesty_of(parsed.get("honesty", {}))
    values: dict[str, Any] = {LIMIT_NAMES[key]: run[key] for key in run if key in LIMIT_NAMES}
    machine = parsed.get("machine", {})
    if "memory_max_pct" in machine:
        values["memory_floor_pct"] = from_other_end(machine["memory_max_pct"])
    values |= {key: machine[key] for key in machine if key != "memory_max_pct"}
    if "batched" in run:
        values["batched"] = run["batched"] == "true"
    if "agents" in run:
        values["pool"] = tuple(dict.fromkeys(run["agents"]))
    if "deliver" in run:
        values["deliver"] = Deliver(run["deliver"])
    if "uncommitted" in run:
        values["uncommitted"] = Uncommitted(run["uncommitted"])
    if "window" in landing:
        values["window"] = landing["window"]
    if "remote" in run:
        values["remote"] = run["remote"]
    if "history" in landing:
        values["history"] = History(landing["history"])
    if "push" in landing:
        values["push"] = Push(landing["push"])
    if "timeout_s" in checks:
        values["check_timeout_s"] = checks["timeout_s"]
    if "policy" in radar:
        values["radar"] = RadarPolicy(radar["policy"])
    if "every_s" in radar:
        values["radar_every_s"] = radar["every_s"]
    return Limits(**values, agents=slots, default_agent=default_agent, honesty=honesty)
