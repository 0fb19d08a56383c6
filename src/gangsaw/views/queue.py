"""The landing queue: what is checked together now, what comes next, and what waits for what. The
object that `gangsaw queue --json` prints, and the text for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gangsaw.core.chain import index_of, is_moving
from gangsaw.core.events_undo import undone_by
from gangsaw.core.forecast import check_times_s, expected_s, gate_s, groups
from gangsaw.core.model import task_of
from gangsaw.core.policy import batches, landing, narrowing
from gangsaw.core.spans import span
from gangsaw.core.state import Landing, State
from gangsaw.core.status import view
from gangsaw.store.rows import Row
from gangsaw.views.status import named
from gangsaw.views.text import count_of, flat

SCHEMA_VERSION = 1
ROWS_MAX = 40
"""Changes listed in one section of the text; the others are counted."""
NAMES_MAX = 12
ID_WIDTH_MAX = 24
CHECK_MAX = 60
"""Characters of a check's name."""

_BEGINS = frozenset({"batch.formed", "candidate.built", "candidate.judged", "engine.started"})
"""Events after which checks of a candidate begin."""


def queue_rows(kept: list[Row], row: Row) -> list[Row]:
    """Of the events so far, those that `queue_object` needs besides the state: the last after which
    checks began, and the last landings, which were one move of the branch."""
    if row.kind in _BEGINS:
        return [*(one for one in kept if one.kind not in _BEGINS), row]
    if row.kind != "landed":
        return kept
    return [*(one for one in kept if one.kind != "landed" or _head(one) == _head(row)), row]


def queue_object(
    state: State, rows: list[Row], engine_pid: int | None, now: float
) -> dict[str, Any]:
    """The queue of a run, as an object. `rows` are what `queue_rows` has kept of its events."""
    checked = batches.wanted(state)
    running = bool(checked) and engine_pid is not None
    began = max((row.at for row in rows if row.kind in _BEGINS), default=0.0) if running else 0.0
    expected = expected_s(state, max(now - began, 0.0) if running else 0.0)
    queued = batches.in_order(state, list(state.queue))
    line = [*(link.about for link in state.landings), *queued]
    return {
        "schema_version": SCHEMA_VERSION,
        "run": state.run,
        "state": _state(state),
        "held_by": state.held_by,
        "engine_pid": engine_pid,
        "window": max(1, state.limits.window),
        "batch_size": batches.size_of(state),
        "batches": _batches(state, checked, began if running else None),
        "changes": [
            _change(state, about, line[at - 1] if at else "", expected, now)
            for at, about in enumerate(line)
        ],
        "next_batch": [task_of(about) or about for about in _next_group(state, len(checked))],
        "last_landed": _last_landed(rows),
        "landed": sum(1 for known in state.task_states.values() if known.landed_commit),
        "candidate_runs": state.candidate_runs,
        "part_runs": state.part_runs,
        "head": state.head,
    }


def _state(state: State) -> str:
    if state.frozen:
        return "frozen"
    return "paused" if state.queue_held else "open"


def _next_group(state: State, checked: int) -> list[str]:
    """What would be checked together next, if what is checked now is green."""
    return next(iter(groups(state)[checked:]), [])


def _batches(
    state: State, checked: list[batches.Wanted], began: float | None
) -> list[dict[str, Any]]:
    """Those whose trees are being checked, or whose links are being built; at most two."""
    numbers = dict.fromkeys(link.batch for link in state.landings if link.batch)
    return [_batch(state, number, checked, began) for number in numbers]


def _batch(
    state: State, number: int, checked: list[batches.Wanted], began: float | None
) -> dict[str, Any]:
    links = [link for link in state.landings if link.batch == number]
    now = next((each for each in checked if each.link.batch == number), None)
    return {
        "number": number,
        "members": [
            {"task": task_of(link.about) or link.about, "attempt": link.about, "tree": link.tree,
             "commit": link.candidate, "judgement": link.judgement and link.judgement.value,
             "failed": link.fails, "inconclusive": link.inconclusive}
            for link in links
        ],
        "checked": _checked(state, links, now, began) if now else None,
        "moving": any(link.wanted for link in links),
    }  # fmt: skip


