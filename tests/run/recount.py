"""Every number of `gangsaw report --json`, counted anew from the lines of `gangsaw events --json`.

    python recount.py < events.jsonl

It knows nothing of the program: no module of it is imported, phases are told by the names of
events, and every number is found by looking through plain rows. What comes back is a flat table
`{"tasks[api].work_s": 1.25, …}`; the test compares it with the report, leaf by leaf, so a number
of the report that is not counted here fails.

What tasks waited for is found here anew, for the commoner reasons. Of the lines of
`gangsaw events --json --holds`, which tell every reason, it is taken as told and only summed up.
"""

from __future__ import annotations

import json
import sys
from typing import Any

Line = dict[str, Any]

# What an attempt is at after an event of this kind, and whether it takes a slot of the run and of
# its agent. What is not here changes nothing.
AFTER: dict[str, tuple[str, bool, bool]] = {
    "attempt.admitted": ("set_up", True, True),
    "workspace.prepared": ("set_up", True, True),
    "turn.wanted": ("set_up", True, True),
    "turn.exited": ("set_up", True, True),
    "turn.lost": ("set_up", True, True),
    "inspection.wanted": ("set_up", True, True),
    "work.found": ("check", True, True),
    "verify.wanted": ("check", True, True),
    "verdict.reached": ("wait", True, False),
    "review.passed": ("wait", True, False),
    "review.approved": ("wait", True, False),
    "work.faulty": ("wait", False, False),
    "work.returned": ("wait", False, False),
    "attempt.parked": ("wait", False, False),
    "attempt.taken": ("wait", False, False),
    "attempt.handed_back": ("wait", False, False),
    "review.opened": ("wait", False, False),
    "change.queued": ("queue", False, False),
    "candidate.wanted": ("landing", False, False),
}
OVER = ("landed", "task.done", "attempt.failed")
WHY_LIVE = {
    "review.opened": "person",
    "work.returned": "next_turn",
    "work.faulty": "next_turn",
    "attempt.handed_back": "next_turn",
    "verdict.reached": "next_turn",
    "review.passed": "next_turn",
    "review.approved": "next_turn",
    "change.queued": "landing_queue",
}
LIVE = ("person", "parked", "gave_way", "unpaid", "next_turn", "landing_queue")
TOLD = ("task.held", "task.unheld")
DOINGS = ("set_up", "work", "review", "check", "wait", "queue", "landing")
ALONE = ("set_up", "work", "review", "check", "landing")


