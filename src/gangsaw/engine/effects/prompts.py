"""The prompt of a turn: state, settings and worktree, put into its template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gangsaw.agents import (
    COMMANDS,
    TESTS_ONLY,
    LandedParent,
    concerns_values,
    continue_values,
    default_template,
    findings_values,
    fix_values,
    messages_text,
    pending_text,
    render,
    resolve_values,
    review_values,
    task_values,
    with_role,
)
from gangsaw.core import actions as ac
from gangsaw.core.events import Cause, CheckResult, Judgement
from gangsaw.core.findings import finding_text
from gangsaw.core.honesty import MENDS, concern_text
from gangsaw.core.messages import Message
from gangsaw.core.model import TurnKind
from gangsaw.core.policy import honesty
from gangsaw.core.policy.landing import checks_of_work
from gangsaw.core.roles import Role
from gangsaw.core.state import Attempt, State
from gangsaw.engine.effects.resolving import (
    former_attempt,
    former_text,
    quarrel_of,
    sides_of,
)
from gangsaw.engine.effects.reviews import change_stat
from gangsaw.engine.world import World
from gangsaw.git import work_summary

LANDED_SHOWN = 20
_TO_FIX = frozenset(
    {
        Cause.CHECKS,
        Cause.COMBINATION,
        Cause.REJECTED,
        Cause.FINDINGS,
        Cause.TESTS_PASS,
        Cause.CONCERNS,
    }
)
_TO_RESOLVE = frozenset({Cause.CONFLICT, Cause.UNMERGED})


class PromptReads:
    """What a prompt needs from the state, read on the loop's thread."""

    def __init__(self, state: State, attempt: Attempt) -> None:
        self._attempt = attempt
        self._task = state.tasks[attempt.task]
        self._goal = state.goal
        self._checks = checks_of_work(state, attempt.task)
        self._parents = [
            LandedParent(need, state.tasks[need].title) for need in dict.fromkeys(self._task.needs)
        ]
        since = state.task_states[attempt.task].since_landing or 0
        self._quarrel = quarrel_of(state, attempt, attempt.onto or state.head)
        self._former = former_attempt(state, attempt)
        landed = [name for name in state.landed[since:] if state.task_states[name].landed_commit]
        self._landed = [f"{name}: {state.tasks[name].title}" for name in landed[-LANDED_SHOWN:]]
        resumes = any(a.name == attempt.seat and a.resumes for a in state.limits.agents)
        self._resumed = resumes and bool(attempt.session)
        self._findings = [finding_text(finding) for finding in attempt.findings]
        self._blocked = honesty.blocked(state, attempt)
        self._mends = [MENDS[kind] for kind in dict.fromkeys(c.kind for c in self._blocked)]
        self._concerns = [concern_text(each) for each in honesty.shown(state, attempt)]
        parked = attempt.parked_text
        self._interruption = f"Your last turn was cut short: {parked}." if parked else ""

    def prompt(
        self,
        action: ac.RunTurn,
        world: World,
        role: Role | None = None,
        guides: Sequence[str] = (),
        *,
        can_call: bool = False,
    ) -> str:
        """The rendered prompt of the turn. `guides` are the files of the repository that the agent
        has to be told to read. `can_call`: the agent will find our command."""
        values = task_values(
            self._task,
            goal=self._goal,
            parents=self._parents,
            checks=self._checks,
            resumed=self._resumed,
            earlier=bool(self._attempt.start),
            role=role,
            guides=guides,
        )
        values |= self._further_values(action, world)
        if action.why is TurnKind.RESOLVE:
            # Both sides' intents stand there in full, whatever the session still knows.
            values["recap"] = f"The task is:\n\n{self._task.prompt}"
        elif self._former and action.why is not TurnKind.REVIEW:
            former = former_text(world.repo, self._former)
            values["parents"] += f"\n\n{former}" if former else ""
        if self._attempt.stage is TurnKind.TEST:
            values["recap"] += f"\n\n{TESTS_ONLY}"
        messages = "" if action.why is TurnKind.REVIEW else messages_text(self._messages())
        values["messages"] = messages
        if can_call:
            values["rules"] += COMMANDS
        template = world.templates.get(action.why.value) or default_template(action.why)
        text = render(with_role(template), values)
        # A template of the user's own may have no place for them; they are told all the same.
        return text if messages in text else f"{text}\n{messages}"

    def _messages(self) -> tuple[Message, ...]:
        """What the session has to be told: a fresh one all that the attempt ever was."""
        attempt = self._attempt
        return attempt.told[attempt.read :] if self._resumed else attempt.told

    def _further_values(self, action: ac.RunTurn, world: World) -> dict[str, str]:
        attempt = self._attempt
        match action.why:
            case TurnKind.WORK | TurnKind.TEST:
                return {}
            case TurnKind.REVIEW:
                return review_values(change_stat(world, attempt), self._findings, self._concerns)
            case TurnKind.FIX:
                return self._to_fix()
            case TurnKind.RESOLVE:
                return self._to_resolve(world, action.onto or "")
            case TurnKind.CONTINUE:
                people = attempt.returned in (Cause.SAID, Cause.TAKEN)
                reason = _reason(attempt) if people else self._interruption
                pending = self._pending(world)
                return continue_values(reason, self._state_of_work(world), pending)

    def _to_fix(self) -> dict[str, str]:
        attempt = self._attempt
        if attempt.returned is Cause.FINDINGS:
            return findings_values(self._findings, attempt.returned_text)
        if attempt.returned is Cause.CONCERNS:
            return concerns_values([concern_text(each) for each in self._blocked], self._mends)
        command, output = _failure(attempt)
        return fix_values(command, output, _reason(attempt))

    def _to_resolve(self, world: World, base: str) -> dict[str, str]:
        sides = sides_of(world.repo, replace(self._quarrel, onto=base or self._quarrel.onto))
        return resolve_values(
            sides.files, self._landed, base=base, reason=_reason(self._attempt), other=sides.other
        )

    def _pending(self, world: World) -> str:
        """What the turn that was cut short had to put right: a fresh session has never heard of it,
        and one that was killed early may not have kept it."""
        cause = self._attempt.returned
        if cause in _TO_FIX:
            return pending_text(self._to_fix())
        if cause in _TO_RESOLVE:
            return pending_text(self._to_resolve(world, self._attempt.onto or ""))
        return ""

    def _state_of_work(self, world: World) -> str:
        """What a session that knows nothing of the work so far has to be told."""
        if self._resumed or not self._attempt.path:
            return ""
        return work_summary(world.repo, Path(self._attempt.path), self._attempt.base)


