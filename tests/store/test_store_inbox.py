"""The inbox: whole requests in order, one per key; what is no request is moved aside."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import gangsaw
from gangsaw.core.errors import UserError
from gangsaw.store.inbox import (
    BAD_KEPT,
    NESTING_MAX,
    PENDING_MAX,
    REQUEST_MAX_BYTES,
    BadRequest,
    Request,
    discard,
    open_wake,
    pending,
    quiet,
    ring,
    submit,
)


def request(key: str, at: float = 1.0, verb: str = "pause", **args: object) -> Request:
    return Request(key, verb, dict(args), at, "somebody")


def good(folder: Path) -> list[Request]:
    found = pending(folder)
    assert all(isinstance(item, Request) for item in found), found
    return [item for item in found if isinstance(item, Request)]


def test_requests_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    sent = [request(f"k{at}", at=float(at), text="é\udc80\x00") for at in (30, 5, 2000, 1)]
    for one in sent:
        submit(tmp_path, one)
    assert good(tmp_path) == sorted(sent, key=lambda one: one.at)
    discard(tmp_path, "k5")
    discard(tmp_path, "k5")
    discard(tmp_path, "never-was")
    assert [one.key for one in good(tmp_path)] == ["k1", "k30", "k2000"]


@pytest.mark.guarantee("G1")
def test_the_same_key_twice_is_one_request(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = submit(tmp_path, request("k", at=1.0))
    assert submit(tmp_path, request("k", at=2.0)) == first
    # Two senders at the very same instant may both get their file in.
    later = submit(tmp_path / "other", request("k", at=9.0, verb="resume"))
    later.rename(tmp_path / later.name)
    (tmp_path / "other").rmdir()
    assert good(tmp_path) == [request("k", at=1.0)]
    discard(tmp_path, "k")
    assert pending(tmp_path) == []


def test_a_key_that_contains_another_is_another(tmp_path: Path) -> None:
    submit(tmp_path, request("a-b"))
    submit(tmp_path, request("b"))
    discard(tmp_path, "b")
    assert [one.key for one in good(tmp_path)] == ["a-b"]


@pytest.mark.parametrize("key", ["", "a/b", "../x", "a.b", "é", "x" * 81, "a\n"])
def test_a_key_is_a_plain_word(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError):
        submit(tmp_path, request(key))


def test_a_request_that_is_too_long_is_refused(tmp_path: Path) -> None:
    submit(tmp_path, request("fits", text="x" * (REQUEST_MAX_BYTES - 200)))
    with pytest.raises(UserError) as caught:
        submit(tmp_path, request("big", text="x" * REQUEST_MAX_BYTES))
    assert "try a shorter text" in caught.value.text
    assert [one.key for one in good(tmp_path)] == ["fits"]


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.guarantee("G1")
def test_a_sender_killed_at_the_fault_point(tmp_path: Path, side: str) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from gangsaw.core.faults import set_probe\n"
        "from gangsaw.store.inbox import Request, submit\n"
        f"set_probe(lambda p, s: os.kill(os.getpid(), 9) if s == {side!r} else None)\n"
        "submit(Path(sys.argv[1]), Request('k', 'pause', {}, 1.0, 'me'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={"PYTHONPATH": str(Path(gangsaw.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert len(good(tmp_path)) == (side == "after")
    submit(tmp_path, request("k"))  # the sender does not know, and asks again
    assert len(good(tmp_path)) == 1


def test_files_being_written_are_not_seen(tmp_path: Path) -> None:
    (tmp_path / ".000000000001000-k-1-1").write_text('{"key": "k", "ve')
    assert pending(tmp_path) == []
    assert pending(tmp_path / "missing") == []


WHOLE = {"key": "k", "verb": "pause", "args": {}, "at": 1.0, "by": "me"}
DEEP: list[object] = []
for _ in range(NESTING_MAX):
    DEEP = [DEEP]
BAD: dict[str, bytes] = {
    "torn": b'{"key": "k", "ve',
    "empty": b"",
    "binary": b"\xff\x00\xfe",
    "deep": b"[" * 100_000,
    "list": b"[]",
    "other key": json.dumps({**WHOLE, "key": "other"}).encode(),
    "verb missing": json.dumps({k: v for k, v in WHOLE.items() if k != "verb"}).encode(),
    "args a list": json.dumps({**WHOLE, "args": []}).encode(),
    "at true": json.dumps({**WHOLE, "at": True}).encode(),
    "nan": b'{"key":"k","verb":"pause","args":{"x":NaN},"at":1.0,"by":"me"}',
    "endless at": json.dumps({**WHOLE, "at": 0}).encode().replace(b": 0", b": 1e999"),
    "huge at": json.dumps({**WHOLE, "at": 10**400}).encode(),
    "before 1970": json.dumps({**WHOLE, "at": -1}).encode(),
    "endless arg": b'{"key":"k","verb":"pause","args":{"x":[-1e999]},"at":1.0,"by":"me"}',
    "deep arg": json.dumps({**WHOLE, "args": {"x": DEEP}}).encode(),
    "huge number": b'{"x": ' + b"9" * 10_000 + b"}",
    "too long": b" " * (REQUEST_MAX_BYTES + 1),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_content_is_moved_aside_and_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "000000000000001-k.json").write_bytes(BAD[name])
    submit(tmp_path, request("good"))
    first, second = pending(tmp_path)
    assert first == request("good")
    assert isinstance(second, BadRequest)
    assert "000000000000001-k.json" in second.why
    assert second.path.read_bytes() == BAD[name]
    assert second.path.parent == tmp_path / "bad"
    assert pending(tmp_path) == [first]


def test_what_is_not_a_file_is_moved_aside_and_not_followed(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    secret = tmp_path / "secret"
    secret.write_text(json.dumps(WHOLE))
    (inbox / "000000000000001-k.json").symlink_to(secret)
    os.mkfifo(inbox / "000000000000002-k.json")
    (inbox / "000000000000003-k.json").mkdir()
    (inbox / "000000000000003-k.json" / "inside").touch()
    (inbox / "README").touch()
    (inbox / ("1-" + "x" * 240)).touch()
    (inbox / "5-\udc80.json").touch()
    found = pending(inbox)
    assert len(found) == 6
    assert all(isinstance(item, BadRequest) for item in found)
    assert pending(inbox) == []
    assert secret.read_text() == json.dumps(WHOLE)


def test_the_bad_folder_and_one_look_are_bounded(tmp_path: Path) -> None:
    for number in range(BAD_KEPT + 20):
        (tmp_path / f"{number}.txt").touch()
    assert len(pending(tmp_path)) == BAD_KEPT + 20
    assert len(list((tmp_path / "bad").iterdir())) == BAD_KEPT
    for number in range(PENDING_MAX + 5):
        text = json.dumps({**WHOLE, "key": f"k{number}"})
        (tmp_path / f"{number:015d}-k{number}.json").write_text(text)
    assert [one.key for one in good(tmp_path)] == [f"k{n}" for n in range(PENDING_MAX)]


def is_ringing(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


def test_the_bell(tmp_path: Path) -> None:
    ring(tmp_path)  # no bell yet
    fd = open_wake(tmp_path)
    assert not is_ringing(fd)
    ring(tmp_path)
    ring(tmp_path)
    assert is_ringing(fd)
    quiet(fd)
    assert not is_ringing(fd)
    quiet(fd)
    for _ in range(70_000):  # more than a pipe holds
        ring(tmp_path)
    quiet(fd)
    quiet(fd)
    assert not is_ringing(fd)
    os.close(fd)
    ring(tmp_path)  # nobody listens
    fd = open_wake(tmp_path)  # the next engine takes over the bell of the last one
    assert not is_ringing(fd)
    ring(tmp_path)
    assert is_ringing(fd)
    os.close(fd)
    assert pending(tmp_path) == []


def test_a_file_in_place_of_the_bell_is_not_written_to(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    for is_link in (True, False):
        if is_link:
            (tmp_path / ".wake").symlink_to(target)
        else:
            (tmp_path / ".wake").write_text("mine")
        ring(tmp_path)
        fd = open_wake(tmp_path)
        ring(tmp_path)
        assert is_ringing(fd)
        os.close(fd)
        (tmp_path / ".wake").unlink()
    assert target.read_text() == "mine"
