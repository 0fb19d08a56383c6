"""Beads by way of `bd`: asked for the records and told where they stand, in all its generations."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gangsaw.core.errors import UserError
from gangsaw.core.faults import set_probe
from gangsaw.engine.asking import asking
from gangsaw.sources import (
    About,
    Report,
    SourceRead,
    Standing,
    dialect,
    find_source,
    programs,
    read_best,
    read_source,
)
from gangsaw.sources.beads_bd import Bd
from gangsaw.sources.beads_store import Store, store_of
from gangsaw.sources.place import Source, certain_source, is_kept
from gangsaw.sources.programs import Answered, Ask, Call, Unanswered
from gangsaw.sources.syncing import home_sources
from gangsaw.sources.writing import Unwritten, Wish, Written
from tests.sources.bd_standin import GENERATIONS, answer, calls_in, install, make, records_in

EPIC = "app-a1"
AT = 1_770_000_000.0
COMMIT = "c" * 40


def issue(key: str, *links: tuple[str, str], **more: Any) -> dict[str, Any]:
    needs = [{"issue_id": key, "depends_on_id": other, "type": kind} for other, kind in links]
    table = {"id": key, "title": f"Do {key}", "status": "open", "priority": 1, "issue_type": "task"}
    return {**table, **({"dependencies": needs} if needs else {}), **more}


CHILD = (EPIC, "parent-child")
RECORDS = [
    issue(EPIC, issue_type="epic"),
    issue("app-1", CHILD),
    issue("app-2", CHILD, ("app-1", "blocks"), labels=["ui"]),
    issue("app-3", status="closed"),
    issue("app-4", ("app-g", "blocks")),
    issue("app-g", issue_type="gate", await_type="timer"),
]


def ask(call: Call) -> Answered | Unanswered:
    code, out, err = answer(call.arguments, call.folder)
    return Answered(code, out.encode(), err.encode())


def missing(call: Call) -> Answered | Unanswered:
    return Unanswered("bd is not on the PATH", is_missing=True)


@pytest.fixture(params=list(GENERATIONS))
def beads(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The `.beads` folder of each generation, without any file of records."""
    folder = tmp_path / ".beads"
    make(folder, request.param, RECORDS)
    return folder


@pytest.fixture
def newest(tmp_path: Path) -> Path:
    folder = tmp_path / ".beads"
    make(folder, "embedded", RECORDS)
    return folder


def read(folder: Path, how: Ask = ask, wanted: str = "beads") -> tuple[Source, SourceRead]:
    return read_best(find_source(wanted, folder.parent), ask=how)


def told(folder: Path, *reports: Report, was: Standing = Standing.OPEN) -> Written | Unwritten:
    wishes = [Wish(report, was) for report in reports]
    return programs.tell("beads", folder / "issues.jsonl", ask, wishes)


def running(key: str, phase: str = "", holder: str = "gangsaw", note: str = "") -> Report:
    return Report(key, Standing.RUNNING, "", phase, AT, holder, note)


def done(key: str) -> Report:
    return Report(key, Standing.DONE, COMMIT, at=AT, holder="gangsaw")


# --- reading -----------------------------------------------------------------------------------


def test_all_generations_are_read_alike(beads: Path) -> None:
    source, found = read(beads)
    assert (source.through, source.shown) == ("bd", ("bd list",))
    plan = found.plan.plan
    assert plan is not None, found.plan.errors
    assert {task.id: task.needs for task in plan.tasks} == {"app-1": (), "app-2": ("app-1",)}
    assert found.items["app-3"].standing is Standing.DONE
    assert found.items["app-1"].within == (EPIC,)
    assert any("waits for" in str(note) or "app-g" in str(note) for note in found.notes)
    assert calls_in(beads) == [], "nothing is changed by reading"


@pytest.mark.parametrize("shape", ["bare", "items", "data", "issues"])
def test_every_shape_of_a_list_is_read(newest: Path, shape: str) -> None:
    make(newest, "embedded", RECORDS, shape=shape)
    assert set(read(newest)[1].items) == {"app-1", "app-2", "app-3", "app-4", "app-g"}


