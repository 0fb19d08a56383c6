"""What an agent's words of failure mean, for all programs alike: condition, and when it passes.

Pure functions over tables. They are for the text of an *error* (a final event, the end of
standard error), never for what an agent says while it works: code and logs speak of all of this.
The first row that fits wins, so rows go from the particular to the general.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gangsaw.agents.resets import reset_in
from gangsaw.core.conditions import LIMITS, Condition
from gangsaw.core.launch import LimitKind, LimitNoted

# What is to pass within this time is a throttle; a later reset is an allowance used up.
THROTTLE_MAX_S = 15 * 60.0

# Only so much of an error is looked at: a page of HTML says nothing more in its middle.
LOOKED_AT = 8_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What an error means; `resets_at` is epoch seconds, where it says when it passes."""

    condition: Condition
    resets_at: float | None = None

    def limit(self, account: str = "", text: str = "") -> LimitNoted | None:
        """The vendor's limit that this is, as a note; `None` for any other fault."""
        if self.condition is Condition.QUOTA:
            return LimitNoted(LimitKind.QUOTA, self.resets_at, account, text)
        if self.condition is Condition.THROTTLED:
            return LimitNoted(LimitKind.THROTTLE, self.resets_at, account, text)
        return None


_STATUS: dict[int, Condition] = {
    401: Condition.LOGIN_EXPIRED,
    402: Condition.MONEY_LIMIT,
    403: Condition.LOGIN_EXPIRED,
    404: Condition.MODEL_UNKNOWN,
    408: Condition.NETWORK,
    413: Condition.CONTEXT_FULL,
    429: Condition.THROTTLED,
}

# Where the text may say more exactly what a status means; anything else in it is not believed
# (the body of a 500 may quote the prompt).
_FINER: dict[int, frozenset[Condition]] = {
    400: frozenset(
        {
            *(Condition.CONTEXT_FULL, Condition.MODEL_UNKNOWN, Condition.MONEY_LIMIT),
            *(Condition.LOGIN_EXPIRED, Condition.LOGIN_MISSING, Condition.QUOTA),
        }
    ),
    401: frozenset({Condition.LOGIN_MISSING}),
    403: frozenset({Condition.MODEL_UNKNOWN, Condition.QUOTA, Condition.MONEY_LIMIT}),
    404: frozenset({Condition.SESSION_LOST}),
    429: frozenset({Condition.QUOTA, Condition.MONEY_LIMIT, Condition.OVERLOADED}),
}

