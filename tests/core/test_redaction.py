"""Which values are secrets, and texts and bytes without them."""

from __future__ import annotations

import base64
import json
import re
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.core.redaction import (
    REDACTED,
    SECRET_MIN,
    Redactor,
    blank_of,
    is_secret_name,
    pairs_in,
    secrets_among,
)
from gangsaw.store.secret import SECRET_BYTES, token_of

SECRET = 'tok/3n+"with\\odd=chars'
REDACTOR = Redactor([("API_TOKEN", SECRET)])
secret_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]),
    min_size=SECRET_MIN,
    max_size=40,
).filter(lambda text: text not in REDACTED and "secret" not in text)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in ("API_KEY", "apiKey", "GITHUB_TOKEN", "DB_PASSWORD", "SECRET",
                                    "AWS_SECRET_ACCESS_KEY", "password", "CREDENTIALS", "x-auth",
                                    "SIGNING_PASSPHRASE", "DB_PWD", "GH_PAT", "npm_config__auth")),
        *((name, False) for name in ("PATH", "HOME", "PWD", "OLDPWD", "KEYBOARD", "MONKEY",
                                     "SSH_AUTH_SOCK", "GIT_CONFIG_KEY_0", "TOKENIZER", "EDITOR",
                                     "MAX_OUTPUT_TOKENS", "AWS_ACCESS_KEY_ID", "KEY_FILE")),
    ],
)  # fmt: skip
def test_a_name_tells_a_secret(name: str, is_one: bool) -> None:
    assert is_secret_name(name) is is_one


def test_a_value_may_tell_a_secret_and_may_be_none() -> None:
    pairs = [
        ("A", "ghp_" + "a1" * 18), ("B", "postgres://me:pa55%21word@h/db"), ("C", "everyday text"),
        ("D_KEY", "/home/me/key.pem"), ("E_TOKEN", "disabled"), ("F_SECRET", "really-one"),
    ]  # fmt: skip
    assert set(secrets_among(pairs)) == {
        ("A", "ghp_" + "a1" * 18), ("B", "pa55%21word"), ("B", "pa55!word"),
        ("F_SECRET", "really-one"),
    }  # fmt: skip