@pytest.mark.parametrize("text", ["[]", "null", '{"schema_version":1,"items":[]}'])
def test_no_records_are_no_trouble_of_bd(newest: Path, text: str) -> None:
    make(newest, "embedded", RECORDS, says={"list": text})
    assert "there is no task in it" in str(read(newest)[1].plan.errors[0])


def test_one_object_is_one_record(newest: Path) -> None:
    make(newest, "embedded", RECORDS, says={"list": json.dumps(issue("app-9"))})
    assert set(read(newest)[1].items) == {"app-9"}


def test_a_newer_schema_is_read_and_told(newest: Path) -> None:
    make(newest, "embedded", RECORDS, schema=7)
    found = read(newest)[1]
    assert found.plan.plan is not None
    assert any("schema 7" in str(note) for note in found.notes)


def test_more_than_fifty_records_are_read(newest: Path) -> None:
    make(newest, "embedded", [issue(f"app-{n}") for n in range(180)])
    assert len(read(newest)[1].items) == 180


def test_what_a_list_only_counts_is_asked_for_and_nothing_is_guessed(tmp_path: Path) -> None:
    folder = tmp_path / ".beads"
    many = [issue("app-0"), *(issue(f"app-{n}", ("app-0", "blocks")) for n in range(1, 120))]
    make(folder, "sqlite", many)
    plan = read(folder)[1].plan.plan
    assert plan is not None
    assert [task.needs for task in plan.tasks[1:]] == [("app-0",)] * 119
    make(folder, "sqlite", many, fails={"show": "database is locked"})
    with pytest.raises(UserError, match=r"bd show .*SQLite.*database is locked; try: bd doctor"):
        read(folder)


@pytest.mark.parametrize(
    ("conduct", "said"),
    [
        ({"fails": {"list": "no server at 3307"}}, "no server at 3307"),
        ({"says": {"list": "Hello, world"}}, "it printed no JSON but 'Hello, world'"),
        ({"says": {"list": ""}}, "it printed nothing"),
        ({"says": {"list": '{"beads": 3}'}}, "of no shape that gangsaw knows (dict with beads)"),
        ({"says": {"list": "7"}}, "of no shape that gangsaw knows (int)"),
        ({"unknown": ["--limit"]}, "unknown flag: --limit"),
    ],
)
def test_without_an_answer_the_file_is_read_and_that_is_told(
    tmp_path: Path, conduct: dict[str, Any], said: str
) -> None:
    folder = tmp_path / ".beads"
    make(folder, "server", RECORDS, **conduct)
    with pytest.raises(UserError, match="try: bd dolt start") as raised:
        read(folder)
    assert said in raised.value.text
    (folder / "issues.jsonl").write_text(json.dumps(issue("app-7")) + "\n")
    source, found = read(folder)
    assert (source.through, source.shown) == ("", (".beads/issues.jsonl",))
    assert set(found.items) == {"app-7"}
    note = next(note for note in found.notes if "read from the file" in note.text)
    assert said in note.text
    assert "bd dolt start" in note.remedy


def test_a_bd_that_hangs_is_stopped_and_the_file_is_read(newest: Path) -> None:
    """With a real process, when it is asked for the records, and when it is told something."""
    make(newest, "embedded", RECORDS, hangs=["list"])
    (newest / "issues.jsonl").write_text(json.dumps(issue("app-7")) + "\n")
    path = f"{install(newest.parent / 'bin')}{os.pathsep}{os.environ['PATH']}"
    impatient = asking({"PATH": path}, timeout_s=0.3)
    source, found = read(newest, impatient)
    assert (source.through, set(found.items)) == ("", {"app-7"})
    said = "it did not end within 0.3 s and was stopped; read from the file, which may be old"
    assert any(said in note.text for note in found.notes)
    wishes = [Wish(running("app-1", "spawned"))]
    outcome = programs.tell("beads", newest / "issues.jsonl", impatient, wishes)
    assert isinstance(outcome, Unwritten)
    assert "is not asked now; try: bd doctor" in outcome.reason


