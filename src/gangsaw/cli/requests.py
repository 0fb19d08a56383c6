"""Asking a run for something: into the inbox, ring, and wait for the answer in the journal.

Without a live engine a request waits in the inbox for the next one; what that one would refuse is
refused at once, by the very function that would.
"""

from __future__ import annotations

import os
import shlex
import uuid
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from gangsaw.cli import clock, output
from gangsaw.cli.caller import Caller
from gangsaw.cli.place import chosen_run, find_control, here, reading
from gangsaw.cli.secrecy import without_secrets
from gangsaw.core.errors import UserError
from gangsaw.core.settings import Settings
from gangsaw.store import inbox
from gangsaw.store.control import Control, make_control
from gangsaw.store.journal import Journal
from gangsaw.store.lock import WriterLock
from gangsaw.store.secret import ATTEMPT_FIELD, PROOF_FIELD, proof_of

ANSWER_WAIT_S = 10.0
POLL_S = 0.02
FORMER_RUNS_MAX = 200
"""Earlier runs that are looked through for a task that the run does not have, the last ones."""
SCHEMA_VERSION = 1

_PHRASES = {
    "hand_back": "hand back",
    "take": "take over",
    "done": "say that it is done",
    "queue-pause": "pause the landing queue",
    "queue-freeze": "freeze the landing queue",
    "queue-resume": "let the landing queue go on",
    "resolve_done": "take the resolution of",
    "resolve_abort": "give back",
    "resolve_overlap": "resolve",
    "agents-add": "add the agent",
    "agents-remove": "remove the agent",
}
"""A verb in words, where it is not the word itself."""
_WHOLE = {
    "release": "your claims",
    "ask": "anybody",
    "done": "",
    "queue-pause": "",
    "queue-freeze": "",
    "queue-resume": "",
    "resolve_overlap": "it",
    "agents-add": "",
    "agents-remove": "",
}
"""What a verb without a task or paths is about, if not the run."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked. `key` says "this very wish": asked twice with one key it is one. `agent` is
    the one that asks, `None` for a person."""

    verb: str
    task: str = ""
    text: str = ""
    number: int = 0
    key: str = ""
    paths: tuple[str, ...] = ()
    agent: Caller | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The engine's word."""

    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """No engine is alive; the next one will read it. `text` is what it will answer then."""

    text: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """An engine is alive and has not answered in time; the request waits."""

    pid: int | None


Reply = Answered | Recorded | Unanswered


def ask(wish: Wish, *, wait_s: float = ANSWER_WAIT_S) -> Reply:
    """What came of the wish, waited for at most `wait_s` seconds.

    `UserError` when nothing has run here, or when there is no such task.
    """
    control = Control(wish.agent.control) if wish.agent else find_control()
    with reading(control) as journal:
        run = wish.agent.run if wish.agent else chosen_run(journal, None).run
        if wish.task:
            wish = replace(wish, task=require_task(journal, run, wish.task))
        return _ask(control, journal, run, wish, wait_s)


def _ask(control: Control, journal: Journal, run: str, wish: Wish, wait_s: float) -> Reply:
    key = wish.key or uuid.uuid4().hex
    # A key of the caller's own may have been answered before; a fresh one cannot have been.
    after = 0 if wish.key else journal.last_seq(run)
    if wish.key and (known := _answer(journal, run, key, after)):
        return known
    if wish.agent is None and WriterLock.holder(control.lock) is None:
        verdict = _rehearsed(control, journal, run, wish, key)
        if not verdict.ok:
            return verdict
        submit(control, wish, key)
        return Recorded(verdict.text)
    submit(control, wish, key)
    for _ in clock.until(wait_s, POLL_S):
        if answer := _answer(journal, run, key, after):
            return answer
        if WriterLock.holder(control.lock) is None:
            # It has ended meanwhile; its last words may have been our answer.
            return _answer(journal, run, key, after) or Recorded("")
    holder = WriterLock.holder(control.lock)
    return Unanswered(holder.pid if holder else None)


def submit(control: Control, wish: Wish, key: str) -> None:
    """Put the wish into the inbox, and ring. It is safe there when this returns."""
    folder = make_control(control.root).inbox
    # What lies in the inbox is as durable as the journal.
    text = without_secrets(wish.text)
    args: dict[str, Any] = {"task": wish.task, "text": text, "number": wish.number}
    if wish.paths:
        args["paths"] = list(wish.paths)
    if wish.agent is not None:
        args[ATTEMPT_FIELD] = wish.agent.attempt
        args[PROOF_FIELD] = proof_of(wish.agent.token, key, wish.verb, args)
    try:
        inbox.submit(folder, inbox.Request(key, wish.verb, args, clock.now_s(), user_name()))
    except ValueError:
        raise UserError(
            f"cannot use the key '{key}'; try up to 80 letters, digits, '-' and '_'"
        ) from None
    inbox.ring(folder)


