"""The text of a plan file → `Plan`, or every fault of it at once.

The way: text → plain values (YAML or JSON) → checked tables → tasks → checks between tasks →
positions of what was found. Each step goes on past faults of the step before, as far as that
makes sense. The only files read are the plan and the prompt files that it names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from gangsaw.core.model import Plan, Review, Stage, Task, Workspace
from gangsaw.core.redaction import SECRET_MIN, secrets_among
from gangsaw.core.standing import Standing
from gangsaw.plan.complaint import (
    Complaint,
    Finding,
    Findings,
    Path,
    Places,
    did_you_mean,
    kind_of,
    located,
    shown,
)
from gangsaw.plan.fields import DEFAULTS, PLAN, TASK, VERSION
from gangsaw.plan.ids import compare_ids, read_id
from gangsaw.plan.json_text import JsonTree, read_json
from gangsaw.plan.relations import check_needs, overlap_warnings, unchecked_warning
from gangsaw.plan.roles import RolesRead
from gangsaw.plan.shapes import Shape, flow_safe, read_table, unknown_key, written
from gangsaw.plan.standings import left_of, standings_of
from gangsaw.plan.tracks import read_tracks, with_tracks
from gangsaw.plan.yaml_text import SyntaxFault, YamlTree, read_yaml

PLAN_BYTES_MAX = 256 * 1024 * 1024
"""Size of a plan file, and of all else read here."""

PROMPT_BYTES_MAX = 16 * 1024 * 1024
"""Size of a prompt file."""

GIVE_CHECKS = "write checks: [COMMAND], for all tasks below defaults:"
"""How tasks of a plan get checks."""

JSON_AS_YAML_MAX = 200_000
"""Characters up to which a text that begins with `{` but is no JSON is tried as YAML."""


@dataclass(frozen=True, slots=True)
class PlanRead:
    """What came of reading a plan: the plan if there are no errors, and what to tell the user."""

    plan: Plan | None
    errors: tuple[Complaint, ...]
    warnings: tuple[Complaint, ...]


def read_plan(
    text: str,
    source: str,
    *,
    folder: str | None = None,
    known_agents: Collection[str] | None = None,
    checked: bool = False,
    roles: RolesRead | None = None,
) -> PlanRead:
    """The plan in `text`, with all errors and warnings, in the order of the file.

    `source` is the name shown. `folder` is where prompt files are found (`None`: they are
    refused). With `known_agents`, other agents' names draw a warning. `checked` says that the
    settings have checks for every task, so that tasks without their own are no cause to warn. With
    `roles`, a task that names no agent gets its role's, and an unknown role is an error.
    """
    text = text.removeprefix("\ufeff")
    tree = _tree(text, source)
    if isinstance(tree, SyntaxFault):
        fault = Complaint(source, tree.line, tree.col, tree.text, tree.remedy)
        return PlanRead(None, (fault,), ())
    return read_tree(
        tree.value,
        tree,
        source,
        folder=folder,
        known_agents=known_agents,
        checked=checked,
        roles=roles,
        doubled=lambda: tree.twice() if isinstance(tree, JsonTree) else tree.findings,
    )


def read_tree(
    value: Any,
    places: Places,
    source: str,
    *,
    folder: str | None = None,
    known_agents: Collection[str] | None = None,
    checked: bool = False,
    roles: RolesRead | None = None,
    doubled: Callable[[], list[tuple[int, int, Any]]] = list,
    give_checks: str = GIVE_CHECKS,
    whole: bool = False,
) -> PlanRead:
    """The plan of a tree of plain values, as `plan.yaml` would hold them, whose places are known;
    `doubled` gives the keys that were written twice, `give_checks` says how tasks that have no
    checks get some. With `whole`, what is not to be done any more, or not yet, is in it, too. The
    rest is as in `read_plan`."""
    errors, warnings = Findings(), Findings()
    plan = _plan(value, folder, errors, warnings)
    if plan is not None and "tracks" in value:
        tracks = read_tracks(value["tracks"], errors)
        plan = with_tracks(plan, tracks, value["tasks"], errors, warnings)
    if roles is not None:
        plan = _with_roles(plan, value, roles, errors)
    given = plan
    if plan is not None and not whole:
        plan = left_of(plan, standings_of(plan, value["tasks"]))
        if not plan.tasks:
            errors.add(("tasks",), "nothing is left to be done", "give a task the status open")
    complaints = _with_doubled(source, errors, places, doubled())
    if plan is not None and given is not None and not complaints:
        left = _left(plan, given)
        doubts = Findings()
        if not checked:
            unchecked_warning(plan, doubts, give_checks)
        overlap_warnings(plan, doubts)
        if known_agents is not None:
            tables = [value["tasks"][n] for n in left]
            _unknown_agents(plan, {**value, "tasks": tables}, known_agents, doubts)
        warnings.items += [_at_own_place(each, left) for each in doubts.items]
    return PlanRead(
        None if complaints else plan, complaints, located(warnings.items, source, places)
    )


def read_plan_file(
    path: str | os.PathLike[str],
    *,
    source: str | None = None,
    known_agents: Collection[str] | None = None,
    checked: bool = False,
    roles: RolesRead | None = None,
) -> PlanRead:
    """The plan in the file at `path`; a file that cannot be read is a complaint too."""
    shown_name = os.fspath(path) if source is None else source
    content = _content(FilePath(path), PLAN_BYTES_MAX)
    if isinstance(content, _NoText):
        fault = Complaint(shown_name, content.line, content.col, content.text, content.remedy)
        return PlanRead(None, (fault,), ())
    folder = os.fspath(FilePath(path).parent)
    return read_plan(
        content, shown_name, folder=folder, known_agents=known_agents, checked=checked, roles=roles
    )


def _left(plan: Plan, given: Plan) -> list[int]:
    """Where in the file the tasks are that are left."""
    ids = {task.id for task in plan.tasks}
    return [n for n, task in enumerate(given.tasks) if task.id in ids]


def _at_own_place(finding: Finding, left: list[int]) -> Finding:
    """What was found about a task of those that are left, at its place in the file."""
    path = finding.path
    if len(path) < 2 or path[0] != "tasks" or not isinstance(path[1], int):
        return finding
    return replace(finding, path=("tasks", left[path[1]], *path[2:]))


@dataclass(frozen=True, slots=True)
class WholeRead:
    """A plan file with all of its tasks, done or not, and where each stands."""

    read: PlanRead
    standings: Mapping[str, Standing]


def read_whole(text: str, source: str, *, folder: str | None = None) -> WholeRead:
    """All of the plan in `text`, without a look at agents, roles and settings."""
    tree = _tree(text.removeprefix("\ufeff"), source)
    if isinstance(tree, SyntaxFault):
        fault = Complaint(source, tree.line, tree.col, tree.text, tree.remedy)
        return WholeRead(PlanRead(None, (fault,), ()), {})
    read = read_tree(
        tree.value,
        tree,
        source,
        folder=folder,
        checked=True,
        doubled=lambda: tree.twice() if isinstance(tree, JsonTree) else tree.findings,
        whole=True,
    )
    return WholeRead(read, standings_of(read.plan, tree.value["tasks"]) if read.plan else {})


@dataclass(frozen=True, slots=True)
class _NoText:
    """Why a file gives no text; line and col are 0 where it has none."""

    text: str
    remedy: str
    line: int = 0
    col: int = 0


def _content(path: FilePath, most: int) -> str | _NoText:
    """The text of a file, line ends as they are."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        return _NoText("there is no such file", "check the name")
    except IsADirectoryError:
        return _NoText("this is a folder", "name the plan file in it")
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return _NoText(f"cannot be read: {reason}", "check its permissions")
    if len(content) > most:
        return _NoText(f"is larger than {most // (1024 * 1024)} MiB", "split it")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            return _NoText("is UTF-16, not UTF-8", "save it as UTF-8", 1, 1)
        line = content.count(b"\n", 0, error.start) + 1
        before = content[content.rfind(b"\n", 0, error.start) + 1 : error.start]
        byte = f"0x{content[error.start]:02x}"
        col = len(before.decode("utf-8", "replace").removeprefix("\ufeff")) + 1
        return _NoText(f"the byte {byte} is not UTF-8", "save the file as UTF-8", line, col)