class Book:
    """Rows found in one pass over the lines."""

    def __init__(self, everything: list[Line]) -> None:
        self.told: dict[int, list[Line]] = {}
        """What is told of waits, by the number of the event before it."""
        for line in everything:
            if line["kind"] in TOLD:
                self.told.setdefault(line["seq"], []).append(line)
        self.tells = bool(self.told)
        self.said: dict[str, tuple[str, list[str]]] = {}
        self.lines = lines = [line for line in everything if line["kind"] not in TOLD]
        started = lines[0]
        assert started["kind"] == "run.started"
        self.t0: float = started["at"]
        self.plan = {task["id"]: task for task in started["body"]["plan"]["tasks"]}
        self.limits: Line = started["body"]["limits"]
        self.caps: list[tuple[float, Line]] = [(self.t0, self.limits)]
        ends = [line for line in lines if line["kind"] in ("run.finished", "run.reopened")]
        over = bool(ends) and ends[-1]["kind"] == "run.finished"
        self.ended_at: float | None = ends[-1]["at"] if over else None
        self.as_of: float = lines[-1]["at"] if self.ended_at is None else self.ended_at
        self.wall = self.as_of - self.t0
        self.stretches: list[Line] = []
        self.open: dict[str, Line] = {}
        self.live: dict[str, Line] = {}
        self.taken: set[int] = set()
        self.freed: list[tuple[float, str, bool]] = []
        self.launches: dict[tuple[str, int], Line] = {}
        self.usage: dict[tuple[str, int], Line] = {}
        self.attempts: dict[str, Line] = {}
        self.closed: dict[str, str] = {}
        self.ends: dict[str, float] = {}
        self.for_person: set[str] = set()
        self.retry_at: dict[str, float] = {}
        self.flags = {"paused": False, "draining": False, "stopping": False, "branch": False,
                      "short": False}  # fmt: skip
        self.wave: list[str] = []
        self.stopped_for_memory: set[tuple[str, int]] = set()
        self.resolving: set[str] = set()
        self.later: dict[str, Line] = {}
        self.later_marks: dict[str, str] = {}
        self.ticked: set[str] = set()
        self.by_file: set[str] = set()
        self.finished = False
        self.waiting: dict[str, tuple[str, float]] = {}
        self.waits: dict[tuple[str, str], float] = {}
        self.last_hold: dict[str, tuple[str, list[str]]] = {}
        self.hold_before: dict[str, tuple[str, list[str]]] = {}
        self._walk()

    def _walk(self) -> None:
        for at, line in enumerate(self.lines):
            self._take(line)
            last = at + 1 == len(self.lines)
            for told in self.told.get(line["seq"], ()):
                self.said[told["subject"]] = (told["body"]["reason"], told["body"]["tasks"])
            if last or self.lines[at + 1]["at"] != line["at"]:
                self._look(line["at"])
        for attempt, known in self.open.items():
            self._close(attempt, known, self.as_of)
        for task, (reason, since) in self.waiting.items():
            self._waited(task, reason, max(0.0, self.as_of - since))

    # --- stretches ---

    def _take(self, line: Line) -> None:
        kind, body, at = line["kind"], line["body"], line["at"]
        if kind == "run.scaled":
            self.limits = {**self.limits, "max_agents": body["max_agents"]}
            self.caps.append((at, self.limits))
        elif kind == "limits.changed":
            kept: Line = {k: self.limits[k] for k in ("given", "gone") if k in self.limits}
            self.limits = {**body["limits"], **kept}
            self.caps.append((at, self.limits))
        elif kind in ("agent.scaled", "agent.added", "agent.removed"):
            self._change_agents(kind, body)
            self.caps.append((at, self.limits))
        self._flag(kind, body, line["subject"], at)
        if kind == "attempt.admitted":
            self.attempts[body["attempt"]] = {
                **body, "at": at, "seat": body["agent"], "why": "", "end": None, "stopped": False,
                "cause": None, "started": False, "asks": set(), "launch": 0,
            }  # fmt: skip
            task = body["task"]
            if task in self.last_hold:
                self.hold_before[body["attempt"]] = self.last_hold.pop(task)
        attempt = self.attempts.get(line["subject"])
        if attempt is None:
            return
        if kind == "turn.wanted":
            self._turn_wanted(attempt, body)
        if kind == "stop.wanted":
            attempt["stopped"] = True
            if body["cause"] == "memory":
                self.stopped_for_memory.add((line["subject"], attempt["launch"]))
        if kind == "turn.started":
            attempt["started"] = True
            self.launches[line["subject"], body["launch"]] = {"seat": attempt["seat"], "end": None}
            self._move(line, "review" if attempt["why"] == "review" else "work", True, True)
        elif kind in ("turn.exited", "turn.lost"):
            launch = self.launches.get((line["subject"], body["launch"]))
            if launch is not None:
                launch["end"], launch["stopped"] = line, attempt["stopped"]
            attempt["asks"] = set()
            self._move(line, *AFTER[kind])
        elif kind == "park.ended" and line["subject"] in self.open:
            self.open[line["subject"]].update(until_person=False, unpaid=False, parked="parked")
        elif kind == "question.asked" and body["key"]:
            attempt["asks"].add(body["key"])
        elif kind in ("question.answered", "question.dropped"):
            attempt["asks"].discard(body["key"])
        elif kind == "usage.reported":
            self.usage[line["subject"], body["launch"]] = body
        elif kind in OVER:
            attempt["end"] = at
            attempt["cause"] = body.get("cause")
            attempt["counts"] = body.get("counts", False)
            self._move(line, "", False, False)
        elif kind in AFTER and body.get("judgement") != "inconclusive":
            self._move(line, *AFTER[kind])

    def _change_agents(self, kind: str, body: Line) -> None:
        """How many of an agent there may be, kept beside the limits as `given`; 0 of a removed."""
        limits = self.limits = {**self.limits, "given": dict(self.limits.get("given", {}))}
        if kind == "agent.added":
            new = body["agent"]
            others = [each for each in limits["agents"] if each["name"] != new["name"]]
            limits["agents"] = [*others, new]
            limits["gone"] = set(limits.get("gone", ())) - {new["name"]}
        elif kind == "agent.removed":
            limits["gone"] = {*limits.get("gone", ()), body["agent"]}
        elif body["slots"] is None:
            limits["given"].pop(body["agent"], None)
        else:
            limits["given"][body["agent"]] = body["slots"]

    def _turn_wanted(self, attempt: Line, body: Line) -> None:
        attempt["why"], attempt["stopped"], attempt["started"] = body["why"], False, False
        attempt["launch"] = body["launch"]
        if body["why"] == "review":
            attempt["seat"] = body["agent"]
        else:
            attempt["agent"] = body.get("agent") or attempt["agent"]
            attempt["seat"] = attempt["agent"]
            if body.get("agent"):
                attempt["model"] = None

    def _move(self, line: Line, doing: str, slot: bool, seat: bool) -> None:
        name, at = line["subject"], line["at"]
        known = self.open.pop(name, None)
        number = known["slot"] if known else None
        if slot and number is None:
            number = min(n for n in range(1, len(self.taken) + 2) if n not in self.taken)
            self.taken.add(number)
        elif not slot and number is not None:
            self.taken.discard(number)
            self.freed.append((at, name, not doing))
            number = None
        elif not doing:
            self.freed.append((at, name, True))
        who = self.attempts[name]["seat"]
        if known is not None and (known["doing"], known["slot"], known["who"]) == (
            doing, number, who,
        ):  # fmt: skip
            self.open[name] = {
                **known, "kind": line["kind"], "seat": seat,
                "until_person": line["body"].get("until") is None,
                "unpaid": line["body"].get("unpaid", False),
                "parked": "gave_way" if line["body"].get("condition") == "memory" else "parked",
            }  # fmt: skip
            return
        if known is not None:
            self._close(name, known, at)
        if doing:
            self.open[name] = {
                "doing": doing, "since": at, "slot": number, "who": who, "kind": line["kind"],
                "seat": seat, "until_person": line["body"].get("until") is None,
                "unpaid": line["body"].get("unpaid", False),
                "parked": "gave_way" if line["body"].get("condition") == "memory" else "parked",
            }  # fmt: skip

    def _close(self, name: str, known: Line, at: float) -> None:
        if at > known["since"]:
            self.stretches.append(
                {"attempt": name, "task": self.attempts[name]["task"], "doing": known["doing"],
                 "a": known["since"] - self.t0, "b": at - self.t0, "slot": known["slot"],
                 "who": known["who"]}
            )  # fmt: skip

    # --- reasons ---

    def _flag(self, kind: str, body: Line, subject: str, at: float) -> None:
        flags = self.flags
        if kind == "integration.ready":
            flags["branch"] = True
        elif kind == "pressure.changed":
            flags["short"] = body["level"] != "none"
        elif kind == "wave.formed":
            self.wave = body["tasks"]
        elif kind == "resolving.wanted":
            self.resolving.add(subject)
        elif kind in ("resolving.left", "resolution.given"):
            self.resolving.discard(subject)
            if kind == "resolution.given":
                self._reopen(subject)
        elif kind == "run.paused":
            flags["paused"], flags["draining"] = True, body["drain"]
        elif kind == "run.resumed":
            flags["paused"] = flags["draining"] = False
        elif kind == "run.stop_wanted":
            flags["stopping"] = True
        elif kind == "engine.started":
            flags["stopping"] = False
            if flags["draining"]:
                flags["paused"] = flags["draining"] = False
        elif kind in ("landed", "task.done"):
            if body["task"]:  # none: the target was merged
                self._close_task(body["task"], "finished", at)
        elif kind == "undone":
            self._close_task(subject, "undone", at)
        elif kind == "task.given_up":
            self._close_task(subject, "given up", at)
            self.for_person = {*self.for_person - {subject}, *[subject] * body["person"]}
        elif kind == "task.cancelled" and subject not in self._busy_tasks():
            self._close_task(subject, "cancelled", at)
        elif kind == "attempt.failed":
            self.retry_at[self.attempts[subject]["task"]] = body["retry_at"]
            if body["cause"] == "cancelled":
                self._close_task(self.attempts[subject]["task"], "cancelled", at)
        elif kind == "task.reopened":
            self._reopen(subject)
        elif kind == "source.taken":
            self._take_source(body, at)
        elif kind == "task.edit_taken":
            if subject in self.later:
                self.plan[subject] = self.later.pop(subject)
            if subject in self.later_marks:
                self._mark(subject, self.later_marks.pop(subject), at)
        elif kind in ("run.finished", "run.reopened"):
            self.finished = kind == "run.finished"

    # --- the task file ---

    def _take_source(self, body: Line, at: float) -> None:
        for record in body["added"]:
            if record["task"] is not None:
                self.plan[record["task"]["id"]] = record["task"]
        for task in body["edited"]:
            name = task["id"]
            self.later.pop(name, None)
            if self._is_bound(name):
                self.later[name] = task
            else:
                self.plan[name] = task
        for name in body["opened"]:
            self.later_marks.pop(name, None)
            if name in self.by_file:
                self.by_file.discard(name)
                if self.closed.get(name) == "cancelled":
                    self._reopen(name)
        for each in body["marked"]:
            name, standing = each["task"], each["mark"]["standing"]
            if self._is_bound(name):
                self.later_marks[name] = standing
            else:
                self._mark(name, standing, at)

    def _is_bound(self, task: str) -> bool:
        return task in self._busy_tasks() or self.closed.get(task) == "finished"

    def _mark(self, task: str, standing: str, at: float) -> None:
        if self.closed.get(task) in ("finished", "undone"):
            return
        self.resolving.discard(task)
        if standing == "done":
            self.ticked.add(task)
            self._close_task(task, "finished", at)
        elif task not in self.closed:
            self.by_file.add(task)
            self._close_task(task, "cancelled", at)

    def _close_task(self, task: str, how: str, at: float) -> None:
        self.closed[task], self.ends[task] = how, at

    def _reopen(self, task: str) -> None:
        self.closed.pop(task, None)
        self.retry_at.pop(task, None)

    def _busy_tasks(self) -> set[str]:
        return {self.attempts[name]["task"] for name in self.open}

    def _look(self, at: float) -> None:
        busy = {self.attempts[name]["task"]: name for name in self.open}
        for task in self.plan:
            reason, others = self._reason(task, busy, at)
            before = self.waiting.get(task)
            if before is not None and before[0] != reason:
                self._waited(task, before[0], at - before[1])
                del self.waiting[task]
            if reason and task not in self.waiting:
                self.waiting[task] = (reason, at)
            if reason and task not in busy:
                self.last_hold[task] = (reason, others)

    def _waited(self, task: str, reason: str, seconds: float) -> None:
        self.waits[task, reason] = self.waits.get((task, reason), 0.0) + seconds

    def _reason(self, task: str, busy: dict[str, str], at: float) -> tuple[str, list[str]]:
        if self.tells:
            return self.said.get(task, ("", []))
        if task in self.closed or self.finished:
            return "", []
        if task in busy:
            known = self.open[busy[task]]
            if known["unpaid"]:
                return "unpaid", []
            if known["kind"] in ("attempt.parked", "attempt.taken"):
                return ("person" if known["until_person"] else known["parked"]), []
            return WHY_LIVE.get(known["kind"], ""), []
        missing = [n for n in self.plan[task]["needs"] if self.closed.get(n) != "finished"]
        if missing:
            return ("failed_needs" if any(map(self._lost, missing)) else "needs"), missing
        if task in self.resolving:
            return "resolving", []
        if self.retry_at.get(task, 0.0) > at:
            return "backoff", []
        for flag, reason in (("stopping", "stopping"), ("paused", "paused")):
            if self.flags[flag]:
                return reason, []
        if not self.flags["branch"]:
            return "no_branch", []
        if self.flags["short"]:
            return "pressure", []
        if self._spent() >= self._budget():
            return "budget", []
        if len([k for k in self.open.values() if k["slot"]]) >= self.limits["max_agents"]:
            return "slots", []
        return self._in_the_way(task, busy)

    def _lost(self, task: str) -> bool:
        if task in self.closed:
            return self.closed[task] != "finished"
        return any(map(self._lost, self.plan[task]["needs"]))

    def _in_the_way(self, task: str, busy: dict[str, str]) -> tuple[str, list[str]]:
        mine = self.plan[task]
        if self.limits["batched"] and task not in self.wave:
            return "wave", []
        agent = mine["agent"] or self.limits["default_agent"]
        allowed = {each["name"]: each["slots"] for each in self.limits["agents"]}.get(agent)
        using = [k for k in self.open.values() if k["seat"] and k["who"] == agent]
        if allowed is not None and len(using) >= allowed:
            return "agent_slots", []
        others = sum(max(0.0, self._still(name)) for name in self.open)
        if self._spent() + others + self._reserve(agent) > self._budget():
            return "budget", []
        scoped = []
        for other in busy:
            theirs = self.plan[other]
            if mine["track"] and mine["track"] == theirs["track"]:
                return "track", [other]
            if any(_meet(a, b) for a in mine["scope"] for b in theirs["scope"]):
                scoped.append(other)
        return ("scope", scoped) if scoped else ("", [])

    # --- money ---

    def _budget(self) -> float:
        found = self.limits["budget_usd"]
        return float("inf") if found is None else float(found)

    def _spent(self) -> float:
        return sum(worth(body)[0] for body in self.usage.values())

    def _reserve(self, agent: str) -> float:
        """What a launch may cost: the dearest so far or, of an agent that told none, a little."""
        if self._budget() == float("inf"):
            return 0.0
        costs = [
            worth(body)[0] for key, body in self.usage.items()
            if self.launches[key]["seat"] == agent
        ]  # fmt: skip
        return max(costs, default=0.0) or min(self.limits["reserve_usd"], 0.25 * self._budget())

    def _still(self, name: str) -> float:
        """What a launch at work may still cost."""
        known = self.open[name]
        starting = ("attempt.admitted", "workspace.prepared", "turn.wanted")
        if known["doing"] not in ("work", "review") and known["kind"] not in starting:
            return 0.0
        numbers = [launch for attempt, launch in self.launches if attempt == name]
        used = self.usage.get((name, max(numbers, default=0)))
        if known["kind"] == "turn.wanted" or used is None:
            return self._reserve(known["who"])
        return self._reserve(known["who"]) - worth(used)[0]

    # --- sums ---

    def sum(self, doings: tuple[str, ...] | None = None, **where: Any) -> float:
        """Seconds of the stretches that fit."""
        total = 0.0
        for row in self.stretches:
            if doings is not None and row["doing"] not in doings:
                continue
            if all(row[key] == value for key, value in where.items()):
                total += row["b"] - row["a"]
        return total

    def times(self, **where: Any) -> dict[str, float]:
        """Seconds by what was done."""
        return {f"{doing}_s": self.sum((doing,), **where) for doing in DOINGS}

    def allowed(self, agent: str | None) -> float:
        """Agents allowed, times seconds."""
        total = 0.0
        for n, (at, limits) in enumerate(self.caps):
            until = self.caps[n + 1][0] if n + 1 < len(self.caps) else self.as_of
            most = min([limits["max_agents"], *self._own(limits, agent)])
            total += most * max(0.0, min(until, self.as_of) - at)
        return total

    def _own(self, limits: Line, agent: str | None) -> list[int]:
        """The bounds of an agent besides the run's: its slots, its account's seats."""
        if agent is None:
            return []
        if agent in limits.get("gone", ()):
            return [0]
        slots = [each["slots"] for each in limits["agents"] if each["name"] == agent]
        slots = [limits["given"][agent]] if agent in limits.get("given", {}) else slots
        mine = _account(limits, agent)
        seats = [
            each["seats"] for each in limits["agents"] if _account(limits, each["name"]) == mine
        ]
        return [bound for bound in (*slots, *seats) if bound is not None]


