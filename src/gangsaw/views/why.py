"""Why is a task where it is? The scheduler's own answer, as an object and in words.

Status, reason and hold come from `core.status.view`, the function that the scheduler's decisions
rest on; nothing is guessed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core.events_undo import undo_about
from gangsaw.core.evidence import evidence
from gangsaw.core.failing import beside_exit_code
from gangsaw.core.findings import Finding
from gangsaw.core.honesty import Honesty, concern_objects
from gangsaw.core.model import task_of
from gangsaw.core.overlapping import LANDED, file_lines, overlaps_of
from gangsaw.core.phases import ENDED, Phase
from gangsaw.core.policy.undo import kept_turns, turns_kept, undone_needs
from gangsaw.core.reopening import turn_names
from gangsaw.core.state import Attempt, State
from gangsaw.core.status import View, view
from gangsaw.views.concerns import concern_lines
from gangsaw.views.facts import clock
from gangsaw.views.history import history
from gangsaw.views.status import named, next_commands
from gangsaw.views.text import block, count_of, flat, money

SCHEMA_VERSION = 1
TAIL_LINES = 15
NAME_MAX = 200
NOTE_MAX = 400
HISTORY_MAX = 40
NAMES_MAX = 12
_FINISHED = ("landed", "done")
_STATES = {
    "needs_you": "needs you",
    "landed": "has landed",
    "failed": "has failed",
    "queued": "is queued for landing",
    "reviewing": "is being reviewed",
    "checking": "is being checked",
    "landing": "is being landed",
    "working": "is being worked on",
}
"""How a status is said in a sentence, where that is not `is STATUS`."""

Told = tuple[int, float, ev.Event]


def subjects_of(state: State, task: str) -> list[str]:
    """The subjects under which the log speaks of a task: itself, its undo and its attempts."""
    return [
        task,
        undo_about(task),
        *(name for name, attempt in state.attempts.items() if attempt.task == task),
    ]


def why_object(
    state: State, task: str, told: Iterable[Told], logs: str, now: float
) -> dict[str, Any]:
    """Everything about one task. `told` are its events, `logs` is the folder of its output."""
    known, plan = state.task_states[task], state.tasks[task]
    seen = view(state, task, now)
    attempts = [each for each in state.attempts.values() if each.task == task]
    last = state.attempt_of(task)
    usage = known.usage
    return {
        "schema_version": SCHEMA_VERSION,
        "run": state.run,
        "task": task,
        "title": plan.title,
        "status": seen.status.value,
        "reason": seen.reason,
        "hold": _hold(seen),
        "needs": [_other(state, name, now) for name in plan.needs],
        "waits_for": [_other(state, name, now) for name in _waited_for(state, task, seen)],
        "dependants": list(state.dependants.get(task, ())),
        "scope": list(plan.scope),
        "attempts": [_attempt(state.limits.honesty, each) for each in attempts],
        "turns": turn_names(kept_turns(state, task), known),
        "checks": [_check(state, each) for each in (last.results if last else ())],
        "evidence": evidence(state, task),
        "landed_commit": known.landed_commit or None,
        "undone_commit": known.undone or None,
        "built_on_undone": list(undone_needs(state, task)) if known.finished else [],
        "tokens": usage.tokens,
        "cost": None if usage.unpriced and not usage.known_usd else round(usage.known_usd, 6),
        "cost_estimated": round(usage.estimated_usd, 6),
        "messages": _messages(state, task),
        "overlaps": _overlaps(last, state),
        "history": [{"at": each.at, "seq": each.seq, "text": each.text} for each in history(told)],
        "started_at": state.started_at,
        "logs": logs,
        "next": _next(state, task, seen, last),
    }  # fmt: skip


def _messages(state: State, task: str) -> list[dict[str, Any]]:
    """What people and other agents have said to the task's agent, and whether a turn was told."""
    last = state.attempt_of(task)
    told = last.told if last is not None else ()
    waiting = state.task_states[task].messages
    return [
        {"by": said.by, "text": said.text, "question": said.question or None, "told": is_told}
        for said, is_told in (*((one, True) for one in told), *((one, False) for one in waiting))
    ]


def _overlaps(last: Attempt | None, state: State) -> list[dict[str, Any]]:
    """With whom its work would not merge now, and where."""
    return [] if last is None else [
        {
            "id": known.key, "severity": known.severity.value,
            "with": task_of(known.other_than(last.id)) or None,
            "lines": file_lines(known, last.id),
        }
        for known in overlaps_of(state, last.id)
    ]  # fmt: skip


def _hold(seen: View) -> dict[str, Any] | None:
    hold = seen.hold
    if hold is None:
        return None
    return {
        "kind": hold.kind.value, "tasks": list(hold.tasks), "until": hold.until, "text": hold.text
    }  # fmt: skip


