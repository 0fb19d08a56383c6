"""`workstreams/*.json`: a workstream a file (or several), with steps, tests and circuit breakers.

Order: what `depends_on` says, by the id or by the only id that begins so. One with steps is run
as these: a step waits for its own needs, the first ones for those of the workstream, and who
needs the workstream for its last ones. A file with `track_assignments` and `agent_configs` beside
them says which track and which agent each gets.

Tests that are commands become checks. What is prose, or may be, or would have a shell run what
stands within it, is told to who reviews, and is never run. Written back: the status, as one word
where it stands, else as a member behind the id.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gangsaw.sources.commands import command_of, stated_command
from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.json_nodes import with_member
from gangsaw.sources.lines import one_line
from gangsaw.sources.protocol import (
    About,
    Answer,
    Document,
    Edit,
    Item,
    Need,
    Reading,
    Remark,
    Report,
    Standing,
    Sure,
)
from gangsaw.sources.values import paragraphs
from gangsaw.sources.workstreams_files import (
    IDS,
    STEP_IDS,
    Files,
    Part,
    files_of,
    own_standing,
    status_node,
    word_for,
)

HEAD_MAX = 20_000
"""Characters of a text by which its kind is told."""

ATTEMPTS_MOST = 1_000
"""Tries that a circuit breaker may allow."""

ID_MAX = 200
"""Characters of an id whose beginnings may stand for it."""

ODD_TEST_MAX = 300
"""Characters of a test that is neither a text nor has one."""

TEXTS_MAX = 500
"""Entries of one list of a workstream."""

CANDIDATES_MAX = 4
"""Ids named where a short one may mean several."""

_DEPENDS = ("depends_on", "dependencies", "needs")
_TITLES = ("title", "name", "objective")
_PROSE = ("description", "objective", "summary", "notes")
_AGENTS = {"claude_code": "claude", "claude-code": "claude"}
_NOTE = (
    "the workstreams. Leave their files as they are: how the task stands is written there for you."
)
_MARKS = re.compile(r'"(?:files_scope|openspec_change|ccpm_issue|phase_id|track_assignments)"\s*:')


@dataclass(slots=True)
class _All:
    """All parts by key: workstreams without steps, and steps. `streams` are the workstreams,
    `begins` their ids by each whole beginning, as `ws-03` of `ws-03-store`."""

    files: Files
    streams: dict[str, Part] = field(default_factory=dict)
    begins: dict[str, list[str]] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def note(self, part: Part, said: str, remedy: str = "") -> None:
        """Tell something about a part."""
        self.remarks.append(
            Remark(About.NOTE, part.line, f"{one_line(part.key, 60)}: {said}", remedy,
                   document=part.document)
        )  # fmt: skip

    def found(self, name: str) -> list[str]:
        """The workstreams that a name may mean: the one of that id, else those that begin so."""
        return [name] if name in self.streams else self.begins.get(name, [])


class Workstreams:
    """See the head of the module."""

    name = "workstreams"
    about = "workstreams/*.json: files_scope, steps, circuit breakers, tracks"
    homes = ("workstreams",)
    members = ("*.json",)

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        head = text[:HEAD_MAX]
        if re.search(r'"issue_type"\s*:|"userStories"\s*:', head) or "{" not in head:
            return Sure.NO
        if re.search(r'"(?:id|ws_id|workstream_id)"\s*:\s*"ws-', head) or _MARKS.search(head):
            return Sure.CERTAIN
        is_at_home = "workstreams" in re.split(r"[/\\]", path)[:-1]
        return Sure.MAYBE if is_at_home and re.search(r'"id"\s*:', head) else Sure.NO

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        all_of = _gathered(documents)
        edges = Edges()
        for part in all_of.parts:
            _order(part, all_of, edges)
        tracks = _tracks(all_of)
        items, cut = with_needs([_item(part, all_of, tracks) for part in all_of.parts], edges)
        return Reading(items, (*all_of.remarks, *cut))

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        all_of = _gathered([document])
        now = [_standing(part, all_of) for part in all_of.parts]
        places: dict[str, list[int]] = {}
        for n, part in enumerate(all_of.parts):
            places.setdefault(part.key, []).append(n)
        edits: list[Edit] = []
        touched: dict[str, None] = {}
        for report in {each.key: each for each in reports}.values():
            known = places.get(report.key, [])
            for n in known if report.standing is Standing.DONE else known[:1]:
                edit = _edit(document.text, all_of.parts[n], report.standing, now[n])
                if edit is not None:
                    edits.append(edit)
                    now[n] = report.standing
                    touched[all_of.parts[n].of] = None
        edits += _streams_edits(document.text, all_of, now, touched)
        missing = tuple(report.key for report in reports if report.key not in places)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Workstreams()


# --- gathering ---------------------------------------------------------------------------------


def _gathered(documents: Sequence[Document]) -> _All:
    files = files_of(documents)
    all_of = _All(files, remarks=list(files.remarks))
    for part in files.parts:
        first = all_of.streams.setdefault(part.key, part)
        if first is not part and (part.steps or first.steps):
            said = f"the id is taken by line {first.line}; this workstream is not read"
            all_of.remarks.append(
                Remark(About.UNREAD, part.line, said, "give it an id of its own",
                       document=part.document)
            )  # fmt: skip
            continue
        all_of.parts += part.steps or (part,)
    for key in all_of.streams:
        for match in re.finditer(r"[^A-Za-z0-9]", key[:ID_MAX]):
            all_of.begins.setdefault(key[: match.start()], []).append(key)
    return all_of


def _order(part: Part, all_of: _All, edges: Edges) -> None:
    """Say what a part waits for."""
    stream = all_of.streams[part.of] if part.of else part
    steps = {step.key: step for step in stream.steps}
    own = _texts(_first(part.table, _DEPENDS))
    if len(set(own)) < len(own):
        all_of.note(part, "depends_on names something twice")
    is_first = True
    for name in dict.fromkeys(own):
        if part.of and f"{part.of}/{name}" in steps:
            is_first = False
            if f"{part.of}/{name}" == part.key:
                all_of.note(part, "depends on itself; that is left out")
                continue
            edges.say(part.key, Need(f"{part.of}/{name}", part.line))
        else:
            _need(part, name, "", all_of, edges)
    if part.of and is_first:
        for name in dict.fromkeys(_texts(_first(stream.table, _DEPENDS))):
            _need(part, name, f"{part.of} depends on {one_line(name, 60)}", all_of, edges)
    runs = stream.table.get("execution")
    if part.of and not own and isinstance(runs, dict) and runs.get("parallel") is False:
        before = list(steps)[: list(steps).index(part.key)]
        if before:
            why = "the steps are not parallel"
            edges.infer(part.key, Need(before[-1], part.line, why))


def _need(part: Part, name: str, why: str, all_of: _All, edges: Edges) -> None:
    """Say that a part needs what a name means."""
    found = all_of.found(name)
    if len(found) != 1:
        if len(found) > 1:
            several = ", ".join(found[:CANDIDATES_MAX])
            all_of.note(part, f"{one_line(name, 60)} may be {several}", "write the whole id")
        is_step = any(name == other.key for other in all_of.parts)
        if is_step or len(found) > 1 or not why:
            edges.say(part.key, Need(name, part.line))
        else:
            edges.infer(part.key, Need(name, part.line, why))
        return
    stream = all_of.streams[found[0]]
    if stream.key in (part.key, part.of):
        all_of.note(part, "depends on itself; that is left out")
        return
    short = f"{one_line(name, 60)} can only be {stream.key}" if stream.key != name else ""
    if not stream.steps:
        need = Need(stream.key, part.line, why or short)
        (edges.infer if need.why else edges.say)(part.key, need)
        return
    for step in _last(stream):
        said = why or short or f"all steps of {stream.key} come first"
        edges.infer(part.key, Need(step.key, part.line, said))


def _last(stream: Part) -> list[Part]:
    """The steps for which no other step waits."""
    needed = {
        f"{stream.key}/{name}"
        for step in stream.steps
        for name in _texts(_first(step.table, _DEPENDS))
    }
    left = [step for step in stream.steps if step.key not in needed]
    return left or list(stream.steps)


def _tracks(all_of: _All) -> Mapping[str, str]:
    """The track of each workstream that is assigned to one."""
    found: dict[str, str] = {}
    for name, (track, line, document) in all_of.files.tracks.items():
        keys = all_of.found(name)
        if len(keys) == 1:
            found.setdefault(keys[0], track)
        else:
            several = f"may be {', '.join(keys[:CANDIDATES_MAX])}" if keys else "is not there"
            said = f"{one_line(name, 60)} of track {one_line(track, 40)} {several}"
            all_of.remarks.append(Remark(About.NOTE, line, said, document=document))
    return found


# --- records -----------------------------------------------------------------------------------


def _item(part: Part, all_of: _All, tracks: Mapping[str, str]) -> Item:
    stream = all_of.streams[part.of] if part.of else part
    title = one_line(_text(part.get(*_TITLES)) or _text(part.get("description"))) or part.key
    commands, prose = _tests(part)
    if part.of and part in _last(stream):
        last = _tests(stream)
        commands, prose = list(dict.fromkeys(commands + last[0])), prose + last[1]
    if prose:
        count = "a test is" if len(prose) == 1 else f"{len(prose)} tests are"
        all_of.note(part, f"{count} no command: told to who reviews, never run")
    fields: dict[str, Any] = {}
    scope = _scope(part) or (_scope(stream) if part.of else [])
    if scope:
        fields["scope"] = scope
    track = tracks.get(stream.key) or _text(stream.get("track"))
    agent = _agent(part, stream, track, all_of)
    if track:
        fields["track"] = one_line(track, 80)
    if agent:
        fields["agent"] = _AGENTS.get(agent, one_line(agent, 80))
    if commands:
        fields["checks"] = commands
    fields |= _breaker(part, stream, all_of)
    own = _words(part, stream, title, prose)
    return Item(
        part.key,
        title,
        paragraphs([title, own, f"This is {one_line(part.key, 80)} of {_NOTE}"]),
        part.line,
        standing=_standing(part, all_of),
        fields=fields,
        id=part.key.replace("/", "."),
        document=part.document,
        within=tuple(each for each in (part.of, track) if each),
        words=own,
    )


def _agent(part: Part, stream: Part, track: str, all_of: _All) -> str:
    """The agent of the track, else the tool that the workstream names, else the agent of the pool
    that is for no track."""
    agents = all_of.files.agents
    named = _text(part.get("tool") or stream.get("tool"))
    return (agents.get(track, "") if track else "") or named or agents.get("", "")


def _tests(part: Part) -> tuple[list[str], list[str]]:
    """The tests that are commands, and those that are prose."""
    commands: dict[str, None] = {}
    prose: dict[str, None] = {}
    for name in ("acceptance_tests", "tests"):
        given = part.table.get(name)
        for each in given[:TEXTS_MAX] if isinstance(given, list) else [given]:
            if isinstance(each, dict):
                command = _command(each.get("command") or each.get("cmd") or each.get("run"))
                said = _text(each.get("description") or each.get("name") or each.get("id"))
                text = f"{said}: {command}" if said and command.strip() else said or command
                found = stated_command(command)
            else:
                text = _text(each)
                found = command_of(text)
            if not text.strip() and each:
                text = one_line(json.dumps(each), ODD_TEST_MAX)  # told as it is, so that it is seen
            if found:
                commands[_plain(found)] = None
            elif text.strip():
                prose[text] = None
    return list(commands), list(prose)


def _command(given: Any) -> str:
    """A command as a line for a shell; that of a list has its words quoted, and is none where one
    of them is no text."""
    if not isinstance(given, list):
        return _text(given)
    words = [_text(each) for each in given[:TEXTS_MAX]]
    return shlex.join(words) if words and all(words) and len(words) == len(given) else ""


def _scope(part: Part) -> list[str]:
    """The paths that a part may change."""
    found = [*_texts(part.table.get("files_scope")), *_texts(part.table.get("files_create"))]
    inner = part.table.get("file_scope")
    if isinstance(inner, dict):
        found += [*_texts(inner.get("modify")), *_texts(inner.get("create"))]
    return list(dict.fromkeys(each.strip().replace("\\", "/") for each in found if each.strip()))


def _breaker(part: Part, stream: Part, all_of: _All) -> Iterator[tuple[str, Any]]:
    """Tries and time, as far as a plan has words for them."""
    for owner in (part, stream):
        breaker, retry = owner.table.get("circuit_breaker"), owner.table.get("retry")
        if isinstance(breaker, dict):
            tries = breaker.get("max_attempts")
            more = [name for name in ("max_error_repeats", "oscillation_threshold")
                    if breaker.get(name) is not None]  # fmt: skip
            if more and owner is part:
                all_of.note(part, f"{' and '.join(more)}: the number of tries bounds that, too")
        else:
            tries = retry.get("max_attempts") if isinstance(retry, dict) else None
        if isinstance(tries, int) and not isinstance(tries, bool) and 0 < tries <= ATTEMPTS_MOST:
            yield "attempts", tries
            break
    runs = stream.table.get("execution")
    seconds = runs.get("timeout_per_step") if isinstance(runs, dict) else None
    if isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < 10**7:
        yield "timeout_s", seconds


def _words(part: Part, stream: Part, title: str, prose: Sequence[str]) -> str:
    """All that it says besides its title."""
    parts = [_text(part.get(name)) for name in _PROSE]
    parts.append(_listed("To do", _texts(part.get("tasks"))))
    steps = part.table.get("steps")
    parts.append(_listed("Steps", _texts(steps)))
    if part.of:
        parts.append(f"It is a step of {stream.key}: {_text(stream.get(*_TITLES))}")
        back = _text(part.get("compensation"))
        parts.append(back and f"If it has to be taken back: {back}")
    inner = part.table.get("file_scope")
    if isinstance(inner, dict):
        parts.append(_listed("To be read, not changed", _texts(inner.get("read_only"))))
        parts.append(_listed("Not to be touched", _texts(inner.get("forbidden_paths"))))
    parts.append(_listed("New files", _texts(part.get("files_create"))))
    parts.append(_listed("Look at this before you begin", _preflight(part)))
    parts.append(_listed("The reviewer looks at", prose))
    parts.append(_text(part.get("capability")) and f"Capability: {_text(part.get('capability'))}")
    for name, said in (("openspec_change", "OpenSpec change"), ("ccpm_issue", "Issue")):
        given = part.get(name)
        if isinstance(given, (str, int)) and not isinstance(given, bool) and str(given).strip():
            parts.append(f"{said}: {one_line(str(given), 200)}")
    return paragraphs([each for each in parts if each.strip() != title])


def _preflight(part: Part) -> list[str]:
    found = []
    given = part.get("pre_flight_checks")
    for each in given[:TEXTS_MAX] if isinstance(given, list) else ():
        if isinstance(each, dict):
            said, command = _text(each.get("description")), _text(each.get("command"))
            found.append(f"{said}: {command}" if said and command else said or command)
        else:
            found.append(_text(each))
    return [each for each in found if each]


def _listed(head: str, entries: Sequence[str]) -> str:
    return f"{head}:\n" + "\n".join(f"- {entry}" for entry in entries) if entries else ""


def _first(table: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((table[name] for name in names if table.get(name) is not None), None)


def _texts(given: Any) -> list[str]:
    """A list of texts (or one text) as such; what is neither is left out."""
    if isinstance(given, (str, int)) and not isinstance(given, bool):
        given = [given]
    if not isinstance(given, list):
        return []
    return [_text(each) for each in given[:TEXTS_MAX] if _text(each).strip()]


def _text(value: Any) -> str:
    """A text that can be written down; a number as its digits; empty for all else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else ""
    return _plain(value) if isinstance(value, str) else ""


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