def _account(limits: Line, agent: str) -> str:
    found = [each["account"] for each in limits["agents"] if each["name"] == agent]
    return str(found[0] or agent) if found else agent


def _meet(one: str, other: str) -> bool:
    """Whether two plain paths are the same, or one lies in the other."""
    a, b = one.rstrip("/").split("/"), other.rstrip("/").split("/")
    return a[: len(b)] == b or b[: len(a)] == a


Flat = dict[str, Any]


def recount(lines: list[Line]) -> Flat:
    """All numbers by their path in the report; none is `None` where there is none."""
    book = Book(lines)
    flat: Flat = {
        "schema_version": 1, "started_at": book.t0, "ended_at": book.ended_at, "as_of": book.as_of,
    }  # fmt: skip
    for part in (totals, tasks, agents, tracks, slots, chain, retries, waits, checks, queue):
        flat |= part(book)
    for part in (conflicts, spent, machine, timeline):
        flat |= part(book)
    return flat


def put(head: str, values: dict[str, Any]) -> Flat:
    return {f"{head}.{key}": value for key, value in values.items()}


def of_kind(book: Book, *kinds: str) -> list[Line]:
    return [line for line in book.lines if line["kind"] in kinds]


def totals(book: Book) -> Flat:
    busy, serial = book.sum(("work", "review")), book.sum(ALONE)
    room = book.allowed(None)
    ends = list(book.closed.values())
    need_person = [n for n in book.for_person if book.closed.get(n) == "given up"]
    asked = {book.attempts[n]["task"] for n, k in book.open.items() if _asks(book, n, k)}
    done = {line["body"]["task"] for line in of_kind(book, "task.done")} | book.ticked
    starts = of_kind(book, "engine.started")
    down, crashes, up = 0.0, 0, False
    for before, line in zip([None, *book.lines], book.lines, strict=False):
        if line["kind"] == "engine.started":
            if before is not None and line is not starts[0]:
                down += line["at"] - before["at"]
            crashes, up = crashes + up, True
        up = up and line["kind"] != "engine.stopped"
    people = len(need_person) + len(asked)
    return put("totals", {
        "wall_s": book.wall, "serial_s": serial, "speedup": serial / book.wall, "slots_s": room,
        "held_s": sum(r["b"] - r["a"] for r in book.stretches if r["slot"]),
        "busy_s": busy, "utilisation_pct": 100 * busy / room, "busy_max": at_once(book),
        "tasks": len(book.plan), "landed": ends.count("finished") - len(done), "done": len(done),
        "failed": ends.count("given up") - len(need_person), "needs_you": people,
        "cancelled": ends.count("cancelled"), "undone": ends.count("undone"),
        "open": len(book.plan) - len(ends) - len(asked),
        "attempts": len(book.attempts), "turns": len(of_kind(book, "turn.started")),
        "engine_starts": len(starts), "engine_crashes": crashes, "down_s": down,
        "clock_jumps": sum(x["body"]["why"] == "set" for x in of_kind(book, "clock.jumped")),
    }) | put("totals.times", book.times())  # fmt: skip