def _waited_for(state: State, task: str, seen: View) -> list[str]:
    """The tasks the hold names, and what those in turn wait for, nearest first."""
    found: list[str] = []
    queue = list(seen.hold.tasks) if seen.hold else []
    while queue:
        name = queue.pop(0)
        if name in found or name == task:
            continue
        found.append(name)
        queue += [n for n in state.tasks[name].needs if not state.task_states[n].finished]
    return found


def _other(state: State, name: str, now: float) -> dict[str, Any]:
    seen = view(state, name, now)
    return {"id": name, "status": seen.status.value, "reason": seen.reason}


def _attempt(rules: Honesty, each: Attempt) -> dict[str, Any]:
    return {
        "id": each.id,
        "number": each.number,
        "agent": each.agent,
        "stands_for": each.stands_for or None,
        "model": each.model,
        "base": each.base,
        "phase": each.phase.value,
        "turns": each.turns_used,
        "crashes": each.crashes,
        "turns_kept": list(turns_kept(each)),
        "start": each.start or None,
        "session": each.session,
        "condition": _condition(each),
        "parked_until": each.parked_until if each.phase is Phase.PARKED else None,
        "findings": [_finding(found) for found in each.findings],
        "concerns": concern_objects(rules, each.concerns),
        "asked": [one.text for one in each.asked],
        "claims": list(each.claims),
        "taken_by": each.taken_by or None,
        "said_done": each.done_text if each.done_at else None,
        "started_at": each.admitted_at,
        "ended_at": each.since if each.phase in ENDED else None,
        "ended": each.failed.value if each.failed else None,
        "commit": each.commit or None,
        "worktree": each.path or None,
        "branch": each.branch,
    }


def _condition(each: Attempt) -> str | None:
    """What is, or was last, wrong with its agent."""
    ended = each.exit.condition if each.exit is not None else None
    found = each.parked or each.condition or ended
    return found.value if found is not None else None


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "file": found.file, "line": found.line, "severity": found.severity.value,
        "text": found.text,
    }  # fmt: skip


def _check(state: State, each: ev.CheckResult) -> dict[str, Any]:
    known = state.known_checks.get(each.of)
    rate = {"red": known.flakes, "runs": known.runs} if known and known.flakes else None
    return {
        "name": each.name, "judgement": each.judgement.value, "code": each.code,
        "signal": each.signal, "duration_s": each.duration_s, "log": each.log, "tail": each.tail,
        "failing": list(each.failing), "failing_more": each.failing_more, "cpu_s": each.cpu_s,
        "red_runs": each.red_runs, "note": each.note, "seen_in": each.seen_in or None,
        "seen_at": each.seen_at or None, "flaky": rate, "how": beside_exit_code(each),
    }  # fmt: skip


def _next(state: State, task: str, seen: View, last: Attempt | None) -> list[str]:
    """Commands that a person might want now."""
    commands = next_commands(task, seen.status.value, seen.reason)
    found = [command for command in commands if not command.startswith("gangsaw why")]
    if last is not None and f"gangsaw logs {task}" not in found:
        follow = " -f" if last.phase not in ENDED else ""
        found.append(f"gangsaw logs {task}{follow}")
    if last is not None and (last.commit or last.path) and f"gangsaw diff {task}" not in found:
        found.append(f"gangsaw diff {task}")
    if seen.hold is not None and seen.hold.kind.value == "failed_needs":
        found += [f"gangsaw why {name}" for name in seen.hold.tasks[:3]]
    return found


# --- in words -----------------------------------------------------------------------------------


def why_text(why: dict[str, Any], heading: Callable[[str], str] = str) -> list[str]:
    """The same for people, as lines."""
    reason = f": {flat(why['reason'])}" if why["reason"] not in ("", why["status"]) else ""
    title = f" · {flat(why['title'])}" if why["title"] != why["task"] else ""
    lines = [f"{why['task']} {_STATES.get(why['status']) or 'is ' + why['status']}{reason}"]
    lines.append(f"{why['run']}{title}{_spent(why)}")
    lines += _section(heading("WAITS FOR"), [_other_line(each) for each in why["waits_for"]])
    if not why["waits_for"]:
        lines += _section(heading("NEEDS"), [_other_line(each) for each in why["needs"]])
    lines += _section(heading("WENT BACK"), _evidence_lines(why["evidence"]))
    lines += _section(heading("CHECKS"), [line for c in why["checks"] for line in _check_lines(c)])
    found = [each for attempt in why["attempts"][-1:] for each in attempt["findings"]]
    lines += _section(heading("FINDINGS"), [_finding_line(each) for each in found])
    seen = [each for attempt in why["attempts"][-1:] for each in attempt["concerns"]]
    lines += _section(heading("CONCERNS"), concern_lines(seen))
    lines += _section(heading("MESSAGES"), [_message_line(each) for each in why["messages"]])
    lines += _section(heading("OVERLAPS"), [_overlap_line(each) for each in why["overlaps"]])
    if why["attempts"] and why["attempts"][-1]["claims"] and not why["attempts"][-1]["ended_at"]:
        claims = ", ".join(why["attempts"][-1]["claims"])
        lines += _section(heading("CLAIMS"), [f"  {flat(claims)}"])
    lines += _section(heading("HISTORY"), _history_lines(why))
    if why["dependants"] and why["status"] not in _FINISHED:
        lines += _section(heading("WAIT FOR IT"), [f"  {named(why['dependants'], NAMES_MAX)}"])
    if why["turns"] and why["status"] not in _FINISHED:
        last, many = why["turns"][-1], "s" if len(why["turns"]) > 1 else ""
        lines += ["", f"its work was kept after turn{many} {named(why['turns'], NAMES_MAX)}: "
                  f"gangsaw retry {why['task']} --from {last}"]  # fmt: skip
    if why["attempts"]:
        lines += ["", f"its output is in {flat(why['logs'])}"]
    if why["next"]:
        lines += ["", f"next: {' · '.join(why['next'])}"]
    return lines


