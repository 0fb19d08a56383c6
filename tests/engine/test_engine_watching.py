"""A look at a task file: what is told of it, and what a look that fails means for the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gangsaw.core import actions as ac
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.events_watching import SourceRefused, SourceTaken
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits, Plan
from gangsaw.core.phases import Phase
from gangsaw.core.record import record
from gangsaw.core.standing import Entry, Standing, TaskFile
from gangsaw.core.state import State
from gangsaw.core.work import outstanding
from gangsaw.engine.clock import clock_in_use
from gangsaw.engine.watching import SourceWatch
from gangsaw.engine.world import World
from gangsaw.sources import Report, dialect, read_documents
from gangsaw.sources.place import document, member_files
from gangsaw.sources.writing import Wish, Written, write_back
from gangsaw.views.watched import taken_text

NOW = 1_000.0
TODO = "- [ ] A-1 first\n- [ ] A-2 second\n"


class Looking:
    """A watch of a source that stands beside a state, without its thread."""

    def __init__(self, kind: str, place: Path, *epics: str) -> None:
        paths = member_files(dialect(kind), place) if place.is_dir() else [place]
        shown = tuple(str(path.relative_to(place.parent)) for path in paths)
        texts = [document(path, name) for path, name in zip(paths, shown, strict=True)]
        read = read_documents(dialect(kind), texts)
        plan = read.plan.plan or Plan("", ())
        if epics:
            wanted = tuple(t for t in plan.tasks if {*epics} & {*read.items[t.id].within})
            plan = replace(plan, tasks=wanted)
        entries = tuple(
            Entry(
                task.id, item.key, item.document if item.home is None else item.home,
                item.standing, mute=item.home is None,
            )
            for task in plan.tasks
            if (item := read.items[task.id])
        )  # fmt: skip
        folder = str(place) if place.is_dir() else ""
        task_file = TaskFile(
            kind, tuple(map(str, paths)), shown, entries, watched=True, folder=folder,
            folder_shown=place.name if folder else "", narrowed=bool(epics), epics=epics,
        )  # fmt: skip
        started = ev.RunStarted(
            "r1", plan, Limits(), "main", "gangsaw/run/r1", "c0", task_file=task_file
        )
        self.state = evolve(State(), started, NOW)
        self.fault: Callable[[], None] = lambda: None
        world = SimpleNamespace(
            state=self.state, environ={}, recruits={},
            settings=SimpleNamespace(agents=(), checks=()),
            repo=SimpleNamespace(main_root=place.parent, root=place.parent),
            secrets=SimpleNamespace(out_of_plan=self._checked),
        )  # fmt: skip
        self.watch = SourceWatch(cast(World, world), clock_in_use(), lambda: None)
        self.told: list[ev.Event] = []

    def _checked(self, plan: Plan) -> Plan:
        self.fault()
        return plan

    def look(self) -> list[ev.Event]:
        """Look until the file has stood still; the events of what was read."""
        facts: list[ev.Event] = []
        for _ in range(2):
            self.watch.look()
            for found in self.watch.news():
                for fact in record(found, self.state, NOW):
                    evolve(self.state, fact, NOW)
                    facts.append(fact)
            self.watch.taken()
        return facts

    def text(self) -> str:
        """What is told of the one version that this look finds."""
        (taken,) = self.look()
        assert isinstance(taken, SourceTaken)
        return taken_text(taken, self.state)


@pytest.fixture
def todo(tmp_path: Path) -> Path:
    path = tmp_path / "TODO.md"
    path.write_text(TODO)
    return path


def test_what_could_not_be_read_from_the_start_is_not_told_again(todo: Path) -> None:
    todo.write_text(f"{TODO}- [ ] A-1 first once more\n")
    looking = Looking("checklist", todo)
    assert looking.look() == []
    todo.write_text(todo.read_text().replace("A-2 second", "A-2 another second"))
    assert looking.text() == "· TODO.md was changed: A-2 edited"
    todo.write_text(f"{todo.read_text()}- [ ] A-2 second once more\n")
    said = looking.text()
    assert "not read: TODO.md:4" in said
    assert "TODO.md:3" not in said


def test_a_reading_that_fails_in_an_unexpected_way_ends_no_watching(todo: Path) -> None:
    looking = Looking("checklist", todo)
    looking.look()

    def fail() -> None:
        raise RuntimeError("nobody thought of this")

    looking.fault = fail
    todo.write_text(TODO.replace("first", "the first"))
    (refused,) = looking.look()
    assert isinstance(refused, SourceRefused)
    assert refused.reason == ("cannot read TODO.md again: RuntimeError: nobody thought of this")
    assert looking.look() == []  # told once, and not read again until it is another
    looking.fault = lambda: None
    todo.write_text(TODO.replace("first", "the very first"))
    assert [type(fact) for fact in looking.look()] == [SourceTaken]
    assert looking.state.tasks["A-1"].title == "the very first"


def test_a_file_that_is_back_is_told_what_it_refused(todo: Path) -> None:
    looking = Looking("checklist", todo)
    looking.look()
    todo.rename(todo.with_name("away.md"))
    assert [type(fact) for fact in looking.look()] == [SourceRefused]
    _begin_refused(looking.state, "A-1")
    assert _writings(looking.state) == []
    todo.with_name("away.md").rename(todo)
    (taken,) = looking.look()
    assert isinstance(taken, SourceTaken)
    assert taken.again == ("A-1",)
    assert _writings(looking.state) == [
        ac.WriteStanding("A-1", Standing.RUNNING, "", Standing.OPEN)
    ]


JOINED: dict[str, tuple[str, str, Callable[[str], str], str, str, str]] = {
    "roadmap": (
        "ROADMAP.md",
        "# Roadmap\n\n## Group A: base\n1. **Track 1: one**\n",
        lambda text: f"{text}2. **Track 2: two**\n",
        "A-1", "A-2", "## Group A: base **[DONE]**",
    ),
    "taskmaster": (
        "tasks.json",
        '{"master": {"tasks": [{"id": 1, "title": "all", "status": "pending", "subtasks": [\n'
        '{"id": 1, "title": "one", "status": "pending"}\n]}]}}\n',
        lambda text: text.replace("\n]", ',\n{"id": 2, "title": "two", "status": "pending"}\n]'),
        "1-1", "1-2", '"title": "all", "status": "done"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", JOINED)
def test_what_is_added_to_a_part_that_we_have_closed_is_open(tmp_path: Path, kind: str) -> None:
    name, text, add, first, second, closed = JOINED[kind]
    path = tmp_path / name
    path.write_text(text)
    looking = Looking(kind, path)
    looking.look()
    _done(looking.state, first)
    _write(looking.state)
    assert closed in path.read_text()
    assert looking.look() == []
    path.write_text(add(path.read_text()))
    said = f"· {name} was changed: {second} added to what was done, which is open again"
    assert looking.text() == said
    assert [name for _, name in looking.state.ready] == [second]
    assert looking.look() == []  # it is no tick, although it is not written yet
    _write(looking.state)
    assert closed not in path.read_text()
    assert looking.look() == []
    _done(looking.state, second)
    _write(looking.state)
    assert closed in path.read_text()


def _done(state: State, name: str) -> None:
    """We have done the task."""
    evolve(state, ev.AttemptAdmitted(f"{name}.1", name, 1, "c0", "one", None, "b"), NOW)
    attempt = state.attempts[f"{name}.1"]
    state.attempts[attempt.id] = replace(attempt, phase=Phase.VERIFIED)
    evolve(state, ev.TaskDone(attempt.id, name), NOW)


def _write(state: State) -> None:
    """Have the file say what it is to say."""
    assert state.task_file is not None
    for action in _writings(state):
        entry = state.entries[action.about]
        wish = Wish(Report(entry.key, action.standing, action.commit), action.was)
        path, shown = state.task_file.paths[entry.document], state.task_file.shown[entry.document]
        written = write_back(Path(path), shown, dialect(state.task_file.dialect), [wish])
        assert isinstance(written, Written)
        assert not written.kept
        for fact in record(ob.StandingSaid(action.about, action.standing, ""), state, NOW):
            evolve(state, fact, NOW)


def _writings(state: State) -> list[ac.WriteStanding]:
    found = outstanding(state, NOW + 1_000)
    return [action for action in found if isinstance(action, ac.WriteStanding)]


def _begin_refused(state: State, name: str) -> None:
    """The task is begun, and its file refuses to say so until that is given up."""
    evolve(state, ev.AttemptAdmitted(f"{name}.1", name, 1, "c0", "one", None, "b"), NOW)
    for _ in range(10):
        seen = ob.StandingNotSaid(name, Standing.RUNNING, "", "TODO.md is not there")
        for fact in record(seen, state, NOW):
            evolve(state, fact, NOW)
    assert name not in state.untold


# --- folders -----------------------------------------------------------------------------------


def _backlog(folder: Path, number: int, *, status: str = "To Do", more: str = "") -> None:
    """Write the file of a task of Backlog.md."""
    path = folder / f"task-{number} - t.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\nid: task-{number}\ntitle: t{number}\nstatus: {status}\n{more}---\n")


@pytest.fixture
def backlog(tmp_path: Path) -> Path:
    for number in (1, 2, 3):
        _backlog(tmp_path / "backlog" / "tasks", number)
    (tmp_path / "backlog" / "completed").mkdir()
    return tmp_path / "backlog"


def test_files_of_a_backlog_join_move_and_go_while_its_run_goes_on(backlog: Path) -> None:
    looking = Looking("backlog", backlog)
    looking.look()
    _backlog(backlog / "tasks", 4, more="dependencies:\n  - task-2\n")
    assert looking.text() == "· backlog/tasks/task-4 - t.md was changed: task-4 added"
    old, new = backlog / "tasks" / "task-1 - t.md", backlog / "completed" / "task-1 - t.md"
    old.rename(new)
    assert looking.text() == (
        "· backlog/tasks/task-1 - t.md, backlog/completed/task-1 - t.md were changed: task-1 in "
        "another file"
    )
    assert looking.state.entries["task-1"].document == 4
    _done(looking.state, "task-1")
    _write(looking.state)
    assert "status: Done" in new.read_text()
    assert looking.look() == []
    (backlog / "tasks" / "task-3 - t.md").unlink()
    said = "· backlog/tasks/task-3 - t.md was changed: task-3 no longer there"
    assert looking.text() == said
    _backlog(backlog / "completed", 2, status="Done")
    (backlog / "tasks" / "task-2 - t.md").unlink()
    assert "task-2 done there" in looking.text()
    assert [name for _, name in looking.state.ready] == ["task-4"]


def test_a_file_that_never_was_a_record_hides_no_deleted_one(backlog: Path) -> None:
    (backlog / "tasks" / "readme.md").write_text("How we work.\n")
    looking = Looking("backlog", backlog)
    looking.look()
    (backlog / "tasks" / "task-3 - t.md").unlink()
    assert "task-3 no longer there" in looking.text()
    # One that has just become unreadable may be it, though.
    (backlog / "tasks" / "task-2 - t.md").write_text("id: task-2\n")
    assert [type(fact) for fact in looking.look()] == [SourceRefused]
    assert not looking.state.task_states["task-2"].closed


def test_a_new_engine_does_not_take_an_old_unread_file_for_a_lost_record(backlog: Path) -> None:
    (backlog / "tasks" / "readme.md").write_text("How we work.\n")
    looking = Looking("backlog", backlog)
    (backlog / "tasks" / "task-3 - t.md").unlink()
    assert "task-3 no longer there" in looking.text()


def test_a_record_that_is_moved_is_told_what_its_old_file_refused(backlog: Path) -> None:
    looking = Looking("backlog", backlog)
    looking.look()
    _begin_refused(looking.state, "task-1")
    path = backlog / "tasks" / "task-1 - t.md"
    path.rename(backlog / "completed" / path.name)
    assert "task-1 to be written now that it can be" in looking.text()
    _write(looking.state)
    assert "status: In Progress" in (backlog / "completed" / path.name).read_text()


def test_only_what_is_below_the_chosen_part_joins_a_narrowed_run(backlog: Path) -> None:
    _backlog(backlog / "tasks", 5, more="milestone: m-1\n")
    looking = Looking("backlog", backlog, "m-1")
    assert looking.look() == []
    _backlog(backlog / "tasks", 6)
    _backlog(backlog / "tasks", 7, more="milestone: m-1\n")
    _backlog(backlog / "tasks", 8)
    _backlog(backlog / "tasks", 9, more="milestone: m-1\ndependencies:\n  - task-8\n")
    assert "task-7, task-8, task-9 added" in looking.text()
    assert "task-6" not in looking.state.tasks


def test_workstreams_join_move_and_go_while_their_run_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "workstreams"
    folder.mkdir()

    def write(name: str, key: str) -> None:
        (folder / name).write_text(f'{{"id": "{key}", "title": "t", "description": "do {key}"}}\n')

    write("a.json", "ws-01")
    write("b.json", "ws-02")
    looking = Looking("workstreams", folder)
    looking.look()
    write("c.json", "ws-03")
    assert looking.text() == "· workstreams/c.json was changed: ws-03 added"
    (folder / "b.json").rename(folder / "other.json")
    assert "were changed: ws-02 in another file" in looking.text()
    (folder / "c.json").unlink()
    assert "ws-03 no longer there" in looking.text()
    _done(looking.state, "ws-02")
    _write(looking.state)
    assert '"completed"' in (folder / "other.json").read_text()
    assert looking.look() == []


PLAN = "# Plan\n\n## Issue 1: one\n\nDo one.\n\n## Issue 2: two\n\nDo two.\n"
POINTS = "# Checks\n\n## Issue 1\n\n- [ ] it is one\n"


def test_planning_files_join_and_go_while_their_run_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "implementation-plan.md").write_text(PLAN)
    (folder / "verification-checklist.md").write_text(POINTS)
    looking = Looking("planning", folder)
    looking.look()
    (folder / "dependency-graph.md").write_text("# Graph\n\n#1 -> #2\n")
    assert looking.text().startswith("· docs/dependency-graph.md was changed: 1, 2 edited")
    assert looking.state.tasks["2"].needs == ("1",)
    # An issue without boxes is read again, too, though nothing is written of it.
    (folder / "implementation-plan.md").write_text(PLAN.replace("Do two", "Do two at once"))
    assert "2 edited" in looking.text()
    assert "at once" in looking.state.tasks["2"].prompt
    _done(looking.state, "1")
    _write(looking.state)
    assert "- [x] it is one" in (folder / "verification-checklist.md").read_text()
    assert looking.look() == []
    # Without its boxes nothing says how it stands: it is not open again for that.
    (folder / "verification-checklist.md").unlink()
    assert "opened" not in looking.text()
    assert looking.state.source.restored == looking.state.source.left == {}
    _done(looking.state, "2")
    assert _writings(looking.state) == []


def test_an_issue_that_somebody_claims_is_held_until_it_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "issues.jsonl"
    free = '{"id": "b-1", "title": "t", "status": "open", "issue_type": "task"}\n'
    path.write_text(free)
    looking = Looking("beads", path)
    looking.look()
    path.write_text(free.replace('"open"', '"in_progress", "assignee": "alice"'))
    assert looking.text().startswith("· issues.jsonl was changed: b-1 in progress by alice there")
    assert looking.state.ready == []
    assert _writings(looking.state) == []
    path.write_text(free)
    assert looking.text() == "· issues.jsonl was changed: b-1 open again"
    assert [name for _, name in looking.state.ready] == ["b-1"]


@pytest.mark.parametrize("landed", [True, False])
def test_a_need_whose_record_is_gone_holds_only_what_it_has_not_finished_for(
    todo: Path, landed: bool
) -> None:
    todo.write_text("- [ ] A-1 first\n- [ ] A-2 second (after: A-1)\n- [ ] A-3 third\n")
    looking = Looking("checklist", todo)
    assert looking.look() == []
    if landed:
        tasks = looking.state.task_states
        tasks["A-1"] = replace(tasks["A-1"], landed_commit="c1")
    todo.write_text("- [ ] A-2 second (after: A-1)\n- [ ] A-3 another third\n")
    told = looking.text()
    assert "A-3 edited" in told
    assert ("A-2 on hold" in told) is not landed
