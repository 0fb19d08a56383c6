"""What may be wrong with an agent that is, or was, at work: told apart, with one answer to each.

A condition says what was seen, never who is to blame. `REMEDIES` is the one table of what
follows by itself; the bounds are in `policy.retry`.
"""

from __future__ import annotations

from enum import StrEnum


class Condition(StrEnum):
    """What an agent's stream, its end or its silence showed, besides plain success."""

    STALLED = "stalled"
    PERMISSION = "permission"
    ANSWER = "answer"
    TRUST = "trust"
    LOGIN_MISSING = "login_missing"
    LOGIN_EXPIRED = "login_expired"
    MODEL_UNKNOWN = "model_unknown"
    CONTEXT_FULL = "context_full"
    TURN_LIMIT = "turn_limit"
    MONEY_LIMIT = "money_limit"
    QUOTA = "quota"
    THROTTLED = "throttled"
    OVERLOADED = "overloaded"
    NETWORK = "network"
    MALFORMED = "malformed"
    CUT = "cut"
    CRASHED = "crashed"
    FALSE_SUCCESS = "false_success"
    LATE_FAILURE = "late_failure"
    SESSION_LOST = "session_lost"
    MEMORY = "memory"


class Remedy(StrEnum):
    """What follows a condition that ended a turn.

    `WAIT`: the attempt keeps worktree and session, gives its slot back, and goes on later.
    `RESUME`: the same session goes on at once. `FRESH`: a fresh session goes on in the same
    worktree. `ANSWER`: a person is asked, and the answer is the next turn. `ELSEWHERE`: the
    agent's fallback goes on in the same worktree; without one as `WAIT` for a limit, as `PERSON`
    otherwise. `PERSON`: nothing but a person can mend it. `LOOK`: what is in the worktree decides.
    """

    WAIT = "wait"
    RESUME = "resume"
    FRESH = "fresh"
    ANSWER = "answer"
    ELSEWHERE = "elsewhere"
    PERSON = "person"
    LOOK = "look"


REMEDIES: dict[Condition, Remedy] = {
    Condition.STALLED: Remedy.RESUME,
    Condition.PERMISSION: Remedy.ANSWER,
    Condition.ANSWER: Remedy.ANSWER,
    Condition.TRUST: Remedy.PERSON,
    Condition.LOGIN_MISSING: Remedy.ELSEWHERE,
    Condition.LOGIN_EXPIRED: Remedy.ELSEWHERE,
    Condition.MODEL_UNKNOWN: Remedy.ELSEWHERE,
    Condition.CONTEXT_FULL: Remedy.FRESH,
    Condition.TURN_LIMIT: Remedy.RESUME,
    Condition.MONEY_LIMIT: Remedy.PERSON,
    Condition.QUOTA: Remedy.ELSEWHERE,
    Condition.THROTTLED: Remedy.WAIT,
    Condition.OVERLOADED: Remedy.WAIT,
    Condition.NETWORK: Remedy.WAIT,
    Condition.MALFORMED: Remedy.RESUME,
    Condition.CUT: Remedy.RESUME,
    Condition.CRASHED: Remedy.RESUME,
    Condition.FALSE_SUCCESS: Remedy.RESUME,
    Condition.LATE_FAILURE: Remedy.LOOK,
    Condition.SESSION_LOST: Remedy.FRESH,
    Condition.MEMORY: Remedy.WAIT,
}
"""What follows each condition by itself."""

NOT_TOLD = frozenset({Condition.MEMORY})
"""Conditions that no agent can show: what was done to it says them."""

LIMITS = frozenset({Condition.QUOTA, Condition.THROTTLED, Condition.OVERLOADED, Condition.NETWORK})
"""Conditions that pass by themselves: waiting for them uses up no try."""

SENTENCES: dict[Condition, str] = {
    Condition.STALLED: "{agent} was alive but wrote nothing and was stopped",
    Condition.PERMISSION: "{agent} was not permitted to do what it wanted",
    Condition.ANSWER: "{agent} asked a question and waits for the answer",
    Condition.TRUST: "{agent} wants to be told that this folder is trusted",
    Condition.LOGIN_MISSING: "{agent} is not signed in",
    Condition.LOGIN_EXPIRED: "{agent}'s sign-in was refused or has expired",
    Condition.MODEL_UNKNOWN: "{agent} cannot use the model that was asked for",
    Condition.CONTEXT_FULL: "{agent}'s conversation no longer fits its model",
    Condition.TURN_LIMIT: "{agent} used up its steps before it was done",
    Condition.MONEY_LIMIT: "{agent} used up the money it was given",
    Condition.QUOTA: "{agent}'s usage limit is reached",
    Condition.THROTTLED: "{agent}'s vendor asks to send less for a while",
    Condition.OVERLOADED: "{agent}'s vendor is overloaded",
    Condition.NETWORK: "{agent} cannot reach its vendor",
    Condition.MALFORMED: "{agent} got, or wrote, something that cannot be read",
    Condition.CUT: "{agent}'s output ends in the middle",
    Condition.CRASHED: "{agent}'s process was killed",
    Condition.FALSE_SUCCESS: "{agent} ended with exit code 0 but reported an error",
    Condition.LATE_FAILURE: "{agent} finished its work and then ended with an error",
    Condition.SESSION_LOST: "{agent} does not know the session it was to go on with",
    Condition.MEMORY: "{agent} was stopped because the machine was short of memory",
}
"""What a person is told; `{agent}` is the agent's name in the settings."""


def sentence(condition: Condition, agent: str) -> str:
    """The condition in words, without a full stop."""
    return SENTENCES[condition].format(agent=agent or "the agent")