def _answer(journal: Journal, run: str, key: str, after: int) -> Answered | None:
    for row in journal.read(run, after, subject=""):
        if row.kind == "request.answered":
            body = row.body
            if body["key"] == key:
                return Answered(bool(body["ok"]), str(body["text"]))
    return None


def _rehearsed(control: Control, journal: Journal, run: str, wish: Wish, key: str) -> Answered:
    """What the next engine will answer, as far as that can be known now: after the requests that
    wait for it already."""
    from gangsaw.core import resolving, staffing
    from gangsaw.core.events import RequestAnswered
    from gangsaw.core.evolve import evolve
    from gangsaw.core.observations import Asked
    from gangsaw.core.reopening import LATER
    from gangsaw.core.requests import TASK_VERBS, answer
    from gangsaw.core.talk import PEOPLE_VERBS
    from gangsaw.engine.loop import fold
    from gangsaw.engine.recruits import Recruits
    from gangsaw.engine.requests import as_asked

    state, _ = fold(journal, run)
    before: list[str] = []
    recruits = Recruits(_settings, os.environ)
    for request in inbox.pending(control.inbox):
        if isinstance(request, inbox.BadRequest) or request.key in {key, *state.answers}:
            continue
        known = (*TASK_VERBS, *PEOPLE_VERBS, *resolving.VERBS, *staffing.VERBS, "scale")
        if request.verb in known:
            waiting = recruits.complete(as_asked(request, control.root, run))
            for fact in answer(state, waiting):
                evolve(state, fact, request.at)
            if wish.task and request.args.get("task") == wish.task:
                before.append(f"gangsaw {request.verb} {wish.task}")
    asked = Asked(key, wish.verb, wish.task, user_name(), wish.text, wish.number)
    facts = answer(state, recruits.complete(asked))
    last = facts[-1]
    assert isinstance(last, RequestAnswered)
    # Nobody is about to do what waiting alone would be the remedy for.
    text = last.text.replace(LATER, "the next gangsaw run does that; try once more after it")
    if before and not last.ok:
        text += f"; this waits for the next gangsaw run already: {', '.join(before)}"
    return Answered(last.ok, text)


def _settings() -> Settings:
    """The settings of the repository here, as they are now."""
    from gangsaw.cli.project import open_project

    return open_project(here(), os.environ).settings


def require_task(journal: Journal, run: str, task: str) -> str:
    """The task of that id in the run, or the one for which the file that the run was begun from has
    that name; else a `UserError` with the nearest one."""
    found = _task_in(journal, run, task)
    if found:
        return found
    others = [row.run for row in journal.runs() if row.run != run][-FORMER_RUNS_MAX:]
    having = next((each for each in reversed(others) if _task_in(journal, each, task)), "")
    if having:
        raise UserError(
            f"cannot find task '{task}' in {run}: {having} has it; "
            f"try: gangsaw why {shlex.quote(task)} --run {having}"
        )
    names = [row.task for row in journal.tasks(run)]
    near = get_close_matches(task, names, n=1, cutoff=0.5)
    remedy = f"did you mean '{near[0]}'?" if near else "try: gangsaw status"
    raise UserError(f"cannot find task '{task}' in {run}; {remedy}")


def _task_in(journal: Journal, run: str, task: str) -> str:
    """The id of the task that has this id, or this name in the file of the run; empty for none."""
    if journal.task(run, task) is not None:
        return task
    first = next(iter(journal.read(run, limit=1)), None)
    of_file = (first.body.get("task_file") if first is not None else None) or {}
    entries = of_file.get("entries", ())
    return next((str(each["task"]) for each in entries if each["key"] == task), "")


def user_name() -> str:
    """Who asks, for the log."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def tell(wish: Wish, reply: Reply, *, as_json: bool) -> int:
    """Print what came of the wish; the exit code: 0 granted or recorded, 1 not."""
    code, line = _said(wish, reply)
    if as_json:
        kind = type(reply).__name__.lower()
        output.say_json(
            {"schema_version": SCHEMA_VERSION, "verb": wish.verb, "task": wish.task or None,
             "outcome": kind, "ok": code == 0, "text": line}
        )  # fmt: skip
    elif code == 0:
        output.say(line)
    else:
        output.complain(line)
    return code


def _phrase(wish: Wish) -> str:
    """What is wished for, after `cannot`."""
    about = wish.task or ", ".join(wish.paths) or _WHOLE.get(wish.verb, "the run")
    return f"{_PHRASES.get(wish.verb, wish.verb)} {about}".rstrip()


def _said(wish: Wish, reply: Reply) -> tuple[int, str]:
    """Exit code and words."""
    what = _phrase(wish)
    match reply:
        case Answered(ok, text):
            return (0, text) if ok else (1, f"cannot {what}: {text}")
        case Recorded(text):
            said = f"{text} · " if text else ""
            return 0, (
                f"{said}no gangsaw is running; it will be carried out by the next: gangsaw run"
            )
        case Unanswered(pid):
            return 1, (
                f"asked gangsaw (pid {pid or 'unknown'}) to {what}; it has not "
                "answered yet; see: gangsaw events --follow"
            )
