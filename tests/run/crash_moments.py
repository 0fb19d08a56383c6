"""Every moment of the small run (`crash_ground`) at which the engine is killed.

A new durable step, or a new kind of event in that run, has to be added here, or to what is excused
with its reason: `test_run_crashes` compares this with the source and with the run.
"""

from __future__ import annotations

KINDS: dict[str, str] = {
    "engine.furnish": "attempt, gate slot, work slot",
    "engine.prompts": "",
    "engine.scrub": "check, first turn, later turn, setup",
    "git.admin_drop": "attempt, gate slot, work slot",
    "git.candidate_commit": "",
    "git.deliver_files": "",
    "git.deliver_present": "",
    "git.folder_aside": "attempt",
    "git.folder_delete": "attempt, gate slot, pool, work slot",
    "git.folder_rename": "attempt, gate slot, pool, work slot",
    "git.leftovers_commit": "",
    "git.leftovers_staged": "",
    "git.making_done": "attempt, gate slot, work slot",
    "git.making_note": "attempt, gate slot, work slot",
    "git.merge_begin": "",
    "git.merge_tree": "",
    "git.pool_empty": "pool",
    "git.pool_fill": "attempt",
    "git.pool_take": "attempt",
    "git.push": "",
    "git.ref_create": "attempt, integration, kept dirty, kept turn, kept work, sealed, stash",
    "git.ref_delete": "attempt, candidate",
    "git.ref_move": "integration, target",
    "git.ref_set": "candidate",
    "git.resolution_learned": "",
    "git.resolve": "",
    "git.slot_checkout": "work slot",
    "git.slot_clean": "work slot",
    "git.snapshot_commit": "",
    "git.snapshot_staged": "",
    "git.worktree_add": "attempt, gate slot, work slot",
    "procs.folder": "check, first turn, later turn, setup",
    "procs.spawn": "check, first turn, later turn, setup",
    "procs.spec": "check, first turn, later turn, setup",
    "procs.watchdog": "",
    "store.append": (
        "attempt.admitted, attempt.failed, batch.formed, candidate.built, candidate.conflicted, "
        "candidate.judged, candidate.wanted, change.queued, conflict.resolved, delivered, "
        "delivery.wanted, "
        "engine.started, engine.stopped, inspection.wanted, integration.ready, landed, "
        "landing.wanted, machine.governed, pushed, request.answered, request.received, "
        "run.finished, "
        "run.scaled, run.started, task.done, turn.exited, turn.started, turn.wanted, "
        "verdict.reached, verify.wanted, work.found, work.returned, workspace.closed, "
        "workspace.prepared"
    ),
    "store.control.make": "bad, control, inbox",
    "store.inbox.discard": "",
    "store.inbox.set_aside": "",
    "store.inbox.wake": "",
    "store.migrate": "",
    "store.reserve.make": "",
    "store.secret.make": "",
    "verify.verdict_kept": "",
}
"""Point → its kinds, with commas; empty where the step is always about the same."""

OCCASIONAL = {
    "git.join_commit": "only if two changes happen to be ready together",
    "git.slot_checkout[gate slot]": "only if two candidates are combined after the first",
    "git.slot_clean[gate slot]": "likewise",
    "store.append[rows]": "only if a second passes without an event",
    "store.append[pressure.changed]": "only if the machine is short of memory",
    "store.append[machine.measured]": "only if an agent lives when the machine is read",
}
"""Moments that the run passes or not, as the machine is quick or slow."""

EXCUSED = {
    "git.join_commit": "of changes that land together; see test_run_batch_crashes",
    "engine.trust": "of `gangsaw trust` and of a run before there is an engine",
    "git.deliver_carried": "only where what lands changes a marked task file; see test_run_ticks",
    "git.fetch": "only where a remote has moved; see test_run_pushes",
    "git.folder_back": "only after a removal that was cut short or refused",
    "git.reverse_commit": "of an undo; see test_run_undo and test_git_undo",
    "git.worktree_mark": "where git makes worktrees itself; see test_git_pool",
    "git.start_commit": "of landed work gone on from; see test_git_undo",
    "git.state_files": "of bringing a former state back",
    "git.state_records": "likewise",
    "procs.detach": "of `gangsaw run --detach`, before there is an engine",
    "store.inbox.submit": "of the commands that ask something of a run",
    "store.schedule.answer": "of a scheduler, which is no engine; see test_run_schedule_crashes",
    "store.schedule.append": "likewise",
    "store.schedule.ask": "likewise",
    "store.schedule.rotate": "likewise",
    "sources.prepare": "only of a run of a task file; see test_run_sources",
    "sources.replace": "likewise; and test_sources_writing",
    "sources.tell": "only of a run whose tasks a program keeps; see test_run_bd",
    "store.reserve.release": "needs a full disk; see test_store_disk",
}
"""Points in the rooms of a run that the small run cannot pass."""

MOMENTS = [
    f"{point}[{kind}]" if kind else point
    for point, kinds in KINDS.items()
    for kind in kinds.split(", ")
]
SIDES = [f"{moment}:{side}" for moment in MOMENTS for side in ("before", "after")]
