"""The page `docs/reference/conditions.md`, from the tables of the core."""

from __future__ import annotations

from gangsaw.core.conditions import REMEDIES, Condition, Remedy, sentence
from gangsaw.core.policy.ending import CRASHES_CONTINUED_MAX
from gangsaw.core.policy.remedy import CONTINUES_MAX, STALLS_MAX, SWITCHES_MAX, WAITS_MAX

_HEAD = """\
# Conditions of agents

Generated from `core/conditions.py` by `./dev docs`. What may be wrong with an agent, told by its
output, its end or its silence; what gangsaw does by itself; and what you can do.

A condition that an agent may yet get over is the event `condition.seen` and its sentence is on
`gangsaw status`; one that ended a turn is in `turn.exited`. `gangsaw why TASK` tells both. Whatever
follows, the worktree and what is in it stay.
"""

_FOLLOWS: dict[Remedy, str] = {
    Remedy.WAIT: "waits with its worktree and session, without a slot, until it has passed, and "
    f"goes on (at most {WAITS_MAX} times); uses up no try",
    Remedy.RESUME: "goes on at once in the same session, or in a fresh one where the agent cannot "
    f"resume (at most {CONTINUES_MAX} times in one attempt)",
    Remedy.FRESH: "a fresh session goes on in the same worktree and is told what is there (at most "
    f"{CONTINUES_MAX} times in one attempt)",
    Remedy.ANSWER: "waits for you, without a slot; your answer is its next turn",
    Remedy.ELSEWHERE: "the agent named by `fallback` goes on in the same worktree (at most "
    f"{SWITCHES_MAX} times); without one a person is asked",
    Remedy.PERSON: "a person is asked",
    Remedy.LOOK: "its work is looked at and checked as if nothing had been wrong",
}

_FOLLOWS_ELSE: dict[Condition, str] = {
    Condition.STALLED: "is ended and goes on in the same session, or in a fresh one where the "
    f"agent cannot resume (at most {STALLS_MAX} times in one attempt)",
    Condition.CRASHED: "goes on at once in the same session, or in a fresh one where the agent "
    f"cannot resume (at most {CRASHES_CONTINUED_MAX} times in one attempt)",
    Condition.QUOTA: "the agent named by `fallback` goes on in the same worktree, if the limit has "
    "more than `fallback_after_s` to go; else it "
    "waits until the limit ends, and tasks of the same agent wait too",
    Condition.MEMORY: "waits with its worktree and session until the machine has room, and goes "
    "on; stopped twice it runs alone, a third time a person is asked; uses up no try",
}
"""Where a condition has more to it than its remedy says."""

_YOU: dict[Condition, str] = {
    Condition.STALLED: "`gangsaw attach TASK`; a higher `stall_s` for an agent that thinks long",
    Condition.PERMISSION: "permit it by `args` of the agent, then `gangsaw retry TASK`",
    Condition.ANSWER: "`gangsaw answer TASK TEXT`",
    Condition.TRUST: "start the agent once by hand in the repository and trust it; "
    "`gangsaw retry TASK`",
    Condition.LOGIN_MISSING: "`gangsaw doctor` names the sign-in command; `gangsaw retry TASK`",
    Condition.LOGIN_EXPIRED: "sign in again (`gangsaw doctor`); `gangsaw retry TASK`",
    Condition.MODEL_UNKNOWN: "mend `model` of the task or the agent; `gangsaw retry TASK`",
    Condition.CONTEXT_FULL: "if it comes back: make the task smaller",
    Condition.TURN_LIMIT: "if it comes back: raise the agent's own limit by `args`",
    Condition.MONEY_LIMIT: "raise the agent's own budget or credit; `gangsaw retry TASK`",
    Condition.QUOTA: "nothing; or name a `fallback`",
    Condition.THROTTLED: "nothing; fewer `slots` of that agent if it comes back",
    Condition.OVERLOADED: "nothing",
    Condition.NETWORK: "look at the connection and proxy variables (`pass_env`)",
    Condition.MALFORMED: "if it comes back: `gangsaw doctor` (a version that was never tested?)",
    Condition.CUT: "nothing",
    Condition.CRASHED: "if it comes back: memory (`gangsaw doctor`), `gangsaw logs TASK`",
    Condition.FALSE_SUCCESS: "`gangsaw logs TASK` if it comes back",
    Condition.LATE_FAILURE: "nothing: the checks decide",
    Condition.SESSION_LOST: "nothing",
    Condition.MEMORY: "nothing; if it comes back: fewer agents, or a smaller task. After the third "
    "time: `gangsaw retry TASK`",
}


def conditions_page() -> str:
    """The whole page."""
    rows = [
        f"| `{each}` | {sentence(each, '')} | {_follows(each)} | {_YOU[each]} |"
        for each in Condition
    ]
    head = "| Condition | What you read | What follows by itself | What you can do |"
    return "\n".join([_HEAD, head, "|---|---|---|---|", *rows, ""])


def _follows(condition: Condition) -> str:
    return _FOLLOWS_ELSE.get(condition) or _FOLLOWS[REMEDIES[condition]]