def test_without_bd_the_file_is_read_and_that_is_told(newest: Path) -> None:
    with pytest.raises(UserError, match="it is not on the PATH; try: bd version"):
        read(newest, missing)
    (newest / "issues.jsonl").write_text(json.dumps(issue("app-7")) + "\n")
    source, found = read(newest, missing)
    assert source.through == ""
    assert any("not on the PATH; read from the file" in note.text for note in found.notes)


def test_a_file_that_is_named_is_read_itself(newest: Path) -> None:
    (newest / "issues.jsonl").write_text(json.dumps(issue("app-7")) + "\n")
    for wanted in ("beads:.beads/issues.jsonl", ".beads/issues.jsonl"):
        source, found = read(newest, wanted=wanted)
        assert (source.through, set(found.items)) == ("", {"app-7"})
    assert not (newest / "calls.jsonl").exists()


def test_the_folder_may_be_named_too(newest: Path) -> None:
    source = certain_source(Path(".beads"), newest.parent)
    assert source is not None
    assert read_best(source, ask=ask)[0].through == "bd"
    assert read(newest, wanted="beads:.beads")[0].through == "bd"


def test_without_a_store_bd_is_not_asked(tmp_path: Path) -> None:
    folder = tmp_path / ".beads"
    folder.mkdir()
    (folder / "issues.jsonl").write_text(json.dumps(issue("app-7")) + "\n")
    source, _ = read(folder, missing)
    assert source.through == ""
    assert not any("PATH" in note.text for note in read(folder, missing)[1].notes)


@pytest.mark.parametrize(
    ("name", "text", "store"),
    [
        ("metadata.json", '{"backend":"dolt","dolt_mode":"server"}', Store.SERVER),
        ("metadata.json", '{"backend":"dolt","dolt_mode":"embedded"}', Store.EMBEDDED),
        ("metadata.json", '{"backend":"dolt"}', Store.SERVER),
        ("metadata.json", '{"backend":"sqlite"}', None),
        ("metadata.json", "[" * 50_000, None),
        ("beads.db", "", Store.SQLITE),
        ("dolt/noms/x", "", Store.SERVER),
        ("embeddeddolt/x", "", Store.EMBEDDED),
        ("redirect", "../there/.beads\n", Store.EMBEDDED),
        ("redirect", "../../there/.beads", Store.EMBEDDED),
        ("redirect", "nowhere/.beads", None),
        ("config.yaml", "no-db: true\n", None),
    ],
)
def test_a_store_is_known_by_what_lies_there(
    tmp_path: Path, name: str, text: str, store: Store | None
) -> None:
    (tmp_path / "there" / ".beads" / "embeddeddolt").mkdir(parents=True)
    path = tmp_path / "here" / ".beads" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    folder = tmp_path / "here" / ".beads"
    assert store_of(folder) is store
    assert is_kept(dialect("beads"), folder) is (store is not None)


def test_of_several_stores_the_newest_kind_counts(tmp_path: Path) -> None:
    folder = tmp_path / ".beads"
    folder.mkdir()
    found = []
    for name in ("beads.db", "dolt", "embeddeddolt"):
        (folder / name).mkdir()
        found.append(store_of(folder))
    assert found == [Store.SQLITE, Store.SERVER, Store.EMBEDDED]


def test_what_only_reads_files_says_so_where_there_is_none(newest: Path) -> None:
    with pytest.raises(UserError, match="there is no file in it"):
        read_source(find_source("beads", newest.parent))
    (found,) = home_sources(dialect("beads"), newest.parent, "")
    assert (found.paths, found.folder_path) == ((), newest)


# --- telling -----------------------------------------------------------------------------------


def test_a_task_is_claimed_worked_on_and_closed(beads: Path) -> None:
    assert told(beads, running("app-1", "spawned")) == Written(True)
    record = records_in(beads)["app-1"]
    assert (record["status"], record["assignee"]) == ("in_progress", "gangsaw")
    assert record["labels"] == ["phase:spawned"]
    for phase in ("working", "committed"):
        assert told(beads, running("app-1", phase)) == Written(True)
        assert records_in(beads)["app-1"]["labels"] == [f"phase:{phase}"]
    assert told(beads, done("app-1")) == Written(True)
    record = records_in(beads)["app-1"]
    assert (record["status"], record["labels"]) == ("closed", ["phase:merged"])
    assert record["close_reason"] == f"landed as {COMMIT[:12]}"
    assert records_in(beads)[EPIC]["status"] == "open"
    assert told(beads, running("app-2", "working")) == Written(True)
    assert told(beads, done("app-2")) == Written(True)
    assert records_in(beads)["app-2"]["labels"] == ["ui", "phase:merged"]
    epic = records_in(beads)[EPIC]
    assert (epic["status"], epic["close_reason"]) == ("closed", "all of its tasks are closed")