def _checked(
    state: State, links: list[Landing], wanted: batches.Wanted, began: float | None
) -> dict[str, Any]:
    link, part = wanted.link, wanted.part
    at = links.index(link)
    red = narrowing.lowest_red(links)
    narrows = red is not None and (links[red] is not link or (part is not None and red > 0))
    if part is not None and len(links) == 1 and not link.fails:
        why = "suspect"
    elif narrows:
        why = "narrowing"
    elif link.fails:
        why = "once_more"
    else:
        why = "whole" if len(links) > 1 else "alone"
    gate = landing.gate_of_landing(state, link)
    checks = [check.name for check in landing.missing_checks(state, link.tree, gate)]
    if part is not None and (check := narrowing.check_of(state, part.of)) is not None:
        checks = [check.name]
    upto = [one.about for one in links[: at + 1]]
    return {
        "task": task_of(link.about) or link.about,
        "tree": link.tree,
        "up_to": at + 1,
        "of": len(links),
        "why": why,
        "between": _names([links[0], links[red]]) if narrows and red is not None else [],
        "checks": checks,
        "tests": list(part.tests) if part is not None else [],
        "since": began,
        "usual_s": gate_s(state, upto, check_times_s(state)) if part is None else None,
    }


def _names(links: list[Landing]) -> list[str]:
    return [task_of(link.about) or link.about for link in links]


def _change(
    state: State, about: str, before: str, expected: dict[str, float], now: float
) -> dict[str, Any]:
    attempt = state.attempts.get(about)
    link = next((one for one in state.landings if one.about == about), None)
    alone = _alone(state, about)
    left_s = expected.get(about)
    return {
        "task": task_of(about) or about,
        "attempt": about,
        "stage": _stage(state, link),
        "behind": (task_of(before) or before) if before else None,
        "waits_for": _waits_for(state, about, link),
        "conflicts_with": _ahead(state, about, link),
        "alone": alone,
        "barrier": list(attempt.barrier) if attempt else [],
        "queued_at": attempt.queued_at if attempt and attempt.queued_at else None,
        "resolved": link.resolved if link else "",
        "reason": view(state, attempt.task, now).reason if attempt else _special(state, about),
        "expected_at": None if left_s is None else round(now + left_s),
    }


def _stage(state: State, link: Landing | None) -> str:
    if link is None:
        return "queued"
    if is_moving(state, link.about):
        return "landing"
    return "batch" if link.batch else "next"


def _alone(state: State, about: str) -> str | None:
    """Why it is checked by itself, if it is."""
    attempt = state.attempts.get(about)
    if attempt is None:
        return "undo" if undone_by(about) else "target"
    if state.task_states[attempt.task].first:
        return "first"
    if attempt.suspected is not None:
        return "suspect"
    return "barrier" if attempt.barrier else None


def _ahead(state: State, about: str, link: Landing | None) -> str | None:
    """The change ahead of it with which it does not merge."""
    attempt = state.attempts.get(about)
    against = (link.against if link else "") or (attempt.against if attempt else "")
    return task_of(against) or None if against and index_of(state, against) >= 0 else None


def _waits_for(state: State, about: str, link: Landing | None) -> str:
    """One word for what it waits for."""
    if link is not None and is_moving(state, about):
        return "move"
    if state.frozen:
        return "frozen"
    if _ahead(state, about, link):
        return "conflict"
    if link is not None and link.batch:
        return "checks"
    if state.queue_held:
        return "paused"
    return "batch" if link is not None else "turn"


def _special(state: State, about: str) -> str:
    if task := undone_by(about):
        return f"takes back the landing of {task}"
    return f"merges what others put on {state.target}"


def _last_landed(rows: list[Row]) -> dict[str, Any] | None:
    """What the integration branch was last moved to, and every task that landed with that."""
    last = [row for row in rows if row.kind == "landed"]
    if not last:
        return None
    body = last[-1].body
    return {
        "tasks": [row.body["task"] or "@target" for row in last],
        "commit": _head(last[-1]),
        "tree": body.get("checked") or body["tree"],
        "at": last[-1].at,
    }


def _head(row: Row) -> str:
    return str(row.body.get("head") or row.body["commit"])


# --- in words -----------------------------------------------------------------------------------


def queue_text(queue: dict[str, Any], now: float, heading: Callable[[str], str] = str) -> list[str]:
    """The same for people, as lines."""
    lines = [_header(queue), *_remarks(queue)]
    changes = queue["changes"]
    width = min(ID_WIDTH_MAX, max((len(each["task"]) for each in changes), default=0))
    for batch in queue["batches"]:
        title = "CHECKED TOGETHER" if len(batch["members"]) > 1 else "CHECKED"
        lines += ["", heading(title), *_batch_lines(batch, now)]
    for title, stages in (
        ("", ("landing", "batch")),
        ("NEXT", ("next",)),
        ("WAITING", ("queued",)),
    ):
        rows = [(at, each) for at, each in enumerate(changes, 1) if each["stage"] in stages]
        if rows and title:
            lines += ["", heading(title)]
        lines += [_row(at, each, width, now) for at, each in rows[:ROWS_MAX]]
        if len(rows) > ROWS_MAX:
            lines.append(f"  … and {len(rows) - ROWS_MAX} more: gangsaw queue --json")
    if not changes:
        lines += ["", "nothing waits for its landing"]
    if last := queue["last_landed"]:
        together = " together" if len(last["tasks"]) > 1 else ""
        lines += ["", heading("LANDED LAST"),
                  f"  {named(last['tasks'], NAMES_MAX)}{together} · {last['commit'][:10]} · "
                  f"{span(now - last['at'])} ago"]  # fmt: skip
    return lines