def test_named_values_are_read_from_any_dialect() -> None:
    text = """\
# DB_KEY=a comment
export DB_PASSWORD="two\\nlines" # why
API_KEY=plain # a remark
TOKEN='single # quoted'
//registry.example/:_authToken=npm-token
env = { INNER_TOKEN = "within", OTHER = 'x' }
yaml_key: yaml value
"""
    found = dict(pairs_in(text))
    assert found["DB_PASSWORD"] == "two\nlines"
    assert found["API_KEY"] == "plain"
    assert found["TOKEN"] == "single # quoted"
    assert found["_authToken"] == "npm-token"
    assert (found["INNER_TOKEN"], found["OTHER"]) == ("within", "x")
    assert found["yaml_key"] == "yaml value"
    assert "# DB_KEY" not in found
    assert "DB_KEY" not in found


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(json.dumps({"a": SECRET})),
        json.dumps(SECRET).replace("/", "\\/"),
        quote(SECRET),
        quote(SECRET, safe=""),
        re.sub("%..", lambda found: found[0].lower(), quote_plus(SECRET)),
        shlex.quote(SECRET),
        repr(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        SECRET.encode().hex(),
    ],
)
def test_every_usual_form_is_taken_out(form: str) -> None:
    shown = REDACTOR.text(f"before {form} after")
    assert re.fullmatch(r"before \W*(\[secret\]|\{.*\[secret\].*\})\W* after", shown), shown
    raw = f"before {form} after".encode()
    assert len(REDACTOR.blank(raw)) == len(raw)
    assert form.encode() not in REDACTOR.blank(raw)


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
def test_in_base64_it_is_found_within_something_longer(before: str) -> None:
    whole = base64.b64encode(f"{before}{SECRET}and more".encode()).decode()
    shown = REDACTOR.text(whole)
    assert REDACTED in shown
    left = shown.replace(REDACTED, "").rstrip("=")
    plain = base64.b64decode(left[: len(left) // 4 * 4]).decode("latin-1")
    assert not any(SECRET[n : n + 4] in plain for n in range(len(SECRET) - 3))


@given(secret_texts, st.text(max_size=20), st.text(max_size=20))
def test_no_text_keeps_the_secret_and_twice_is_once(secret: str, before: str, after: str) -> None:
    redactor = Redactor([("X", secret)])
    text = f"{before}{secret}{after}"
    once = redactor.text(text)
    assert secret not in once
    assert redactor.text(once) == once
    raw = text.encode("utf-8", "surrogateescape" if text.isprintable() else "replace")
    blank = redactor.blank(raw)
    assert len(blank) == len(raw)
    assert redactor.blank(blank) == blank
    assert secret.encode() not in blank


def test_what_was_scrubbed_reads_like_what_was_redacted() -> None:
    line = f"the token is {SECRET}, keep it"
    scrubbed = REDACTOR.blank(line.encode()).decode()
    assert scrubbed != line
    assert REDACTOR.text(scrubbed) == REDACTOR.text(line) == f"the token is {REDACTED}, keep it"


def test_half_a_secret_at_a_cut_end_goes_too() -> None:
    assert REDACTOR.text(f"running: use {SECRET[:12]}…") == f"running: use {REDACTED}…"
    assert REDACTOR.text(f"…{SECRET[-12:]} was wrong") == f"…{REDACTED} was wrong"
    assert REDACTOR.text(f"use {SECRET[:5]}…") == f"use {SECRET[:5]}…"


def test_of_a_secret_of_several_lines_each_line_is_one() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nQEFAASCBKcwggSjAgEAAoIBAQ\n"
    redactor = Redactor([("KEY", key)])
    assert redactor.text("line MIIEvQIBADANBgkqhkiG9w0 alone") == f"line {REDACTED} alone"
    about = "a file with -----BEGIN PRIVATE KEY----- in it"
    assert redactor.text(about) == about


def test_short_values_are_left_alone() -> None:
    redactor = Redactor([("PASSWORD", "1234567")])
    assert not redactor
    assert redactor.text("1234567") == "1234567"
    assert redactor.blank(b"1234567") == b"1234567"


def test_it_names_whose_value_a_text_holds() -> None:
    assert REDACTOR.named_in(f"curl -H {SECRET}") == "API_TOKEN"
    assert REDACTOR.named_in("curl -H nothing") == ""
    shaped = "x --key sk-ant-0123456789abcDEF0123"
    assert "looks like" in Redactor().named_in(shaped, by_shape=True)
    assert Redactor().named_in(shaped) == ""
    assert Redactor().named_in("class sk-circle-fade-animation", by_shape=True) == ""


def test_the_token_of_any_attempt_is_known_by_its_shape() -> None:
    token = token_of(b"s" * SECRET_BYTES, "r1", "a.1")
    redactor = Redactor(tokens=True)
    assert redactor
    assert redactor.text(f"env: {token}, and {token[:30]}…") == f"env: {REDACTED}, and {REDACTED}…"
    raw = f"GANGSAW_TOKEN={token}\n".encode()
    assert redactor.longest == len(token)
    assert redactor.blank(raw) == b"GANGSAW_TOKEN=" + blank_of(len(token)) + b"\n"
    assert redactor.named_in(f"--token={token}") == "the token of an attempt"
    assert token not in Redactor([("OTHER_KEY", "another-secret")], tokens=True).text(token)
    other = f"gangsaw-{token[-64:]} gangsaw-token-"
    assert redactor.text(other) == other


def test_long_words_in_settings_are_read_once() -> None:
    """A key in hexadecimal may fill a file; read from each of its letters it would take minutes."""
    blob = "a1" * 100_000
    text = f"BLOB={blob}\nconf = {{ API_KEY = 'inner-secret' }}\n"
    assert dict(pairs_in(text))["API_KEY"] == "inner-secret"
    assert list(secrets_among([("URL", f"{blob}://u:pass-word-1@h")])) == []
    assert list(secrets_among([("URL", "x postgres+ssl://u:pass-word-1@h")])) == [
        ("URL", "pass-word-1")
    ]