def test_what_is_said_already_is_not_told_again(beads: Path) -> None:
    reports = [running("app-1", "working", note="gangsaw: not landed yet: x"), done("app-1")]
    for report in reports:
        told(beads, report)
        count = len(calls_in(beads))
        before = records_in(beads)
        assert told(beads, report) == Written(False)
        assert (len(calls_in(beads)), records_in(beads)) == (count, before)


def test_what_is_given_up_is_open_again_and_says_why(beads: Path) -> None:
    why = "gangsaw: given up: it failed"
    told(beads, running("app-1", "working"))
    assert told(
        beads, Report("app-1", Standing.OPEN, at=AT, holder="gangsaw", note=why),
        was=Standing.RUNNING,
    ) == Written(True)  # fmt: skip
    record = records_in(beads)["app-1"]
    assert (record["status"], record["assignee"], record["labels"]) == ("open", "", [])
    assert record["notes"] == why


def test_a_landing_that_is_undone_opens_the_epic_again(beads: Path) -> None:
    told(beads, done("app-1"))
    told(beads, done("app-2"))
    undone = Report("app-2", Standing.OPEN, at=AT, holder="gangsaw")
    assert told(beads, undone, was=Standing.DONE) == Written(True)
    found = records_in(beads)
    assert [found[key]["status"] for key in ("app-1", "app-2", EPIC)] == ["closed", "open", "open"]


def test_a_claim_of_somebody_else_is_left_alone(beads: Path) -> None:
    make(beads, generation_of(beads), [issue("app-1", status="in_progress", assignee="alice")])
    before = records_in(beads)
    kept = (("app-1", Standing.RUNNING),)
    assert told(beads, running("app-1", "spawned")) == Written(False, kept)
    assert records_in(beads) == before


@pytest.mark.parametrize("generation", ["server", "embedded"])
def test_a_claim_that_somebody_else_was_given_first_is_left_alone(
    tmp_path: Path, generation: str
) -> None:
    """The rival comes between our look and our claim."""
    folder = tmp_path / ".beads"
    make(folder, generation, RECORDS, rival="alice")
    kept = (("app-1", Standing.RUNNING),)
    assert told(folder, running("app-1", "spawned")) == Written(True, kept)
    record = records_in(folder)["app-1"]
    assert (record["assignee"], record.get("labels")) == ("alice", None)