def at_once(book: Book) -> int:
    """How many agents were at work or reviewed at once, at most."""
    work = [row for row in book.stretches if row["doing"] in ("work", "review")]
    return max((sum(x["a"] <= row["a"] < x["b"] for x in work) for row in work), default=0)


def _asks(book: Book, name: str, known: Line) -> bool:
    parked = known["kind"] == "attempt.parked" and known["until_person"]
    asks = book.attempts[name]["asks"]
    return bool(parked or asks or known["kind"] in ("review.opened", "attempt.taken"))


def money(book: Book, keep: Any) -> Flat:
    """Of the launches that `keep` takes."""
    used = {key: body for key, body in book.usage.items() if keep(key)}
    tokens = {
        key: body["input_tokens"] + body["output_tokens"] + body["cached_tokens"]
        for key, body in used.items()
    }
    prices = [body["cost_usd"] for body in used.values() if body["cost_usd"] is not None]
    guesses = [
        body["estimated_usd"] for body in used.values()
        if body["cost_usd"] is None and body["estimated_usd"] is not None
    ]  # fmt: skip
    bare = [
        key for key, body in used.items()
        if body["cost_usd"] is None and body["estimated_usd"] is None and tokens[key]
    ]  # fmt: skip
    silent = [
        key for key, launch in book.launches.items()
        if keep(key) and launch["end"] is not None
        and (key not in used or (used[key]["cost_usd"] is None and not tokens[key]))
    ]  # fmt: skip
    cost = None if (bare or guesses) and not prices else sum(prices)
    nobody = bare and not prices and not guesses
    return {"cost_usd": cost, "estimated_usd": sum(guesses),
            "total_usd": None if nobody else (cost or 0.0) + sum(guesses),
            "tokens": sum(tokens.values()), "priced": len(prices), "estimated": len(guesses),
            "unpriced": len(bare), "silent": len(silent)}  # fmt: skip