def _header(queue: dict[str, Any]) -> str:
    parts = [queue["run"]]
    if queue["state"] != "open":
        parts.append(f"landing queue {queue['state']}")
    parts.append(f"{len(queue['changes'])} on the way")
    runs = count_of(queue["candidate_runs"], "run")
    some = f" and {queue['part_runs']} of some tests" if queue["part_runs"] else ""
    parts.append(f"{queue['landed']} landed by {runs} of checks{some}")
    window = queue["window"]
    size = f"up to {queue['batch_size']} in the next batch" if window > 1 else "one at a time"
    parts.append(f"{size} (window {window})")
    return " · ".join(parts)


def _remarks(queue: dict[str, Any]) -> Iterable[str]:
    if queue["state"] != "open":
        by = f" by {flat(queue['held_by'])}" if queue["held_by"] else ""
        what = "nothing lands" if queue["state"] == "frozen" else "no further batch is formed"
        yield f"{queue['state']}{by}: {what}; to go on: gangsaw queue --resume"
    if queue["engine_pid"] is None and queue["changes"]:
        yield "no gangsaw is running this; go on with: gangsaw run"


def _batch_lines(batch: dict[str, Any], now: float) -> Iterable[str]:
    names = named([each["task"] for each in batch["members"]], NAMES_MAX)
    yield f"  batch {batch['number']}: {names}"
    found = batch["checked"]
    if batch["moving"]:
        yield "  green: being put on the integration branch"
    elif found is None:
        yield "  its candidates are being built"
    else:
        parts = [_what(found), " · ".join(flat(name, CHECK_MAX) for name in found["checks"])]
        if found["since"]:
            usual = "" if found["usual_s"] is None else f", usually {span(found['usual_s'])}"
            parts.append(f"for {span(now - found['since'])}{usual}")
        yield "  " + " · ".join(part for part in parts if part)


def _what(found: dict[str, Any]) -> str:
    tree = f"(tree {found['tree'][:10]})"
    match found["why"]:
        case "once_more":
            what = f"{_tests(found)} once more" if found["tests"] else "once more"
            return f"{flat(found['task'])} was red; {what} on a clean slot {tree}"
        case "suspect":
            return f"{_tests(found)} that failed in its batch, on what landed {tree}"
        case "narrowing":
            first, last = found["between"]
            among = f"between {flat(first)} and {flat(last)}"
            which = f"{found['up_to']} of {found['of']}"
            if found["tests"]:
                done = f"narrowing {among}: {_tests(found)} on {which} changes"
                return f"red: {done} {tree}"
            return f"red: looking {among}, now up to {flat(found['task'])} ({which}) {tree}"
        case "whole":
            return f"all {found['of']} by the last one's tree {tree}"
        case _:
            return f"by itself {tree}"


def _tests(found: dict[str, Any]) -> str:
    return count_of(len(found["tests"]), "test")


def _row(at: int, each: dict[str, Any], width: int, now: float) -> str:
    in_batch = each["stage"] == "batch" and each["waits_for"] == "checks"
    parts = [flat(each["reason"])] if each["reason"] and not in_batch else []
    match each["alone"]:
        case "barrier":
            more = f" and {len(each['barrier']) - 1} more" if len(each["barrier"]) > 1 else ""
            parts.append(f"lands alone, for {flat(each['barrier'][0])}{more}")
        case "first":
            parts.append("put first, lands alone")
        case "suspect":
            parts.append("set aside: tests began to fail with it")
    if each["stage"] != "landing":
        parts.append(_guess(each["expected_at"], now))
    return f"  {at:>3}  {flat(each['task']):<{width}}  {' · '.join(parts)}"


def _guess(at: float | None, now: float) -> str:
    """When it lands, if all is green."""
    if at is None:
        return "no guess yet"
    return f"in about {span(at - now)}" if at - now >= 1 else "soon"