# --- standing ----------------------------------------------------------------------------------


def _standing(part: Part, all_of: _All) -> Standing:
    """Where a part stands: by its own word, else by its workstream's if that is settled."""
    own = own_standing(part)
    if own is not None:
        return own
    stream = all_of.streams[part.of] if part.of else part
    above = own_standing(stream)
    return above if above not in (None, Standing.RUNNING) else Standing.OPEN


def _edit(text: str, part: Part, wanted: Standing, now: Standing) -> Edit | None:
    """The edit by which a part says where it stands."""
    if wanted is now or wanted not in (Standing.OPEN, Standing.RUNNING, Standing.DONE):
        return None
    known = status_node(part)
    said = known.plain if known is not None and isinstance(known.plain, str) else ""
    word = word_for(wanted, said)
    if known is not None:
        return Edit(known.start, known.end, f'"{word}"')
    names = STEP_IDS if part.of else IDS
    after = next((name for name in names if part.node.node(name) is not None), "")
    return with_member(text, part.node, "status", word, after)


def _streams_edits(
    text: str, all_of: _All, now: Sequence[Standing], touched: Mapping[str, None]
) -> Iterator[Edit]:
    """The edits of workstreams whose steps are all done now, or not any more."""
    steps: dict[str, list[Standing]] = {}
    silent = {part.of for part in all_of.parts if own_standing(part) is None}
    for part, standing in zip(all_of.parts, now, strict=True):
        steps.setdefault(part.of, []).append(standing)
    for key in touched:
        if not key:
            continue
        stream = all_of.streams[key]
        stands = own_standing(stream) or Standing.OPEN
        is_over = all(each in (Standing.DONE, Standing.DROPPED) for each in steps[key])
        wanted = Standing.DONE if is_over else Standing.RUNNING
        if is_over or (stands is Standing.DONE and key not in silent):
            edit = _edit(text, stream, wanted, stands)
            if edit is not None:
                yield edit