def worth(body: Line) -> tuple[float, float]:
    """What a launch cost, and how much of that was estimated."""
    if body["cost_usd"] is not None:
        return float(body["cost_usd"]), 0.0
    guess = float(body["estimated_usd"] or 0.0)
    return guess, guess


def crashed(launch: Line) -> bool:
    """Whether the launch died by nobody's wish."""
    line: Line | None = launch["end"]
    if line is None or launch["stopped"] or line["body"]["no_room"]:
        return False
    return bool(line["kind"] == "turn.lost" or line["body"]["outcome"] == "crashed")


def tasks(book: Book) -> Flat:
    flat: Flat = {}
    for task in book.plan:
        names = [n for n, attempt in book.attempts.items() if attempt["task"] == task]
        sizes = [x["body"] for x in of_kind(book, "work.found") if x["subject"] in names]
        size = sizes[-1] if sizes else {}
        mine = {key: launch for key, launch in book.launches.items() if key[0] in names}
        held = [
            s for (t, reason), s in book.waits.items()
            if t == task and reason not in LIVE
        ]  # fmt: skip
        began = min((book.attempts[n]["at"] for n in names), default=None)
        head = f"tasks[{task}]"
        flat |= put(head, {
            "attempts": len(names), "turns": len(mine),
            "crashes": sum(map(crashed, mine.values())),
            "files": size.get("files"), "added": size.get("added"), "deleted": size.get("deleted"),
            "started_s": None if began is None else began - book.t0,
            "ended_s": book.ends[task] - book.t0 if task in book.closed else None,
            "held_s": sum(held),
        })  # fmt: skip
        flat |= put(f"{head}.times", book.times(task=task))
        flat |= put(f"{head}.money", money(book, lambda key, n=names: key[0] in n))
    return flat


