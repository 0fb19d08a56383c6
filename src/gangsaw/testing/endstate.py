"""What must hold of a repository once a run has ended, however often its engine was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gangsaw.core.state import State
from gangsaw.engine.loop import fold
from gangsaw.store.control import Control
from gangsaw.store.errors import NoJournal
from gangsaw.store.journal import open_journal
from gangsaw.testing.ledger import Line, doubled, out_of_order, overlaps, read_ledger
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import processes_of

GONE_MAX_S = 20.0


@dataclass(frozen=True, slots=True)
class EndState:
    """What two runs of one plan must have in common. `lives` are the turns that ran to their end;
    `tree` is that of the integration branch."""

    tree: str
    statuses: tuple[tuple[str, str], ...]
    lives: tuple[tuple[str, int], ...]
    branches: tuple[str, ...]


def control_of(ground: Playground) -> Control:
    """The control folder of the playground's repository."""
    return Control(ground.repo / ".git" / "gangsaw")


def last_seq(ground: Playground, run: str = "r1") -> int:
    """How many events the run has; 0 before there is a journal."""
    try:
        with open_journal(control_of(ground).journal, writer=False) as journal:
            return journal.last_seq(run)
    except NoJournal:
        return 0


def folded(ground: Playground, run: str = "r1") -> State:
    """The state of the run by its log, empty before there is one; raises if it does not fold."""
    try:
        with open_journal(control_of(ground).journal, writer=False) as journal:
            return fold(journal, run)[0]
    except NoJournal:
        return State()


def end_state(ground: Playground, run: str = "r1") -> EndState:
    """The end state, once the run is over."""
    state = folded(ground, run)
    lines = read_ledger(ground.ledger)
    return EndState(
        tree=ground.git("rev-parse", f"gangsaw/run/{run}^{{tree}}"),
        statuses=tuple(sorted(_statuses(ground, run))),
        lives=tuple(sorted(line.life for line in lines if line.word == "stop")),
        branches=tuple(sorted(_branches(ground, len(state.tasks)))),
    )


def _statuses(ground: Playground, run: str) -> list[tuple[str, str]]:
    """As readers see them."""
    with open_journal(control_of(ground).journal, writer=False) as journal:
        return [(row.task, row.status) for row in journal.tasks(run)]


def _branches(ground: Playground, most: int) -> list[str]:
    found = ground.git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
    return found[: most + 10]


def complaints(
    ground: Playground,
    needs: Mapping[str, Sequence[str]],
    *,
    landed: Sequence[str] | None = None,
    run: str = "r1",
) -> list[str]:
    """Everything that is wrong with a run whose tasks all came to their end; `landed` are those
    that had to land (default: all)."""
    lines = read_ledger(ground.ledger)
    wanted = list(needs if landed is None else landed)
    return [
        *_of_ledger(lines, needs),
        *_of_landings(ground, needs, wanted, run),
        *_of_log(ground, wanted, run),
        *_of_leftovers(ground, run),
    ]


