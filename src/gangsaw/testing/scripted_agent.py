"""A coding agent without a model: a program that does what a script in its prompt says.

    python -I scripted_agent.py [--session ID] TASK_PROMPT_FILE      (this turn's prompt on stdin)

The script stands in the task's prompt, in a fenced block that opens with ```script (several
blocks are one script; a fence of more backquotes may hold one of fewer), or after a line
`#!script`, to the end. One command a line; `#` starts a comment line; paths are relative to the
worktree. A word that starts with `"` is a JSON string, so a path may hold spaces and an OLD or
NEW newlines.

    say TEXT                      an activity for the live line
    error TEXT                    a line on standard error
    write PATH TEXT               the file's whole content is TEXT and a newline
    write PATH <<END              … or the lines up to a line END
    append PATH TEXT | <<END      likewise, at the end of the file
    replace PATH OLD => NEW       every OLD; fails if there is none
    delete PATH
    commit MESSAGE                all changes; says so if there are none
    resolve ours|theirs|union PATH    settles the conflict in a file and stages it
    run SHELL LINE                fails unless it exits 0
    expect TEXT                   fails unless this turn's prompt holds TEXT
    usage IN OUT COST             adds tokens and dollars to this turn's sum; `-` tells no cost
    ask TEXT                      a question to a person; it goes on
    message TEXT                  its own words
    tool NAME TEXT                a tool in use
    file PATH                     says that it edited a file
    request TEXT                  asks for a permission
    trouble CONDITION             says that something is wrong, and goes on
    ledger FILE                   appends a JSON line now and one when the turn ends
    sleep SECONDS
    wait PATH                     until the file is there
    hang                          silent until killed
    flood BYTES                   one line of that length
    binary BYTES                  bytes that are no text
    ansi                          colours, titles, cursor movements
    fork-daemon SECONDS           leaves a process in a session of its own
    eat …, fork-bomb …            what they do to a machine: `scripted_load`
    ignore-term                   TERM, INT and HUP no longer end it
    done TEXT                     ends with success and these words
    lie                           claims success and ends, whatever was done
    fail CODE                     says it failed, exits with CODE
    limit SECONDS                 says the usage limit is reached, for so long; exits with 1
    refuse TEXT                   says that login or model are unusable; exits with 1
    exit CODE                     ends at once without a result
    crash SIGNAL                  kills itself, for example `crash KILL`
    mood CONDITION [TEXT]         ends the turn as an agent does that is in this condition, a name
                                  of `core.conditions`: `mood quota 60` (its limit ends in 60 s),
                                  `mood answer Which colour?`, `mood late_failure 3` (exit code)

Which part runs: the first block in the script whose conditions all hold,

    on fix                        … or work, resolve, continue, test, review: the kind of turn
    on turn 2
    on attempt 2 turn 1           conditions may be joined
    end

else, in a work or continue turn, all that stands outside of blocks (a `continue` starts it
again). A turn of another kind without a block of its own does nothing and says so.

It prints one JSON object a line, a type for every note of `core.launch`. Exit codes of its own:
64 for a bad script, before anything is done; 1 when a command fails. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

if __name__ == "__main__":
    # Started by its path, and isolated: nothing else says where its own room is.
    sys.path.insert(0, str(Path(__file__).parents[2]))

from gangsaw.testing import scripted_load
from gangsaw.testing.scripted_moods import Beyond, mood, trouble
from gangsaw.testing.scripted_text import (
    WAIT_MAX_S,
    BadScript,
    Block,
    Command,
    parse,
    script_text,
)

EXIT_BAD_SCRIPT = 64
POLL_S = 0.02
WRITE_BYTES = 1 << 16
VERSION = "1.0"

_CONFLICT = re.compile(
    r"(?ms)^<{7}[^\n]*\n(?P<ours>.*?)(?:^\|{7}[^\n]*\n.*?)?^={7}\r?\n(?P<theirs>.*?)^>{7}[^\n]*\n?"
)


class CommandFailed(Exception):
    """A command of the script did not succeed; `code` is the exit code of the agent."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class Finished(Exception):
    """The script ends the turn here: with this result, or with none, and this exit code."""

    def __init__(self, code: int, result: dict[str, object] | None) -> None:
        super().__init__(code)
        self.code = code
        self.result = result


# --- doing it ----------------------------------------------------------------------------------