def agents(book: Book) -> Flat:
    flat: Flat = {}
    names = {launch["seat"] for launch in book.launches.values()}
    for agent in names | {attempt["agent"] for attempt in book.attempts.values()}:
        head = f"agents[{agent}]"
        busy, room = book.sum(("work", "review"), who=agent), book.allowed(agent)
        landed = [
            line for line in of_kind(book, "landed", "task.done")
            if line["subject"] in book.attempts and book.attempts[line["subject"]]["agent"] == agent
            and book.closed.get(line["body"]["task"]) == "finished"
        ]  # fmt: skip
        seats = [key for key, launch in book.launches.items() if launch["seat"] == agent]
        flat |= put(head, {
            "attempts": sum(a["agent"] == agent for a in book.attempts.values()),
            "turns": len(seats), "landed": len({x["body"]["task"] for x in landed}),
            "work_s": book.sum(("work",), who=agent), "review_s": book.sum(("review",), who=agent),
            "slots_s": room, "utilisation_pct": 100 * busy / room,
        })  # fmt: skip
        flat |= put(f"{head}.money", money(book, lambda key, s=seats: key in s))
    return flat


def tracks(book: Book) -> Flat:
    flat: Flat = {}
    for track in {task["track"] for task in book.plan.values() if task["track"]}:
        names = [n for n, task in book.plan.items() if task["track"] == track]
        rows = [row for row in book.stretches if row["task"] in names]
        busy = sum(r["b"] - r["a"] for r in rows if r["doing"] in ("work", "review"))
        since = min((row["a"] for row in rows), default=None)
        until = max((row["b"] for row in rows), default=None)
        share = 100 * busy / (until - since) if rows and until and since is not None else None
        flat |= put(f"tracks[{track}]", {
            "tasks": len(names), "landed": sum(book.closed.get(n) == "finished" for n in names),
            "since_s": since, "until_s": until, "busy_s": busy, "utilisation_pct": share,
        })  # fmt: skip
    return flat


def slots(book: Book) -> Flat:
    flat: Flat = {}
    for slot in {row["slot"] for row in book.stretches if row["slot"]}:
        busy = book.sum(("work", "review"), slot=slot)
        flat |= put(f"slots[{slot}]", {
            "slot": slot,
            "attempts": len({r["attempt"] for r in book.stretches if r["slot"] == slot}),
            "held_s": book.sum(slot=slot), "busy_s": busy,
            "utilisation_pct": 100 * busy / book.wall,
        })  # fmt: skip
    return flat


def chain(book: Book) -> Flat:
    """Moment by moment: who was at what, from the last landing back."""
    ends = of_kind(book, "landed", "task.done")
    ends = [line for line in ends if line["subject"] in book.attempts]
    if not ends:
        return {}
    last = max(ends, key=lambda line: line["at"])
    cuts: list[tuple[float, float]] = []
    at, task = last["at"] - book.t0, last["body"]["task"]

    def cut(since: float) -> None:
        nonlocal at
        since = max(0.0, since)
        if since < at:
            cuts.append((since, at))
            at = since

    while at > 0:
        tries = [
            (a["at"] - book.t0, n) for n, a in book.attempts.items()
            if a["task"] == task and a["at"] - book.t0 < at
        ]  # fmt: skip
        if not tries:
            break
        admitted, name = max(tries)
        for row in sorted(book.stretches, key=lambda row: -row["a"]):
            if row["attempt"] == name:
                cut(row["a"])
        cut(admitted)
        at, task = _back(book, name, at, task, cut)
    if at > 0:
        cuts.append((0.0, at))
    flat: Flat = {}
    for n, (since, until) in enumerate(reversed(cuts)):
        flat |= put(f"chain[{n}]", {"since_s": since, "until_s": until})
    return flat


def _back(book: Book, name: str, at: float, task: str, cut: Any) -> tuple[float, str]:
    """What made the attempt possible, and when."""
    attempt = book.attempts[name]
    landed = {
        line["body"]["task"]: line["at"] - book.t0 for line in of_kind(book, "landed", "task.done")
    }
    moments = [(landed[need], need) for need in book.plan[task]["needs"]]
    moment, need = max(moments, default=(0.0, task))
    for other in book.attempts.values():
        if other["task"] == task and other["number"] == attempt["number"] - 1:
            over = other["end"] - book.t0
            if over >= moment:
                moment, need = over, task
    reason, others = book.hold_before.get(name, ("", []))
    let_go = ("slots", "agent_slots", "track", "scope", "alone", "wave")
    if reason in let_go and moment < at:
        for freed, who, ended in reversed(book.freed):
            other_task = book.attempts[who]["task"]
            whoever = reason in ("alone", "wave") or other_task in others
            blocks = reason in ("slots", "agent_slots") or (ended and whoever)
            if moment < freed - book.t0 <= at and blocks:
                cut(freed - book.t0)
                return min(at, freed - book.t0), other_task
    cut(moment)
    return (min(at, moment), need) if moment > 0 else (0.0, need)