def _tree(text: str, source: str) -> JsonTree | YamlTree | SyntaxFault:
    """The plain values and places of a text."""
    if not text.lstrip().startswith("{"):
        return read_yaml(text)
    read = read_json(text)
    if isinstance(read, JsonTree):
        return read
    if read is not None and (len(text) > JSON_AS_YAML_MAX or source.endswith(".json")):
        return SyntaxFault(
            read.lineno, read.colno, f"not JSON: {read.msg}", "see the text just before"
        )
    if len(text) > JSON_AS_YAML_MAX:
        return SyntaxFault(
            1, 1, "is nested too deep or holds too long a number", "a plan needs four levels"
        )
    return read_yaml(text)


def _with_doubled(
    source: str, errors: Findings, tree: Places, doubled: list[tuple[int, int, Any]]
) -> tuple[Complaint, ...]:
    """All errors, keys given twice among them."""
    complaints = list(located(errors.items, source, tree))
    for line, col, finding in doubled:
        twice = located([finding], source, _Spot(line, col))
        complaints.extend(twice)
    return tuple(sorted(set(complaints)))


@dataclass(frozen=True, slots=True)
class _Spot:
    """One place for whatever is asked."""

    line: int
    col: int

    def find(
        self, wanted: Collection[tuple[Path, bool]]
    ) -> dict[tuple[Path, bool], tuple[int, int]]:
        """See `Places.find`."""
        return dict.fromkeys(wanted, (self.line, self.col))


