"""The agent runs as asked, and how it ended is recorded exactly."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core.launch import Ended, LaunchSpec
from tests.process.turns import PATH, Room, python, run_python, shell

BATCH = 16


@pytest.mark.guarantee("G4")
def test_every_exit_code_is_recorded(room: Room) -> None:
    for first in range(0, 256, BATCH):
        codes = range(first, first + BATCH)
        for code in codes:
            room.launch(shell(f"exit {code}"), str(code))
        for code in codes:
            assert room.finished(str(code)).outcome == Ended(code=code, signal=None)


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "ABRT", "KILL", "SEGV", "PIPE", "TERM"])
@pytest.mark.guarantee("G4")
def test_every_signal_is_recorded(room: Room, name: str) -> None:
    number = signal.Signals[f"SIG{name}"]
    record = room.run(shell(f"ulimit -c 0; kill -{int(number)} $$"))
    assert record.outcome == Ended(code=None, signal=int(number))
    assert not record.stop_asked


def test_an_ignored_child_signal_is_not_inherited(room: Room) -> None:
    """A parent that ignores SIGCHLD once cost every exit status."""
    code = """if True:
        import signal, sys
        from pathlib import Path
        from gangsaw import procs
        from gangsaw.core.launch import LaunchSpec
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGCHLD})
        spec = LaunchSpec(("sh", "-c", "grep ^Sig /proc/self/status; sleep 60 & exit 42"), "/",
                          (("PATH", sys.argv[2]),))
        procs.launch(Path(sys.argv[1]), spec, mark=sys.argv[3], grace_s=1)
    """
    folder = room.folder()
    done = run_python(code, str(folder), PATH, room.marks[folder], way=room.way)
    assert done.returncode == 0, done.stderr
    record = room.finished()
    assert record.outcome == Ended(code=42, signal=None)
    assert record.swept == 1
    masks = dict(line.split(":\t") for line in room.output().splitlines())
    assert int(masks["SigBlk"], 16) == 0
    assert int(masks["SigIgn"], 16) == 0


@pytest.mark.parametrize(
    ("argv", "cwd", "expected"),
    [
        (("no-such-program",), "/", procs.NotExecuted("ENOENT", "exec")),
        (("/no/such/program",), "/", procs.NotExecuted("ENOENT", "exec")),
        (("/etc",), "/", procs.NotExecuted("EACCES", "exec")),
        (("true",), "/no/such/folder", procs.NotExecuted("ENOENT", "chdir")),
        (("true", "x" * (1 << 20)), "/", procs.NotExecuted("E2BIG", "exec")),
    ],
)
def test_a_program_that_cannot_start_is_no_exit_code(
    room: Room, argv: tuple[str, ...], cwd: str, expected: procs.NotExecuted
) -> None:
    assert room.run(LaunchSpec(argv, cwd, (("PATH", "/usr/bin:/bin"),))).outcome == expected


def test_a_file_without_permission_to_execute(room: Room, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    spec = LaunchSpec((str(program),), "/", ())
    assert room.run(spec).outcome == procs.NotExecuted("EACCES", "exec")


def test_127_of_the_agent_is_an_exit_code(room: Room) -> None:
    assert room.run(shell("exit 127")).outcome == Ended(code=127, signal=None)


def test_arguments_environment_and_folder_arrive_unchanged(room: Room, tmp_path: Path) -> None:
    strange = ("", "a b", "-x", "ü€\n", "\udcff", "'\"$(id)\\")
    code = "import os,sys,json; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"
    argv = (sys.executable, "-I", "-S", "-c", code, *strange)
    env = (("LC_ALL", "C.UTF-8"), ("EMPTY", ""), ("LINES", "a\nb=c"), ("PYTHONHOME", "/none"))
    room.run(LaunchSpec(argv, str(tmp_path), env))
    seen_args, seen_env, seen_cwd = json.loads(room.output())
    assert tuple(seen_args) == strange
    assert seen_env == dict(env) | {procs.MARK_VARIABLE: room.marks[room.folder()]}
    assert seen_cwd == str(tmp_path)


def test_the_agent_has_three_descriptors_and_a_session_of_its_own(room: Room) -> None:
    code = """if True:
        import os
        names = {int(n): os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                 if os.path.exists(f"/proc/self/fd/{n}")}
        print(names, os.getpid() == os.getsid(0) == os.getpgid(0))
    """
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        room.run(python(code))
    finally:
        os.close(inherited)
    folder = room.folder()
    expected = {0: "/dev/null", 1: f"{folder}/out", 2: f"{folder}/err"}
    assert room.output() == f"{expected} True\n"


def test_the_agent_is_the_first_victim_of_a_memory_shortage(room: Room) -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text())
    room.run(shell("cat /proc/self/oom_score_adj"))
    assert int(room.output()) == min(1000, own + 500)


def test_a_large_standard_input_arrives_whole(room: Room) -> None:
    content = os.urandom(1 << 20)
    room.run(shell("cat", stdin=content))
    assert (room.folder() / "out").read_bytes() == content


def test_without_standard_input_there_is_end_of_file(room: Room) -> None:
    room.run(shell("wc -c"))
    assert room.output().strip() == "0"


def test_a_line_of_50_mb_and_binary_output_go_to_the_file(room: Room) -> None:
    code = """if True:
        import os
        for _ in range(50):
            os.write(1, b"\\x00\\xff\\x1b[" * (1 << 18))
        os.write(2, b"e")
    """
    record = room.run(python(code))
    assert (room.folder() / "out").stat().st_size == 50 << 20
    assert (room.folder() / "err").read_bytes() == b"e"
    assert record.outcome == Ended(code=0, signal=None)


def test_cpu_time_of_the_whole_tree_is_recorded(room: Room) -> None:
    burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    record = room.run(shell(f"(sh -c '{burn}') & wait"))
    assert 0.02 < record.cpu_s < 30
    assert record.rss_max_kb > 100


def test_the_folder_is_private_and_holds_no_variable_values(room: Room) -> None:
    room.run(shell("true", API_KEY="very-secret-value"))
    folder = room.folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert b"very-secret-value" not in path.read_bytes()


@pytest.mark.parametrize("mark", ["", "short", "-dash-first", "with space in it", "new\nline-mark"])
def test_an_unusable_mark_is_refused_before_anything_is_made(room: Room, mark: str) -> None:
    with pytest.raises(ValueError, match="mark"):
        procs.launch(room.folder(), shell("true"), mark=mark, grace_s=1)
    assert not room.folder().exists()


def test_a_nul_character_is_refused(room: Room) -> None:
    with pytest.raises(ValueError, match="NUL"):
        room.launch(LaunchSpec(("true", "a\0b"), "/", ()))
