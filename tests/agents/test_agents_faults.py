"""What error texts and statuses mean, and when limits pass: tables, and no text that raises."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.agents.faults import Fault, condition_of_status, condition_of_text, fault_of, status_in
from gangsaw.agents.resets import reset_in, span_s
from gangsaw.core.conditions import Condition as C
from gangsaw.core.launch import LimitKind

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC).timestamp()
HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("No conversation found with session ID: 6d55", C.SESSION_LOST),
        ("Error: thread/resume failed: no rollout found for thread id 01a1", C.SESSION_LOST),
        ("Session ses_123 not found", C.SESSION_LOST),
        ("Error resuming session: Invalid session identifier", C.SESSION_LOST),
        ("Prompt is too long", C.CONTEXT_FULL),
        (
            "Codex ran out of room in the model's context window. Start a new conversation",
            C.CONTEXT_FULL,
        ),
        ("This model's maximum context length is 128000 tokens.", C.CONTEXT_FULL),
        ("litellm.ContextWindowExceededError: x", C.CONTEXT_FULL),
        ("The input token count (1200000) exceeds the maximum number of tokens", C.CONTEXT_FULL),
        ("Credit balance is too low", C.MONEY_LIMIT),
        ("Reached maximum budget ($0.01)", C.MONEY_LIMIT),
        ("Invalid API key · Please run /login", C.LOGIN_EXPIRED),
        ("OAuth token has expired", C.LOGIN_EXPIRED),
        ("litellm.AuthenticationError: AuthenticationError: x", C.LOGIN_EXPIRED),
        ("unexpected status 401 Unauthorized: scripted", C.LOGIN_EXPIRED),
        ("API key not valid. Please pass a valid API key.", C.LOGIN_EXPIRED),
        ("Not logged in · Please run /login", C.LOGIN_MISSING),
        ("Missing environment variable: `SCRIPTED_KEY`.", C.LOGIN_MISSING),
        ("Please set an Auth method in your settings.json", C.LOGIN_MISSING),
        ("Error: No authentication information found.", C.LOGIN_MISSING),
        ("There's an issue with the selected model (x).", C.MODEL_UNKNOWN),
        ("The model `gpt-9` does not exist or you do not have access to it.", C.MODEL_UNKNOWN),
        ("models/gemini-9 is not found for API version v1beta", C.MODEL_UNKNOWN),
        (
            "The 'x' model is not supported when using Codex with a ChatGPT account.",
            C.MODEL_UNKNOWN,
        ),
        ("You've hit your usage limit. Try again in 3 days", C.QUOTA),
        ("You’ve hit your usage limit. Upgrade to Pro or try again at 8:29 PM.", C.QUOTA),
        ("You've hit your limit · resets Jan 15, 2027, 8am (UTC)", C.QUOTA),
        ("You've hit your session limit · resets 3pm", C.QUOTA),
        ("Claude AI usage limit reached|1800000001", C.QUOTA),
        ("You exceeded your current quota, please check your plan", C.QUOTA),
        ("You have exhausted your daily quota on this model.", C.QUOTA),
        ("API Error: 529 Overloaded", C.OVERLOADED),
        ("Selected model is at capacity. Please try a different model.", C.OVERLOADED),
        ("We're currently experiencing high demand", C.OVERLOADED),
        ("unexpected status 503 Service Unavailable", C.OVERLOADED),
        ("exceeded retry limit, last status: 429 Too Many Requests", C.THROTTLED),
        ("Rate limit reached for gpt-5 on tokens per min", C.THROTTLED),
        ("Resource has been exhausted: RESOURCE_EXHAUSTED", C.THROTTLED),
        ("connect ECONNREFUSED 127.0.0.1:9", C.NETWORK),
        ("stream disconnected before completion: error sending request for url", C.NETWORK),
        ("Unable to connect to API (ConnectionRefused)", C.NETWORK),
        ("getaddrinfo ENOTFOUND api.example.invalid", C.NETWORK),
        ("Request timed out", C.NETWORK),
        ("Unexpected end of JSON input", C.MALFORMED),
        ("Reached max turns (2)", C.TURN_LIMIT),
        ("Not inside a trusted directory and --skip-git-repo-check was not given", C.TRUST),
        ("", None),
        ("exit code 3", None),
        ("I could not find the file, 2 tests fail", None),
    ],
)
def test_words_of_an_error(text: str, condition: C | None) -> None:
    assert condition_of_text(text) is condition


@pytest.mark.parametrize(
    ("status", "text", "condition"),
    [
        (0, "", None),
        (200, "usage limit", None),
        (400, "", None),
        (400, "prompt is too long: 9 tokens > 8 maximum", C.CONTEXT_FULL),
        (400, "API key not valid", C.LOGIN_EXPIRED),
        (400, "the tool timed out", None),
        (401, "anything", C.LOGIN_EXPIRED),
        (401, "401 Unauthorized: Missing bearer or basic authentication", C.LOGIN_MISSING),
        (402, "", C.MONEY_LIMIT),
        (403, "", C.LOGIN_EXPIRED),
        (403, "model x is not available to you", C.MODEL_UNKNOWN),
        (404, "", C.MODEL_UNKNOWN),
        (413, "", C.CONTEXT_FULL),
        (429, "", C.THROTTLED),
        (429, "insufficient_quota", C.QUOTA),
        (500, "prompt is too long", C.OVERLOADED),
        (529, "", C.OVERLOADED),
    ],
)
def test_a_status_with_its_words(status: int, text: str, condition: C | None) -> None:
    assert condition_of_status(status, text) is condition


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("unexpected status 401 Unauthorized: x", 401),
        ("exceeded retry limit, last status: 429 Too Many Requests", 429),
        ("API Error: 529 {}", 529),
        ('{"error":{"code":429,"message":"m"}}', 429),
        ("HTTP 503", 503),
        ("got 404 Not Found", 404),
        ("line 429 of x.py, port 5001", 0),
        ("", 0),
    ],
)
def test_a_status_named_in_words(text: str, status: int) -> None:
    assert status_in(text) == status


@pytest.mark.parametrize(
    ("text", "in_s"),
    [
        ("Try again in 3h", 3 * HOUR),
        ("try again in 3 days 4 hours 12 minutes.", 3 * 24 * HOUR + 4 * HOUR + 720),
        ("Please try again in 6.5s. Visit", 6.5),
        ("Please try again in 20ms.", 0.02),
        ("Your quota will reset after 12h3m4s.", 12 * HOUR + 184),
        ("resets in 2h 15m", 2 * HOUR + 900),
        ("Please wait 3 hours before trying", 3 * HOUR),
        ("available again in 1 day, 2 hours and 5 minutes", 26 * HOUR + 300),
        ('"retryDelay": "34.07s"', 34.07),
        ("retry-after: 3600", HOUR),
        ("retry_after_ms=1500", 1.5),
        ("resets 3pm (UTC)", 3 * HOUR + 60),
        ("resets 11:30am (UTC)", 23.5 * HOUR + 60),
        ("resets 12am (UTC)", 12 * HOUR + 60),
        ("resets 3pm (Europe/Berlin)", 2 * HOUR + 60),
        ("resets Nov 25, 3pm (UTC)", 4 * 24 * HOUR + 3 * HOUR + 60),
        ("try again at Nov 25th, 2026 3:05 PM UTC.", 4 * 24 * HOUR + 3 * HOUR + 360),
        ("Try again at 15:05 UTC", 3 * HOUR + 360),
        ("resets Jan 2, 12pm (UTC)", 42 * 24 * HOUR + 60),
        ("resets Jan 15, 2027, 8am (UTC)", 55 * 24 * HOUR - 4 * HOUR + 60),
        ("or try again at 12:00 PM UTC.", 60),
        ("or try again at 11:59 AM UTC.", 0),
        ("or try again at 11:50 AM UTC.", 0),
        ("or try again at 11:40 AM UTC.", 24 * HOUR - 20 * 60 + 60),
        ("resets at 2026-11-21T13:00:00Z", HOUR),
        ("try again after 2026-11-21 14:00:00 +01:00", HOUR),
    ],
)
def test_when_a_limit_passes(text: str, in_s: float) -> None:
    moment = reset_in(f"You've hit your limit. {text} more words", now=NOW)
    assert moment == pytest.approx(NOW + in_s, abs=0.01)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("usage limit reached|1800000001", 1_800_000_001.0),
        ('"resetsAt": 1800000002', 1_800_000_002.0),
        ('"reset_at":1800000003000', 1_800_000_003.0),
        ("retry after 2026-11-21T13:00:00Z", NOW + HOUR),
        ("try again in 3h", None),
        ("resets 3pm (UTC)", None),
    ],
)
def test_without_the_present_moment_only_what_is_absolute_is_told(
    text: str, moment: float | None
) -> None:
    assert reset_in(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a limit",
        "reset the database, 3 tests",
        "try again at 99:99",
        "resets 3pm (Nowhere/Atall)",
        "try again in 99999 weeks",
        "resets Feb 31, 3pm (UTC)",
        "retry 3 of 10",
        "retried 5 times (total retry wait time: 14.11 seconds)",
    ],
)
def test_what_tells_no_time(text: str) -> None:
    assert reset_in(text, now=NOW) is None


@pytest.mark.parametrize(
    ("headers", "moment"),
    [
        ({"Retry-After": "90"}, NOW + 90),
        ({"retry-after-ms": "1500"}, NOW + 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 13:00:00 GMT"}, NOW + HOUR),
        ({"anthropic-ratelimit-unified-reset": "1800000000"}, 1_800_000_000.0),
        ({"anthropic-ratelimit-requests-reset": "2026-11-21T13:00:00Z"}, NOW + HOUR),
        ({"retry-after": "soon"}, None),
        ({"x-other": "90"}, None),
    ],
)
def test_headers_tell_it_too(headers: dict[str, str], moment: float | None) -> None:
    assert reset_in("resets never", headers=headers, now=NOW) == moment


def test_a_time_of_day_without_a_zone_is_this_machines() -> None:
    moment = reset_in("resets 3:05pm", now=NOW)
    assert moment is not None
    assert NOW < moment <= NOW + 25 * HOUR
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    assert (local.hour, local.minute) == (15, 6)


@pytest.mark.parametrize(
    ("text", "status", "fault"),
    [
        ("slow down, retry after 30s", 429, Fault(C.THROTTLED, NOW + 30)),
        ("slow down, retry after 3600s", 429, Fault(C.QUOTA, NOW + HOUR)),
        ("usage limit", 0, Fault(C.QUOTA)),
        ("Invalid API key, try again in 3h", 401, Fault(C.LOGIN_EXPIRED)),
        ("boom", 0, None),
    ],
)
def test_a_whole_fault(text: str, status: int, fault: Fault | None) -> None:
    assert fault_of(text, status=status, now=NOW) == fault


def test_only_limits_make_a_limit_note() -> None:
    throttle, quota = Fault(C.THROTTLED, 5.0).limit("me"), Fault(C.QUOTA).limit()
    assert throttle is not None
    assert quota is not None
    assert (throttle.kind, throttle.resets_at, throttle.account) == (LimitKind.THROTTLE, 5.0, "me")
    assert quota.kind is LimitKind.QUOTA
    assert Fault(C.NETWORK).limit() is None


@given(st.text(max_size=80), st.integers(-1, 700), st.sampled_from([None, NOW, 0.0]))
def test_no_text_makes_it_raise(text: str, status: int, now: float | None) -> None:
    fault_of(text, status=status, now=now, headers={"retry-after": text, "x-reset": text})
    fault_of(f"try again at {text}", now=now)
    fault_of(f"resets in {text}", now=now)
    span_s(text)


@pytest.mark.parametrize(
    "text",
    [
        "usage limit, try again in 1s" + ", and" * 1500,
        "usage limit, wait 1s" + " ," * 3900,
        "usage limit, again in " + "1 hour and " * 700,
        "usage limit, set " + "A" * 7900,
    ],
)
def test_no_words_take_for_ever(text: str) -> None:
    """An agent may say anything, and the engine waits for what it means. Of patterns that can fit
    in many ways the first of these would not see the end, on no machine."""
    fault = fault_of(text, now=0.0)
    assert fault is not None
    assert fault.condition is C.QUOTA


@pytest.mark.parametrize(
    ("span", "s"),
    [
        ("3h20m", 12_000), ("3h 20m", 12_000), ("3 hours, 20 minutes", 12_000),
        ("3 hours and 20 minutes", 12_000), ("3 hours, and 20 minutes", 12_000),
        ("2 days, 3 hours and 4 minutes", 183_840),
    ],
)  # fmt: skip
def test_spans_of_several_parts(span: str, s: float) -> None:
    assert reset_in(f"usage limit reached, try again in {span}.", now=0.0) == s