# --- from plain values to a plan ---------------------------------------------------------------


def _plan(value: Any, folder: str | None, errors: Findings, warnings: Findings) -> Plan | None:
    """The plan, or `None` if its top is at fault; faults are noted in any case."""
    if value is None:
        errors.add((), "the plan is empty", "write tasks: with a list of tasks below it")
        return None
    if not isinstance(value, dict):
        remedy = (
            "write tasks: above it"
            if isinstance(value, list)
            else "write tasks: with a list below it"
        )
        errors.add((), f"a plan must be a table of keys, not {kind_of(value)}", remedy)
        return None
    top = read_table(PLAN, value, (), errors)
    version = top.get("version", VERSION)
    if version != VERSION:
        errors.add(
            ("version",), f"version {version} is not known here", f"write version: {VERSION}"
        )
    given = top.get("defaults", {})
    for key in set(given) & (set(TASK.names()) - set(DEFAULTS.names())):
        errors.add(("defaults", key), "cannot be a default", "write it in each task", on_key=True)
        given = {k: v for k, v in given.items() if k != key}
    defaults = read_table(DEFAULTS, given, ("defaults",), errors)
    tasks = _tasks(top["tasks"], defaults, folder, errors, warnings) if "tasks" in top else ()
    if errors.items:
        return None
    return Plan(goal=top.get("goal", "").strip(), tasks=tuple(tasks), version=version)


def _tasks(
    value: Any, defaults: dict[str, Any], folder: str | None, errors: Findings, warnings: Findings
) -> list[Task]:
    """The tasks of the list that could be read, after noting what is wrong between them."""
    if not isinstance(value, list):
        remedy = "begin each task with '- id: NAME'"
        if isinstance(value, dict) and value:
            remedy = f"write each task as '- id: {shown(next(iter(value)))[1:-1]}', its keys below"
        errors.add(("tasks",), f"must be a list, not {kind_of(value)}", remedy)
        return []
    if not value:
        errors.add(("tasks",), "there are no tasks", "begin each task with '- id: NAME'")
    tasks: list[Task] = []
    ids: list[tuple[Path, str]] = []
    needs: list[tuple[int, str, list[tuple[int, str]]]] = []
    for n, table in enumerate(value):
        path: Path = ("tasks", n)
        if not isinstance(table, dict):
            remedy = "begin the task with '- id: NAME'"
            errors.add(path, f"a task must be a table of keys, not {kind_of(table)}", remedy)
            continue
        task = _task(table, path, defaults, folder, errors)
        if task.id:
            ids.append(((*path, "id"), task.id))
            needs.append((n, task.id, _needs(table.get("needs"), (*path, "needs"), errors)))
        tasks.append(task)
    compare_ids(ids, errors)
    wanted = check_needs(needs, errors, warnings, complete=len(ids) == len(value))
    return [_with_needs(task, wanted.get(task.id, ())) for task in tasks]