def _spent(why: dict[str, Any]) -> str:
    parts = [f" · {count_of(len(why['attempts']), 'attempt')}"]
    parts += [f" · {why['tokens']} tokens"] if why["tokens"] else []
    parts += [f" · {money(why['cost'], None, why['cost_estimated'])}"] if why["tokens"] else []
    return "".join(parts)


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *lines] if lines else []


def _message_line(each: dict[str, Any]) -> str:
    how = "told" if each["told"] else "waits for its next turn"
    return f"  {flat(each['by'])}: {flat(each['text'])} · {how}"


def _overlap_line(each: dict[str, Any]) -> str:
    files = "; ".join(each["lines"])
    return (
        f"  {each['severity']:<8} {each['id']} with {flat(each['with'] or LANDED)}: {flat(files)}"
    )


def _other_line(each: dict[str, Any]) -> str:
    reason = f" · {flat(each['reason'])}" if each["reason"] else ""
    return f"  {flat(each['id'])}  {each['status'].replace('_', ' ')}{reason}"


def _finding_line(each: dict[str, Any]) -> str:
    place = f"{flat(each['file'])}:{each['line']}  " if each["file"] else ""
    return f"  {each['severity']:<8} {place}{flat(each['text'])}"


def _check_lines(check: dict[str, Any]) -> list[str]:
    sign = {"passed": "✓", "failed": "✗"}.get(check["judgement"], "?")
    how = ""
    if check["how"]:
        how = f" ({check['how']})"
    elif check["signal"] is not None:
        how = f" (signal {check['signal']})"
    elif check["judgement"] != "passed" and check["code"] is not None:
        how = f" (exit code {check['code']})"
    lines = [f"  {sign} {flat(check['name'])}  {check['judgement']}{how}{_remarks(check)}"]
    lines += [f"      failed: {flat(name, NAME_MAX)}" for name in check["failing"]]
    lines += [f"      … and {check['failing_more']} more"] if check["failing_more"] else []
    lines += [f"      note: {flat(check['note'], NOTE_MAX)}"] if check["note"] else []
    if check["judgement"] != "passed":
        tail = "\n".join(check["tail"].strip().splitlines()[-TAIL_LINES:])
        lines += block(tail, "      ") if tail else []
        lines += [f"      whole output: {flat(check['log'])}"] if check["log"] else []
    return lines


def _evidence_lines(found: dict[str, Any] | None) -> list[str]:
    """Why its work went back, as far as CHECKS does not say it."""
    if found is None:
        return []
    tree = f" · tree {found['tree']}" if found["tree"] else ""
    lines = [f"  {flat(found['attempt'])}  {found['cause']}{tree}"]
    for each in found["checks"]:
        if each["command"] != each["name"]:
            lines.append(f"  {flat(each['name'])} is: {flat(each['command'])}")
        if each["only"]:
            count = count_of(len(each["only"]), "test")
            lines.append(f"  only {count} of it: narrowed down in a batch, then run alone with it")
        lines += [f"  failing: {named(each['failing'], NAMES_MAX)}"] if each["failing"] else []
    return lines


def _remarks(check: dict[str, Any]) -> str:
    """That it was not run, or run more than once, or is known to be flaky."""
    found = f" · seen green in {check['seen_in']}, not run again" if check["seen_in"] else ""
    if check["red_runs"]:
        found += f" · after {count_of(check['red_runs'], 'red run')} on the same tree"
    rate = check["flaky"]
    return found + (f" · flaky: {rate['red']} of {rate['runs']}" if rate else "")


def _history_lines(why: dict[str, Any]) -> list[str]:
    told = why["history"]
    hidden = len(told) - HISTORY_MAX
    first = [f"  … {hidden} earlier: gangsaw events --task {why['task']}"] if hidden > 0 else []
    return first + [
        f"  {clock(each['at'] - why['started_at']):>6}  {each['text']}"
        for each in told[-HISTORY_MAX:]
    ]