def _failure(attempt: Attempt) -> tuple[str, str]:
    """The command that failed and what it printed; of several, one after the other."""
    failed = [result for result in attempt.results if result.judgement is Judgement.FAILED]
    if attempt.returned not in (Cause.CHECKS, Cause.COMBINATION) or not failed:
        return "git status; git diff", attempt.returned_text
    if len(failed) == 1:
        return failed[0].name, _told(failed[0])
    return "\n".join(result.name for result in failed), "\n\n".join(map(_headed, failed))


def _headed(result: CheckResult) -> str:
    return f"$ {result.name}\n{_told(result)}"


def _told(result: CheckResult) -> str:
    """What an agent needs of a failed check: which tests, what was odd, and what it printed."""
    lines = [f"failed: {name}" for name in result.failing]
    lines += [f"… and {result.failing_more} more"] if result.failing_more else []
    lines += [f"({result.note})"] if result.note else []
    return "\n".join([*lines, "", result.tail] if lines else [result.tail])


def _reason(attempt: Attempt) -> str:
    match attempt.returned:
        case Cause.COMBINATION:
            return (
                "Your work was green alone, but not together with what landed meanwhile, which "
                f"has been merged into your worktree ({attempt.returned_text})."
            )
        case Cause.CHECKS:
            return ""
        case Cause.SAID:
            return "Your work is not landed yet: read first what was said to you meanwhile."
        case Cause.TAKEN:
            text = attempt.returned_text
            return f"You were interrupted: {text}. Look at what has changed since your last turn."
        case Cause.EMPTY:
            return "You ended without changing anything. If the task is not done yet, do it now."
        case _:
            text = attempt.returned_text
            return text[:1].upper() + text[1:] + "."