def _with_needs(task: Task, needs: tuple[str, ...]) -> Task:
    return replace(task, needs=needs) if needs else task


_READ_HERE = ("id", "needs")
_PLAIN = Shape(tuple(field for field in TASK.fields if field.name not in _READ_HERE))
_ALL_NAMES = TASK.names()


def _task(
    table: dict[str, Any],
    path: Path,
    defaults: dict[str, Any],
    folder: str | None,
    errors: Findings,
) -> Task:
    """One task without its needs; its id is empty if that is at fault."""
    plain: dict[str, Any] = {}
    meant: set[str | None] = set(table)
    for key, value in table.items():
        if key not in _ALL_NAMES:
            meant.add(unknown_key(key, _ALL_NAMES, (*path, key), errors))
        elif key not in _READ_HERE:
            plain[key] = value
    own = read_table(_PLAIN, plain, path, errors)
    name = None
    if "id" in table:
        name = read_id(table["id"], (*path, "id"), errors)
    elif "id" not in meant:
        errors.add(path, "the task has no id", "give it a short name: id: api")
    if not meant & {"prompt", "prompt_file"}:
        errors.add(path, "the task has no prompt", "say what is to be done: prompt: …")
    prompt = _prompt(own, table, path, folder, errors)
    values = {**defaults, **own}
    stages = _stages(values, path, errors)
    if Stage.REVIEW in stages and values.get("workspace") == Workspace.NONE:
        errors.add(
            path,
            "without a worktree there is no commit to show to a reviewing agent",
            "give it its stages without it: stages: [work]",
        )
    return Task(
        id=name or "",
        title=own.get("title", name or ""),
        prompt=prompt,
        scope=values.get("scope", ()),
        track=values.get("track"),
        priority=values.get("priority", 0),
        agent=values.get("agent"),
        model=values.get("model"),
        checks=values.get("checks", ()),
        review=Review.PERSON if values.get("review") in {"person", "true"} else Review.NONE,
        workspace=Workspace(values.get("workspace", "worktree")),
        timeout_s=values.get("timeout_s"),
        attempts=values.get("attempts"),
        budget_usd=values.get("budget"),
        budget_tokens=values.get("budget_tokens"),
        stages=stages,
        reviewer=values.get("reviewer"),
        env=_env(defaults, own, table, path, errors),
        role=values.get("role"),
        estimate_s=values.get("estimate_s"),
        alone=values.get("alone") == "true",
    )


STAGE_PRESETS = {"tdd": (Stage.TEST, Stage.WORK)}
"""Names that stand for several stages."""


def _stages(values: dict[str, Any], path: Path, errors: Findings) -> tuple[Stage, ...]:
    """The stages in their order. The work itself is always one of them."""
    wanted = {Stage.WORK}
    names = [*(stage.value for stage in Stage), *STAGE_PRESETS]
    for name in values.get("stages", ()):
        if name in STAGE_PRESETS:
            wanted.update(STAGE_PRESETS[name])
        elif name in names:
            wanted.add(Stage(name))
        else:
            remedy = did_you_mean(name, names) or f"known stages: {', '.join(names)}"
            errors.add((*path, "stages"), f"no stage is called {shown(name)}", remedy)
    if values.get("review") == "agent" or (values.get("reviewer") and "stages" not in values):
        wanted.add(Stage.REVIEW)
    return tuple(stage for stage in Stage if stage in wanted)


def _env(
    defaults: dict[str, Any],
    own: dict[str, Any],
    table: dict[str, Any],
    path: Path,
    errors: Findings,
) -> tuple[tuple[str, str], ...]:
    """The variables of a task. A secret has no place among them: the plan goes into the journal."""
    given = table.get("env")
    given = given if isinstance(given, dict) else {}
    pairs = {**dict(defaults.get("env", ())), **dict(own.get("env", ()))}
    for name, value in secrets_among(pairs.items()):
        if len(value.strip()) >= SECRET_MIN:
            place = (*path, "env", name) if name in given else ("defaults", "env")
            remedy = "set it in your environment and name it in pass_env of [agents.NAME]"
            errors.add(place, "a secret has no place in a plan, which is kept and shown", remedy)
    return tuple(pairs.items())