def test_of_many_that_claim_at_once_one_is_given_the_record(newest: Path) -> None:
    outcomes: dict[str, Written | Unwritten] = {}

    def claim(name: str) -> None:
        outcomes[name] = told(newest, running("app-1", "spawned", name))

    names = [f"worker-{n}" for n in range(8)]
    threads = [threading.Thread(target=claim, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    owner = records_in(newest)["app-1"]["assignee"]
    kept = {name: found.kept for name, found in outcomes.items() if isinstance(found, Written)}
    assert len(kept) == len(names), outcomes
    assert [name for name in names if not kept[name]] == [owner]


def test_who_was_assigned_stays_assigned(beads: Path) -> None:
    make(beads, generation_of(beads), [issue("app-1", assignee="alice")])
    assert told(beads, running("app-1", "spawned")) == Written(True)
    assert told(beads, running("app-1", "working"), was=Standing.RUNNING) == Written(True)
    record = records_in(beads)["app-1"]
    assert (record["status"], record["assignee"]) == ("in_progress", "alice")
    assert record["labels"] == ["phase:working"]


def test_what_is_called_blocked_is_worked_on_after_what_blocks_it(beads: Path) -> None:
    first, second = issue("app-1"), issue("app-2", ("app-1", "blocks"), status="blocked")
    make(beads, generation_of(beads), [first, second])
    for key in ("app-1", "app-2"):
        assert told(beads, running(key, "working")) == Written(True)
        assert told(beads, done(key)) == Written(True)
    found = records_in(beads)["app-2"]
    assert (found["status"], found["assignee"]) == ("closed", "gangsaw")


def test_a_refusal_is_told_whatever_the_exit_code(beads: Path) -> None:
    """`bd` does not close what is blocked; several versions end with 0 all the same."""
    outcome = told(beads, done("app-2"))
    assert isinstance(outcome, Unwritten)
    assert "cannot close app-2: blocked by open issues ['app-1']" in outcome.reason
    told(beads, done("app-1"))
    assert told(beads, done("app-2")) == Written(True)


@pytest.mark.parametrize("command", ["list", "update", "close"])
def test_a_bd_that_fails_changes_nothing_and_says_why(beads: Path, command: str) -> None:
    generation = generation_of(beads)
    make(beads, generation, RECORDS, fails={command: "the store is locked"})
    outcome = told(beads, done("app-1"))
    assert isinstance(outcome, Unwritten)
    assert "the store is locked" in outcome.reason
    assert records_in(beads)["app-1"]["status"] == "open"
    make(beads, generation, list(records_in(beads).values()))
    assert told(beads, done("app-1")) == Written(True)


@pytest.mark.parametrize("report", [running("app-1", "working"), done("app-1")])
def test_a_bd_that_says_nothing_and_does_nothing_is_not_believed(
    newest: Path, report: Report
) -> None:
    make(newest, "embedded", RECORDS, says={"update": "[]", "close": "[]"})
    outcome = told(newest, report)
    assert outcome == Unwritten("bd was told of app-1, and has it as open all the same")


def test_a_record_that_is_gone_is_missing(beads: Path) -> None:
    assert told(beads, running("app-99")) == Written(False, (), ("app-99",))


def test_what_would_be_an_option_is_never_said(newest: Path) -> None:
    make(newest, "embedded", [issue("--force")])
    outcome = told(newest, done("--force"))
    assert isinstance(outcome, Unwritten)
    assert calls_in(newest) == []


def test_what_somebody_has_settled_is_left_alone(beads: Path) -> None:
    make(beads, generation_of(beads), [issue("app-1", status="deferred")])
    assert told(beads, done("app-1")) == Written(False, (("app-1", Standing.LATER),))
    assert calls_in(beads) == []


class Cut(Exception):
    """The process was killed here."""


def cut_at(nth: int, side: str) -> Callable[[str, str], None]:
    passed = 0

    def probe(point: str, at: str) -> None:
        nonlocal passed
        if point == "sources.tell" and at == side:
            passed += 1
            if passed == nth:
                raise Cut

    return probe


@pytest.mark.parametrize("side", ["before", "after"])
def test_told_again_after_any_kill_it_is_as_if_told_once(beads: Path, side: str) -> None:
    note = "gangsaw: not landed yet: a check failed"
    steps = [running("app-1", "spawned", note=note), done("app-1"), done("app-2")]

    def all_steps() -> None:
        for step in steps:
            assert isinstance(told(beads, step), Written)

    generation = generation_of(beads)
    all_steps()
    expected = records_in(beads)
    count = len(calls_in(beads))
    assert count >= 6
    for nth in range(1, count + 1):
        (beads / "calls.jsonl").unlink()
        make(beads, generation, RECORDS)
        set_probe(cut_at(nth, side))
        try:
            with pytest.raises(Cut):
                all_steps()
        finally:
            set_probe(None)
        all_steps()
        assert records_in(beads) == expected, (nth, side)


def generation_of(folder: Path) -> str:
    place = json.loads((folder / "conduct.json").read_text())["place"]
    return next(name for name, each in GENERATIONS.items() if each["place"] == place)


def test_remarks_are_of_a_known_kind(newest: Path) -> None:
    make(newest, "embedded", RECORDS, schema=7)
    _, remarks = Bd().document(ask, newest)
    assert [each.about for each in remarks] == [About.NOTE]