def retries(book: Book) -> Flat:
    flat: Flat = {}
    failed = [(n, a) for n, a in book.attempts.items() if a["cause"]]
    for cause in {attempt["cause"] for _, attempt in failed}:
        names = [n for n, attempt in failed if attempt["cause"] == cause]
        flat |= put(f"retries[{cause}]", {
            "attempts": len(names), "counted": sum(book.attempts[n]["counts"] for n in names),
            "lost_s": sum(book.sum(("work", "review"), attempt=n) for n in names),
        })  # fmt: skip
    back = [line["body"]["cause"] for line in of_kind(book, "work.returned")]
    return flat | {f"returned[{cause}].times": back.count(cause) for cause in back}


def waits(book: Book) -> Flat:
    flat: Flat = {}
    told = {key: seconds for key, seconds in book.waits.items() if seconds > 0}
    for reason in {reason for _, reason in told}:
        found = [seconds for (_, why), seconds in told.items() if why == reason]
        flat |= put(f"waits[{reason}]", {
            "tasks": len(found), "seconds": sum(found), "longest_s": max(found),
        })  # fmt: skip
    return flat


def checks(book: Book) -> Flat:
    flat: Flat = {}
    rows: list[tuple[Line, Line]] = []
    for line in of_kind(book, "verdict.reached", "candidate.judged", "after.judged"):
        rows += [(line, result) for result in line["body"]["results"]]
    for name in {result["name"] for _, result in rows}:
        mine = [result for _, result in rows if result["name"] == name]
        fresh = [result for result in mine if not result.get("seen_at")]
        whole = [
            result for line, result in rows
            if result["name"] == name and not result.get("seen_at") and not line["body"].get("only")
        ]  # fmt: skip

        def count(word: str, whole: list[Line] = whole) -> int:
            return sum(result["judgement"] == word for result in whole)

        flat |= put(f"checks[{name}]", {
            "green": count("passed"), "red": count("failed"), "inconclusive": count("inconclusive"),
            "repeated": sum(r.get("red_runs", 0) for r in whole), "seen": len(mine) - len(fresh),
            "partial": len(fresh) - len(whole),
            "seconds": sum(r["duration_s"] for r in fresh),
            "cpu_s": sum(r.get("cpu_s", 0.0) for r in fresh), "flaky": _flaky(book, name),
        })  # fmt: skip
    return flat


def _flaky(book: Book, name: str) -> int:
    """Red runs on trees on which it passed too, while an engine's surroundings are the same."""
    period, around = 0, ""
    reds: dict[tuple[int, str], int] = {}
    green = set()
    for line in book.lines:
        body = line["body"]
        if line["kind"] == "engine.started" and body["environment"] != around:
            period, around = period + 1, body["environment"]
        if line["kind"] == "verdict.reached" and body["judgement"] == "inconclusive":
            continue
        if line["kind"] not in ("verdict.reached", "candidate.judged", "after.judged"):
            continue
        for result in body["results"]:
            if result["name"] != name or result.get("seen_at") or body.get("only"):
                continue
            key = (period, body.get("tree") or body.get("commit", ""))
            if result["judgement"] == "passed":
                green.add(key)
            if result["judgement"] != "inconclusive":
                red = result.get("red_runs", 0) + (result["judgement"] == "failed")
                reds[key] = reds.get(key, 0) + red
    return sum(count for key, count in reds.items() if key in green)


def queue(book: Book) -> Flat:
    waited: list[float] = []
    since: dict[str, float] = {}
    landing: set[str] = set()
    back = 0
    for line in book.lines:
        kind, who = line["kind"], line["subject"]
        if kind == "change.queued":
            since.setdefault(who, line["at"])
        elif kind == "candidate.wanted":
            landing.add(who)
        elif kind == "landed" and who in book.attempts:
            waited.append(line["at"] - since.pop(who))
        elif kind in ("work.returned", "attempt.failed"):
            back += kind == "work.returned" and who in landing
            since.pop(who, None)
        if kind in ("change.queued", "landed", "work.returned", "attempt.failed"):
            landing.discard(who)
    judged = [line["body"] for line in of_kind(book, "candidate.judged") if line["body"]["results"]]
    return put("queue", {
        "landings": len(waited), "batches": len(of_kind(book, "batch.formed")),
        "runs": len(judged), "red": sum(body["judgement"] == "failed" for body in judged),
        "sent_back": back, "conflicts": len(of_kind(book, "candidate.conflicted")),
        "missed": len(of_kind(book, "landing.missed")), "waited_s": sum(waited),
        "waited_max_s": max(waited, default=0.0),
    })  # fmt: skip


def conflicts(book: Book) -> Flat:
    def keys(kind: str) -> set[str]:
        return {line["body"]["key"] for line in of_kind(book, kind)}

    seen, ended, cared = map(keys, ("overlap.seen", "overlap.ended", "overlap.resolved"))
    ways = [line["body"]["how"] for line in of_kind(book, "conflict.resolved")]
    by = {"agents": ways.count("model"), "people": ways.count("person")}
    return put("conflicts", {
        "overlaps": len(seen), "overlaps_open": len(seen - ended - cared),
        "overlaps_taken_care_of": len(cared),
        "resolved_mechanically": len(ways) - by["agents"] - by["people"],
        "resolved_by_agents": by["agents"], "resolved_by_people": by["people"],
    })  # fmt: skip