def _with_roles(plan: Plan | None, value: Any, read: RolesRead, errors: Findings) -> Plan | None:
    """The plan with the agents of its roles, after noting roles that there are not."""
    if not isinstance(value, dict) or not isinstance(value.get("tasks"), list):
        return plan
    defaults = value.get("defaults")
    defaults = defaults if isinstance(defaults, dict) else {}
    told: set[str] = set()
    for n, table in enumerate(value["tasks"]):
        given = table if isinstance(table, dict) else {}
        name = given.get("role", defaults.get("role"))
        if not isinstance(name, str) or not name.strip() or name.strip() in read.roles:
            continue
        where: Path = ("tasks", n, "role") if "role" in given else ("defaults", "role")
        if where[0] == "tasks" or name not in told:
            errors.add(where, *read.complain(name.strip()))
        told.add(name)
    if plan is None or errors.items:
        return None
    tasks = zip(plan.tasks, value["tasks"], strict=True)
    return replace(plan, tasks=tuple(_of_role(task, table, read) for task, table in tasks))


def _of_role(task: Task, table: dict[str, Any], read: RolesRead) -> Task:
    role = read.roles.get(task.role or "")
    if role is None or role.agent is None or "agent" in table:
        return task
    return replace(task, agent=role.agent)


def _prompt(
    own: dict[str, Any], table: dict[str, Any], path: Path, folder: str | None, errors: Findings
) -> str:
    """The prompt, given or in a file."""
    if "prompt" in table and "prompt_file" in table:
        said = "prompt and prompt_file exclude one another"
        errors.add((*path, "prompt_file"), said, "keep one of them", on_key=True)
    elif "prompt_file" in own:
        return _prompt_of_file(own["prompt_file"], (*path, "prompt_file"), folder, errors)
    prompt: str = own.get("prompt", "")
    return prompt


def _prompt_of_file(name: str, path: Path, folder: str | None, errors: Findings) -> str:
    if folder is None:
        errors.add(
            path, "a plan that is not a file has no prompt files", "write the text as prompt:"
        )
        return ""
    if FilePath(name).is_absolute() or ".." in FilePath(name).parts:
        said = f"the prompt file {shown(name)} is not below the plan's folder"
        errors.add(path, said, "keep it beside the plan or below")
    else:
        content = _content(FilePath(folder, name), PROMPT_BYTES_MAX)
        if isinstance(content, str):
            if content.strip() and "\0" not in content:
                return content
            content = _NoText("is empty or holds NUL characters", "write the prompt into it")
        errors.add(path, f"the prompt file {shown(name)}: {content.text}", content.remedy)
    return ""


def _needs(value: Any, path: Path, errors: Findings) -> list[tuple[int, str]]:
    """The needed ids with their positions in the list, as far as they can be read."""
    if value is None:
        return []
    if not isinstance(value, list):
        one = written(value)
        names = one if len(one) < 40 and flow_safe(one) else "a, b"
        remedy = f"write needs: [{names}]"
        errors.add(path, f"must be a list, not {kind_of(value)}", remedy)
        return []
    found = []
    for n, item in enumerate(value):
        if isinstance(item, int) and not isinstance(item, bool):
            item = str(item)
        if isinstance(item, str):
            found.append((n, item))
        else:
            errors.add(
                (*path, n),
                f"must be the id of a task, not {kind_of(item)}",
                "write its id in quotes",
            )
    return found


def _unknown_agents(
    plan: Plan, value: dict[str, Any], known: Collection[str], warnings: Findings
) -> None:
    """Note agents that the settings do not have, each where it is first named."""
    seen: set[str] = set()
    named = [
        (n, key, name)
        for n, task in enumerate(plan.tasks)
        for key, name in (("agent", task.agent), ("reviewer", task.reviewer))
    ]
    for n, key, name in named:
        if name is None or name in known or name in seen:
            continue
        seen.add(name)
        own = key in value["tasks"][n]
        path: Path = ("tasks", n, key) if own else ("defaults", key)
        if not own and key == "agent" and name != value.get("defaults", {}).get("agent"):
            path = ("tracks", plan.tasks[n].track or "", key)
        remedy = did_you_mean(name, known) or f"known agents: {', '.join(sorted(known))}"
        warnings.add(path, f"no agent is called {shown(name)}", remedy)