_TEXTS: tuple[tuple[Condition, str], ...] = (
    (
        Condition.SESSION_LOST,
        r"no conversation found with session|no rollout found for|no previous sessions? found"
        r"|(session|thread|conversation)( id)?[^.\n]{0,60} (was )?not found"
        r"|(session|thread) [^ ]{1,60} does not exist|no (saved |matching )?session\b[^.\n]{0,40}"
        r"(found|match)|invalid session (id|identifier)|unknown session"
        r"|session id \S{1,60} already exists",
    ),
    (
        Condition.CONTEXT_FULL,
        r"prompt (is )?too long|prompt_too_long|input (is )?too long|context_length_exceeded"
        r"|context[ _-]?window|(maximum|max) context length|context (length|limit)"
        r"|input token count[^.\n]{0,60}exceeds|reduce the length of the (messages|prompt|input)"
        r"|ContextWindowExceeded|exceeds? the (model's )?(maximum )?(token|context) limit",
    ),
    (
        Condition.MONEY_LIMIT,
        r"max(imum)?[ _]?budget|budget[^.\n]{0,40}(exceeded|reached)|credit balance is too low"
        r"|payment required|insufficient (funds|balance|credits?)|out of credits|BudgetExceeded"
        r"|spend(ing)? (limit|cap)|cost limit|LimitsExceeded[^\n]{0,80}cost",
    ),
    (
        Condition.LOGIN_EXPIRED,
        r"invalid (x-)?api[ -_]?key|incorrect api key|api[ -_]?key (is )?(not valid|invalid)"
        r"|(oauth |access |refresh |auth )?token[^.\n]{0,30}(has )?(expired|been revoked|revoked)"
        r"|(session|login|sign-in|credentials?) (has |have )?expired|authentication_error"
        r"|invalid authentication|AuthenticationError|401 unauthorized|\bunauthorized\b"
        r"|invalid_api_key|log ?in again|sign in again|re-?authenticate",
    ),
    (
        Condition.LOGIN_MISSING,
        r"not (logged|signed) in|please (run|use) [`'\"]?(/login|\S+ (auth )?login)"
        r"|missing environment variable|no (api key|authentication|auth|credentials?)\b"
        r"|(api[ _-]?key|credentials?) (is |are )?(missing|not (set|found|provided))"
        r"|(set|provide|configure) (an? |your )?(auth|authentication method|api key|credentials)"
        r"|authentication (is )?required"
        r"|\b[A-Z_]{1,40}_API_KEY\b[^.\n]{0,40}(not set|missing|required)"
        r"|login required|missing (bearer|api key)|must (be )?(log|sign|authenticate)",
    ),
    (
        Condition.MODEL_UNKNOWN,
        r"model_not_found|issue with the selected model|(unknown|invalid|unsupported) model\b"
        r"|\bmodels?\b[^.\n]{0,80}(not found|does(n't| not) exist|(is|are) not (supported|available"
        r"|allowed|a valid)|unavailable|not have access)|LLM Provider NOT provided",
    ),
    (
        Condition.QUOTA,
        r"usage limit|insufficient_quota|quota (is |was )?(exceeded|exhausted|reached|used up)"
        r"|exceeded your [^.\n]{0,30}quota|exhausted your [^.\n]{0,40}(quota|capacity)"
        r"|hit your [^.\n]{0,30}limit|(daily|weekly|monthly|hourly|session|5-hour|plan|premium"
        r" requests?) (usage |request )?(limit|quota|allowance)|limit reached\|\d"
        r"|QUOTA_EXHAUSTED|QuotaError|PerDay",
    ),
    (
        Condition.OVERLOADED,
        r"overloaded|at capacity|high demand|server (is )?(too )?busy|service unavailable"
        r"|internal server error|bad gateway|gateway time-?out|\b(http|status|code|error)[ :=]*"
        r"(code[ :=]*)?5(00|02|03|04|2\d)\b|InternalServerError|api_error\b",
    ),
    (
        Condition.THROTTLED,
        r"rate[ _-]?limit|too many requests|RESOURCE_EXHAUSTED|\bthrottl"
        r"|resource has been exhausted"
        r"|\b(http|status|code|error)[ :=]*(code[ :=]*)?429\b|exceeded retry limit",
    ),
    (
        Condition.NETWORK,
        r"ECONN(REFUSED|RESET|ABORTED)|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH"
        r"|connection (was )?(refused|reset|closed|error|aborted|failed|lost)|connectionrefused"
        r"|getaddrinfo|could not resolve|name resolution|(failed to|cannot|unable to|could not)"
        r" (connect|reach)|network (is |was )?(unreachable|error|down)|fetch failed"
        r"|error sending request|stream disconnected|socket hang up|timed? ?out\b"
        r"|APIConnectionError|tls handshake|premature close|connect error|broken pipe"
        r"|API Error: terminated|^terminated\b|other side closed|UND_ERR_SOCKET",
    ),
    (
        Condition.MALFORMED,
        r"(invalid|malformed|unexpected( end of)?|bad) json|json ?(decode|parse) ?error"
        r"|failed to (parse|decode|deserialize)|malformed|is not valid json|expected value at line"
        r"|invalid (stream|response|chunk)|unterminated string in json|in json at position"
        r"|returned an empty response|ended with empty response",
    ),
    (
        Condition.TURN_LIMIT,
        r"max(imum)?[ _-]?(session[ _-]?)?(turns|steps|iterations)|turn limit|step limit",
    ),
    (
        Condition.TRUST,
        r"(not|isn't|n't) (inside |in )?a trusted (directory|folder|workspace)"
        r"|trust (this|the) (folder|directory|workspace)|untrusted (folder|workspace|directory)",
    ),
    (
        Condition.PERMISSION,
        r"permission (was )?(denied by|rejected|request)|requires (approval|permission)"
        r"|rejected permission|not permitted by (policy|the user)",
    ),
)
_PATTERNS = tuple((condition, re.compile(text, re.IGNORECASE)) for condition, text in _TEXTS)


def condition_of_text(
    text: str, among: frozenset[Condition] = frozenset(Condition)
) -> Condition | None:
    """What an error's words mean; `None` where they are of no known form, or of none `among`
    those that can be meant."""
    looked_at = text[:LOOKED_AT]
    for condition, pattern in _PATTERNS:
        if condition in among and pattern.search(looked_at):
            return condition
    return None


def condition_of_status(status: int, text: str = "") -> Condition | None:
    """What an HTTP status of the vendor means, its words looked at where it leaves open what is
    meant; `None` for one that says nothing (a success, 0, a plain 400)."""
    if finer := condition_of_text(text, _FINER.get(status, frozenset())):
        return finer
    if 500 <= status < 600:
        return Condition.OVERLOADED
    return _STATUS.get(status)


_STATUS_IN_TEXT = re.compile(
    r"(?:\bhttp|\bstatus|\bcode|\berror|\bapi error)(?:[ _]?code|[ _]?status)?[\"':=(\s]{1,4}"
    r"([45]\d\d)\b|\b(4\d\d|5\d\d) (?:unauthorized|forbidden|not found|too many requests"
    r"|internal server error|bad gateway|service unavailable|gateway time-?out|payment required"
    r"|bad request|request entity too large)",
    re.IGNORECASE,
)


def status_in(text: str) -> int:
    """The HTTP status that an error's words name; 0 where they name none."""
    found = _STATUS_IN_TEXT.search(text[:LOOKED_AT])
    return int(found[1] or found[2]) if found else 0


def fault_of(
    text: str,
    *,
    status: int = 0,
    headers: Mapping[str, str] | None = None,
    now: float | None = None,
) -> Fault | None:
    """What an error means by its status (given, or named in its words) and by its words, and
    when it passes. `now` is the moment it was said, in epoch seconds: without it only an absolute
    time is understood. A throttle that lasts longer than `THROTTLE_MAX_S` is a quota."""
    told = status or status_in(text)
    condition = condition_of_status(told, text) or condition_of_text(text)
    if condition is None:
        return None
    if condition not in LIMITS:
        return Fault(condition)
    resets_at = reset_in(text, headers=headers, now=now)
    if condition is Condition.THROTTLED and resets_at is not None and now is not None:
        condition = Condition.QUOTA if resets_at - now > THROTTLE_MAX_S else condition
    return Fault(condition, resets_at)