def spent(book: Book) -> Flat:
    everything = money(book, lambda key: True)
    landed = list(book.closed.values()).count("finished")
    cost, each = everything["total_usd"], landed and everything["total_usd"] is not None
    failed = [worth(body) for (name, _), body in book.usage.items() if book.attempts[name]["cause"]]
    return put("spent", {
        "budget_usd": book.limits["budget_usd"], "budget_tokens": book.limits["budget_tokens"],
        "budget_day_usd": book.limits["budget_day_usd"],
        "budget_day_tokens": book.limits["budget_day_tokens"],
        "per_landed_usd": cost / landed if each else None,
        "per_landed_estimated_usd": everything["estimated_usd"] / landed if each else None,
        "failed_usd": sum(cost for cost, _ in failed),
        "failed_estimated_usd": sum(guess for _, guess in failed),
    }) | put("spent.money", everything)  # fmt: skip


def machine(book: Book) -> Flat:
    ends = [launch["end"]["body"] for launch in book.launches.values() if launch["end"]]
    cpu = sum(body.get("cpu_s", 0.0) for body in ends)
    most = max((body.get("memory_max_mb", 0.0) for body in ends), default=0.0)
    levels = of_kind(book, "pressure.changed", "machine.governed")
    short, count, since, is_short = 0.0, 0, None, {"pressure.changed": False}
    for line in levels:
        body = line["body"]
        is_short[line["kind"]] = body.get("governed", body)["level"] != "none"
        pressed = any(is_short.values())
        if pressed and since is None:
            since, count = line["at"], count + 1
        elif not pressed and since is not None:
            short, since = short + line["at"] - since, None
    if since is not None:
        short += max(0.0, book.as_of - since)
    readings = of_kind(book, "machine.measured")
    if not (count or cpu or most or readings):
        return {}
    governed = [line["body"]["governed"] for line in of_kind(book, "machine.governed")]
    lowered = [each["parallel"] for each in governed if each["parallel"] is not None]
    return put("machine", {
        "cpu_s": cpu, "memory_max_mb": most, "pressed": count, "pressed_s": short,
        "stopped": len(book.stopped_for_memory),
        "parallel_min": min(lowered, default=None),
    }) | meters(book, readings)  # fmt: skip


def meters(book: Book, readings: list[Line]) -> Flat:
    """What the meters said: the worst of it, each reading, and the largest tree of each attempt."""
    flat: Flat = {}
    rows = [line["body"]["measure"] for line in readings]
    if rows:
        free = [row["memory_available_mb"] for row in rows]
        together = [sum(each["memory_mb"] for each in row["agents"]) for row in rows] + [
            sum(each["memory_mb"] for each in line["body"]["used"])
            for line in of_kind(book, "machine.governed")
        ]
        busy = [row["cpu_used_pct"] for row in rows if row["cpu_used_pct"] is not None]
        flat |= put("machine.peaks", {
            "memory_total_mb": max(row["memory_total_mb"] for row in rows),
            "memory_available_min_mb": min(free),
            "memory_used_max_pct": max(map(_used, rows)),
            "cpu_used_max_pct": max(busy, default=None),
            "disk_free_min_mb": min(row["disk_free_mb"] for row in rows),
            "disk_used_max_pct": max(row["disk_used_pct"] for row in rows),
            "some_wait_max_pct": max(row["some_wait_pct"] for row in rows),
            "all_wait_max_pct": max(row["all_wait_pct"] for row in rows),
            "agents_max_mb": round(max(together)),
        })  # fmt: skip
    peaks: dict[str, int] = {}
    for n, (line, row) in enumerate(zip(readings, rows, strict=True)):
        flat |= put(f"machine.moments[{n}]", {
            "since_s": line["at"] - book.t0, "memory_used_pct": _used(row),
            "cpu_used_pct": row["cpu_used_pct"], "disk_used_pct": row["disk_used_pct"],
            "agents": len(row["agents"]),
        })  # fmt: skip
        for each in row["agents"]:
            name = each["attempt"]
            peaks[name] = max(each["peak_mb"], peaks.get(name, 0))
    for line in of_kind(book, "machine.governed"):
        for each in line["body"]["used"]:
            if each["memory_mb"]:
                name = each["attempt"]
                peaks[name] = max(round(each["memory_mb"]), peaks.get(name, 0))
    by_agent: dict[str, list[int]] = {}
    for name, peak in peaks.items():
        flat[f"machine.attempts[{name}].memory_peak_mb"] = peak
        by_agent.setdefault(book.attempts[name]["agent"], []).append(peak)
    for agent, found in by_agent.items():
        half = sorted(found)
        middle = (half[(len(half) - 1) // 2] + half[len(half) // 2]) / 2
        flat |= put(f"machine.agents[{agent}]", {
            "attempts": len(found), "memory_median_mb": middle, "memory_max_mb": half[-1],
        })  # fmt: skip
    return flat


def _used(row: Line) -> float:
    total = float(row["memory_total_mb"])
    return 100 * (total - float(row["memory_available_mb"])) / total


def timeline(book: Book) -> Flat:
    flat: Flat = {}
    for name in book.attempts:
        rows = sorted(
            (row for row in book.stretches if row["attempt"] == name), key=lambda row: row["a"]
        )
        for n, row in enumerate(rows):
            flat |= put(f"timeline[{name}].stretches[{n}]", {
                "since_s": row["a"], "until_s": row["b"], "slot": row["slot"],
            })  # fmt: skip
    return flat


if __name__ == "__main__":
    json.dump(recount([json.loads(line) for line in sys.stdin if line.strip()]), sys.stdout)