def _of_ledger(lines: list[Line], needs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for validator in (doubled, overlaps):
        yield from validator(lines)
    yield from out_of_order(lines, needs)


def _of_landings(
    ground: Playground, needs: Mapping[str, Sequence[str]], wanted: list[str], run: str
) -> Iterator[str]:
    """Each task once, after all it needs; the target where the integration branch is. A landing
    that was undone does not count."""
    order: list[str] = []
    for name, undone in _landed_and_undone(ground, run):
        missing = set(needs.get(name, ())) & set(wanted) - set(order)
        if missing:
            yield f"{name} landed before {', '.join(sorted(missing))}"
        if undone and undone not in order:
            yield f"{undone} is undone, but had not landed"
        elif undone:
            order.remove(undone)
        elif name:
            order.append(name)
    if sorted(order) != sorted(wanted):
        yield f"landed {sorted(order)}, not {sorted(wanted)}"
    head, target = (ground.git("rev-parse", ref) for ref in (f"gangsaw/run/{run}", "main"))
    if head != target:
        yield f"main is at {target[:12]}, the integration branch at {head[:12]}"
    if dirt := ground.git("status", "--porcelain"):
        yield f"the checkout is dirty: {dirt}"
    if broken := ground.git("fsck", "--connectivity-only", "--no-dangling"):
        yield f"git fsck: {broken}"


def _landed_and_undone(ground: Playground, run: str) -> Iterator[tuple[str, str]]:
    """Of every landing, in order, the task that it is of, or the one that it undoes."""
    commits = ground.landings(run)
    if not commits:
        return
    names = ("Gangsaw-Task", "Gangsaw-Undo")
    form = "%x09".join(f"%(trailers:key={name},valueonly,separator=%x2C)" for name in names)
    for line in ground.git("log", "--no-walk=unsorted", f"--format=.{form}", *commits).splitlines():
        name, _, undone = line.removeprefix(".").partition("\t")
        yield name, undone


def _of_log(ground: Playground, wanted: list[str], run: str) -> Iterator[str]:
    """It folds, has no gap, and says of each recorded exit code what the agent itself said."""
    state = folded(ground, run)
    for name in wanted:
        if not state.task_states[name].finished:
            yield f"by the log {name} is not finished: {state.task_states[name]}"
    for known in (state.landings, state.queue, state.live):
        if known:
            yield f"by the log there is still {known}"
    with open_journal(control_of(ground).journal, writer=False) as journal:
        rows = list(journal.read(run))
    if [row.seq for row in rows] != list(range(1, len(rows) + 1)):
        yield "the log has gaps"
    yield from wrong_exits(ground, run)
    yield from wrong_pids(ground, run)


def wrong_exits(ground: Playground, run: str = "r1") -> list[str]:
    """Recorded exit codes that are not what the agents announced. A death by a signal says nothing
    about what was announced: it may have come at any moment."""
    said = {line.life: line.code for line in read_ledger(ground.ledger) if line.word == "stop"}
    turns: dict[tuple[str, int], int] = {}
    found: list[str] = []
    with open_journal(control_of(ground).journal, writer=False) as journal:
        for row in journal.read(run):
            body = row.body
            if row.kind == "turn.wanted":
                turns[body["attempt"], body["launch"]] = body["turn"]
            if row.kind != "turn.exited" or body["code"] is None:
                continue
            life = body["attempt"], turns[body["attempt"], body["launch"]]
            # 137 unannounced: a process of the agent was killed, and its shell gave up.
            if said.get(life, 137) != body["code"]:
                found.append(
                    f"{life} said {said.get(life)}, recorded {body['code']} {body['text']}"
                )
    return found


def wrong_pids(ground: Playground, run: str = "r1") -> list[str]:
    """Turns whose recorded pid is not the one that the agent itself wrote."""
    said = {line.life: line.pid for line in read_ledger(ground.ledger) if line.word == "start"}
    turns: dict[tuple[str, int], int] = {}
    found: list[str] = []
    with open_journal(control_of(ground).journal, writer=False) as journal:
        for row in journal.read(run):
            body = row.body
            if row.kind == "turn.wanted":
                turns[body["attempt"], body["launch"]] = body["turn"]
            if row.kind != "turn.started" or not body["pid"]:
                continue  # 0: it had ended before anybody looked
            life = body["attempt"], turns[body["attempt"], body["launch"]]
            if said.get(life, body["pid"]) != body["pid"]:
                found.append(f"{life} is pid {said[life]}, recorded {body['pid']}")
    return found


def _of_leftovers(ground: Playground, run: str) -> Iterator[str]:
    """No process, no worktree but our slots, no branch of an attempt, no pool, no notes."""
    left = leftovers(ground)
    if left:
        yield f"processes left: {left}"
    worktrees = ground.git("worktree", "list", "--porcelain").splitlines()
    paths = [line.partition(" ")[2] for line in worktrees if line.startswith("worktree ")]
    for path in paths[1:]:
        if not path.rpartition("/")[2].startswith("verify-"):
            yield f"worktree left: {path}"
    for folder in ("drafts", "handed-out", "making", "pools"):
        if found := sorted((ground.repo / ".git" / "gangsaw" / folder).glob("*")):
            yield f"notes left in {folder}: {[each.name for each in found]}"
    records = sorted((ground.repo / ".git" / "worktrees").glob("*"))
    if dead := [each.name for each in records if not (each / "gitdir").exists()]:
        yield f"records of worktrees left: {dead}"
    if pools := sorted(ground.root.glob("*-worktrees/*/.gangsaw-*")):
        yield f"left of pools and removals: {[each.name for each in pools]}"
    if branches := ground.git("for-each-ref", f"refs/heads/gangsaw/{run}/"):
        yield f"branches left: {branches}"


def leftovers(ground: Playground) -> list[str]:
    """The processes of the playground that do not end by themselves within `GONE_MAX_S`."""
    gone: Callable[[], bool] = lambda: not processes_of(ground.root)  # noqa: E731
    try:
        ground.wait_for(gone, "no process left", GONE_MAX_S)
    except AssertionError:
        return [f"{found.pid} {' '.join(found.argv)[:200]}" for found in processes_of(ground.root)]
    return []
