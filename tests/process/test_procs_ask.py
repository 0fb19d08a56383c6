"""A program that is asked something: bounded in time and in output, and over when it is over."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from gangsaw.engine.asking import SPARED, asking
from gangsaw.procs.ask import NoReply, Reply, TookTooLong, ask
from gangsaw.procs.identity import identify
from gangsaw.sources.programs import Answered, Call, Unanswered

ENV = {"PATH": os.environ["PATH"], "SAID": "hello"}
SHORT_S = 0.3


def sh(script: str, cwd: Path, **bounds: float) -> Reply | NoReply:
    most = int(bounds.pop("most", 1_000_000))
    timeout_s = bounds.pop("timeout_s", 60.0)
    argv = ["sh", "-c", script]
    return ask(argv, cwd=cwd, env=ENV, timeout_s=timeout_s, output_bytes_max=most)


def test_both_outputs_and_the_exit_code_come_back(tmp_path: Path) -> None:
    script = 'echo "$SAID in $PWD"; echo no >&2; cat; exit 3'
    assert sh(script, tmp_path) == Reply(3, f"hello in {tmp_path}\n".encode(), b"no\n")


def test_a_signal_is_a_negative_code(tmp_path: Path) -> None:
    assert sh("kill -9 $$", tmp_path) == Reply(-signal.SIGKILL, b"", b"")


def test_what_cannot_be_started_says_why(tmp_path: Path) -> None:
    found = ask([str(tmp_path / "none")], cwd=tmp_path, env=ENV)
    assert found == NoReply("cannot be started: No such file or directory")


def test_who_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = "trap '' TERM INT; sleep 1000 & echo $! > child; echo $$ > self; wait"
    found = sh(script, tmp_path, timeout_s=2.0)
    assert found == TookTooLong("did not end within 2 s and was stopped")
    for name in ("self", "child"):
        pid = int((tmp_path / name).read_text())
        known = identify(pid)
        assert known is None or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def test_too_much_output_is_no_answer(tmp_path: Path) -> None:
    script = f'exec "{sys.executable}" -S -c "while True: print(\'x\' * 999)"'
    assert sh(script, tmp_path, most=100_000) == NoReply("wrote more than 97 KiB")


def test_output_of_a_megabyte_on_both_sides_comes_whole(tmp_path: Path) -> None:
    script = (
        f'exec "{sys.executable}" -S -c '
        "\"import sys; sys.stderr.write('e' * 10**6); sys.stdout.write('o' * 10**6)\""
    )
    assert sh(script, tmp_path, most=10**6) == Reply(0, b"o" * 10**6, b"e" * 10**6)


def test_what_it_leaves_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    """It holds both pipes open until somebody writes into the fifo, which is after the answer."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert sh("cat fifo & echo done", tmp_path) == Reply(0, b"done\n", b"")
    fifo.write_text("")


def test_a_program_is_found_on_the_path_and_nowhere_else(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "keeper"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$1 $A${B-none}"\n')
    program.chmod(0o755)
    call = Call("keeper", ("x",), tmp_path, {"A": "1"}, ("B",))
    environ = {"PATH": f"{program.parent}:{os.environ['PATH']}", "B": "2"}
    assert asking(environ)(call) == Answered(0, b"x 1none\n", b"")
    absent = asking({"PATH": str(tmp_path), "B": "2"})(call)
    assert absent == Unanswered("keeper is not on the PATH", is_missing=True)
    assert isinstance(asking({})(call), Unanswered)


@pytest.mark.parametrize("name", ["slow", "slow-too"])
def test_who_did_not_end_is_not_asked_over_and_over(tmp_path: Path, name: str) -> None:
    program = tmp_path / name
    program.write_text("#!/bin/sh\necho x >> calls\n[ -e well ] || exec sleep 1000\n")
    program.chmod(0o755)
    ask_it = asking({"PATH": f"{tmp_path}:{os.environ['PATH']}"}, timeout_s=SHORT_S)
    call = Call(name, (), tmp_path)
    assert ask_it(call) == Unanswered(f"it did not end within {SHORT_S:g} s and was stopped")
    (tmp_path / "calls").write_text("")
    (tmp_path / "well").touch()
    answers = [ask_it(call) for _ in range(SPARED)]
    assert all(isinstance(each, Unanswered) for each in answers)
    assert (tmp_path / "calls").read_text() == ""
    patient = asking({"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert patient(call) == Answered(0, b"", b"")