class Agent:
    """Carries out commands in the current folder; a method `_do_NAME` for each."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self.tokens_in = 0
        self.tokens_out = 0
        self.cost_usd = 0.0
        self.ledger: Path | None = None

    def carry_out(self, command: Command) -> None:
        """Do one command; `CommandFailed` if it does not succeed, `Finished` if it ends all."""
        getattr(self, f"_do_{command.name.replace('-', '_')}")(*command.arguments)

    def _do_say(self, text: str) -> None:
        emit("activity", text=text)

    def _do_error(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def _do_write(self, path: str, text: str, mode: str = "w") -> None:
        emit("activity", text=f"editing {path}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open(mode, encoding="utf-8") as file:
            file.write(text)

    def _do_append(self, path: str, text: str) -> None:
        self._do_write(path, text, "a")

    def _do_replace(self, path: str, old: str, new: str) -> None:
        emit("activity", text=f"editing {path}")
        text = Path(path).read_text(encoding="utf-8")
        if old not in text:
            raise CommandFailed(f"{path} does not hold {old!r}")
        Path(path).write_text(text.replace(old, new), encoding="utf-8")

    def _do_delete(self, path: str) -> None:
        emit("activity", text=f"deleting {path}")
        Path(path).unlink()

    def _do_commit(self, message: str) -> None:
        emit("activity", text=f"committing: {message}")
        self._git("add", "-A")
        merging = subprocess.run(
            ["git", "rev-parse", "-q", "--verify", "MERGE_HEAD"], stdout=subprocess.DEVNULL
        )
        staged = subprocess.run(["git", "diff", "--cached", "--quiet"])
        if staged.returncode == 0 and merging.returncode != 0:
            emit("activity", text="nothing to commit")
            return
        self._git("commit", "-q", "-m", message)

    def _do_resolve(self, side: str, path: str) -> None:
        emit("activity", text=f"resolving {path}")
        text = Path(path).read_text(encoding="utf-8") if Path(path).exists() else ""
        if _CONFLICT.search(text):
            chosen = {"ours": r"\g<ours>", "theirs": r"\g<theirs>"}
            settled = _CONFLICT.sub(chosen.get(side, r"\g<ours>\g<theirs>"), text)
            Path(path).write_text(settled, encoding="utf-8")
        elif side != "union":
            # One side deleted the file, so there are no marks: take the side, or its absence.
            taken = subprocess.run(["git", "checkout", "-q", f"--{side}", "--", path])
            if taken.returncode != 0:
                self._git("rm", "-q", "--", path)
                return
        self._git("add", "--", path)

    def _do_run(self, line: str) -> None:
        emit("activity", text=f"running: {line}")
        self._succeed(line, ["sh", "-c", line])

    def _do_expect(self, text: str) -> None:
        if text not in self.prompt:
            raise CommandFailed(f"the prompt does not hold {text!r}")

    def _do_usage(self, tokens_in: str, tokens_out: str, cost: str) -> None:
        self.tokens_in += int(tokens_in)
        self.tokens_out += int(tokens_out)
        self.cost_usd += 0.0 if cost == "-" else float(cost)
        cost_usd = None if cost == "-" else round(self.cost_usd, 6)
        emit("usage", input=self.tokens_in, output=self.tokens_out, cost=cost_usd)

    def _do_ask(self, text: str) -> None:
        emit("question", text=text)

    def _do_message(self, text: str) -> None:
        emit("message", text=text)

    def _do_tool(self, name: str, text: str) -> None:
        emit("tool", name=name, text=text)

    def _do_file(self, path: str) -> None:
        emit("file", path=str(Path(path).absolute()))

    def _do_request(self, text: str) -> None:
        emit("permission", text=text, refused=False)

    def _do_trouble(self, name: str, argument: str) -> None:
        for event in trouble(name, argument, time.time()):
            _emit_object(event)

    def _do_mood(self, name: str, argument: str) -> None:
        ending = mood(name, argument, time.time())
        for event in ending.events:
            _emit_object(event)
        _write_raw(ending.raw)
        if isinstance(ending.code, int):
            raise Finished(ending.code, ending.result)
        if ending.code is Beyond.KILLED:
            self._do_crash("SIGKILL")
        time.sleep(WAIT_MAX_S)

    def _do_done(self, text: str) -> None:
        raise Finished(0, {"ok": True, "text": text})

    def _do_ledger(self, path: str) -> None:
        self.ledger = Path(path).absolute()
        self.write_ledger("start", None)

    def _do_sleep(self, seconds: str) -> None:
        time.sleep(float(seconds))

    def _do_wait(self, path: str) -> None:
        deadline = time.monotonic() + WAIT_MAX_S
        while not Path(path).exists():
            if time.monotonic() > deadline:
                raise CommandFailed(f"{path} never came")
            time.sleep(POLL_S)

    def _do_hang(self) -> None:
        emit("activity", text="hanging")
        time.sleep(WAIT_MAX_S)

    def _do_flood(self, size: str) -> None:
        _write_pieces(int(size), lambda length: b"x" * length)

    def _do_binary(self, size: str) -> None:
        _write_pieces(int(size), random.Random(0).randbytes)

    def _do_ansi(self) -> None:
        raw = b"\x1b]0;a title\x07\x1b[1;31mred\x1b[0m\r\x1b[2K50 %\r100 %\x1b[3A\x9b31m\x07\x00\n"
        _write_raw(raw)

    def _do_fork_daemon(self, seconds: str) -> None:
        """A grandchild in a session of its own that keeps our output open, as stray ones do."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                os.write(writing, str(os.getpid()).encode())
                os.close(writing)
                time.sleep(float(seconds))
            os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading) as pipe:
            emit("activity", text=f"daemon {pipe.read()}")

    def _do_eat(self, *words: str) -> None:
        scripted_load.eat(scripted_load.eating_from(words), _say)

    def _do_fork_bomb(self, *words: str) -> None:
        scripted_load.fork_bomb(scripted_load.bomb_from(words), _say)

    def _do_ignore_term(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        emit("activity", text="ignoring TERM")

    def _do_lie(self) -> None:
        emit("activity", text="committing: all done")
        raise Finished(0, {"ok": True, "text": "All done, tests pass, committed."})

    def _do_fail(self, code: str) -> None:
        raise Finished(int(code), {"ok": False, "text": f"failing with {code} as told"})

    def _do_limit(self, seconds: str) -> None:
        until = time.time() + int(seconds)
        text = "usage limit reached"
        raise Finished(1, {"ok": False, "text": text, "outcome": "limited", "retry_at": until})

    def _do_refuse(self, text: str) -> None:
        raise Finished(1, {"ok": False, "text": text, "outcome": "refused"})

    def _do_exit(self, code: str) -> None:
        raise Finished(int(code), None)

    def _do_crash(self, name: str) -> None:
        number = signal.Signals[name]
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _git(self, *arguments: str) -> None:
        self._succeed(f"git {arguments[0]}", ["git", *arguments])

    def _succeed(self, name: str, argv: list[str]) -> None:
        # Its output must not get between our own lines.
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        if done.returncode != 0:
            raise CommandFailed(f"{name}: exit code {done.returncode}")

    def write_ledger(self, mark: str, code: int | None) -> None:
        """One line, in one write to a file opened for append: lines of many agents stay whole.
        Nothing where the script has no ledger."""
        if self.ledger is None:
            return
        line = {
            "mark": mark,
            "pid": os.getpid(),
            "run": os.environ.get("GANGSAW_RUN", ""),
            "task": os.environ.get("GANGSAW_TASK", ""),
            "attempt": os.environ.get("GANGSAW_ATTEMPT", ""),
            "turn": int(os.environ.get("GANGSAW_TURN", "1")),
            "kind": os.environ.get("GANGSAW_TURN_KIND", "work"),
            "at": time.time(),
            "code": code,
        }
        raw = json.dumps(line).encode() + b"\n"
        file = os.open(self.ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, raw)
        finally:
            os.close(file)


def _say(text: str) -> None:
    emit("activity", text=text)


def emit(kind: str, **fields: object) -> None:
    """Print one event."""
    _emit_object({"type": kind, **fields})


def _emit_object(event: dict[str, object]) -> None:
    _write_raw(json.dumps(event).encode() + b"\n")


def _write_raw(raw: bytes) -> None:
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


def _write_pieces(size: int, piece: Callable[[int], bytes]) -> None:
    """Write `size` bytes piece by piece, then a newline."""
    while size > 0:
        length = min(size, WRITE_BYTES)
        sys.stdout.buffer.write(piece(length))
        size -= length
    _write_raw(b"\n")


def run_part(agent: Agent, part: Block) -> int:
    """Carry out a part of the script, say the result, return the exit code."""
    ending = Finished(0, {"ok": True, "text": "done"})
    try:
        for command in part.commands:
            try:
                agent.carry_out(command)
            except (OSError, scripted_load.LoadFailed) as error:
                raise CommandFailed(f"script line {command.line}: {error}") from error
    except CommandFailed as failure:
        ending = Finished(failure.code, {"ok": False, "text": failure.text})
    except Finished as finished:
        ending = finished
    agent.write_ledger("stop", ending.code)
    if ending.result is not None:
        emit("result", **ending.result)
    return ending.code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the part of the script that this turn asks for."""
    parser = argparse.ArgumentParser(prog="scripted_agent")
    parser.add_argument("--session", default="")
    parser.add_argument("task_prompt_file", type=Path)
    options = parser.parse_args(arguments)
    prompt = sys.stdin.buffer.read().decode("utf-8", "replace")
    text = script_text(options.task_prompt_file.read_text(encoding="utf-8", errors="replace"))
    if text is None:
        print("no script in the prompt: it needs a ```script block", file=sys.stderr)
        return EXIT_BAD_SCRIPT
    try:
        script = parse(text)
    except BadScript as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_SCRIPT
    emit("started", version=VERSION)
    emit("session", session=options.session)
    turn = int(os.environ.get("GANGSAW_TURN", "1"))
    attempt = int(os.environ.get("GANGSAW_ATTEMPT", ".1").rpartition(".")[2])
    kind = os.environ.get("GANGSAW_TURN_KIND", "work")
    part = script.part_for(turn, attempt, kind)
    if part is None:
        emit("activity", text=f"the script has no part for this {kind} turn")
    return run_part(Agent(prompt), part or Block())


if __name__ == "__main__":
    sys.exit(main())
