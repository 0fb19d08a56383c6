"""A coding agent without a model: a program that does what a script in its prompt says.

    python -I scripted_agent.py [--session ID] TASK_PROMPT_FILE      (this turn's prompt on stdin)

The script stands in the task's prompt, in a fenced block that opens with ```script (several
blocks are one script; a fence of more backquotes may hold one of fewer), or after a line
`#!script`, to the end. One command a line; `#` starts a comment line; paths are relative to the
worktree. A word that starts with `"` is a JSON string, so a path may hold spaces and an OLD or
NEW newlines.

    say TEXT                      an activity for the live line
    write PATH TEXT               the file's whole content is TEXT and a newline
    write PATH <<END              … or the lines up to a line END
    append PATH TEXT | <<END      likewise, at the end of the file
    replace PATH OLD => NEW       every OLD; fails if there is none
    delete PATH
    commit MESSAGE                all changes; says so if there are none
    resolve ours|theirs|union PATH    settles the conflict in a file and stages it
    run SHELL LINE                fails unless it exits 0
    expect TEXT                   fails unless this turn's prompt holds TEXT
    usage IN OUT COST             adds tokens and dollars to this turn's sum
    ask TEXT                      a question to a person
    ledger FILE                   appends a JSON line now and one when the turn ends
    sleep SECONDS
    wait PATH                     until the file is there
    hang                          silent until killed
    flood BYTES                   one line of that length
    binary BYTES                  bytes that are no text
    ansi                          colours, titles, cursor movements
    fork-daemon SECONDS           leaves a process in a session of its own
    ignore-term                   TERM, INT and HUP no longer end it
    lie                           claims success and ends, whatever was done
    fail CODE                     says it failed, exits with CODE
    limit SECONDS                 says the usage limit is reached, for so long; exits with 1
    refuse TEXT                   says that login or model are unusable; exits with 1
    exit CODE                     ends at once without a result
    crash SIGNAL                  kills itself, for example `crash KILL`

Which part runs: the first block in the script whose conditions all hold,

    on fix                        … or work, resolve, continue: the kind of turn
    on turn 2
    on attempt 2 turn 1           conditions may be joined
    end

else, in a work or continue turn, all that stands outside of blocks (a `continue` starts it
again). A fix or resolve turn without a block of its own does nothing and says so.

It prints one JSON object a line: session, activity, usage, question, result. Exit codes of its
own: 64 for a bad script, before anything is done; 1 when a command fails. Standard library only.
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
from dataclasses import dataclass, field
from pathlib import Path

EXIT_BAD_SCRIPT = 64
# Nothing here lasts longer than this, though nobody ends it.
WAIT_MAX_S = 3600.0
POLL_S = 0.02
WRITE_BYTES = 1 << 16

KINDS = ("work", "fix", "resolve", "continue")
_OPENING = re.compile(r"(?m)^[ \t]*(`{3,})script[ \t]*\n")
_PLAIN_OPENING = re.compile(r"(?m)^#!script[ \t]*\n")
_CONFLICT = re.compile(
    r"(?ms)^<{7}[^\n]*\n(?P<ours>.*?)(?:^\|{7}[^\n]*\n.*?)?^={7}\r?\n(?P<theirs>.*?)^>{7}[^\n]*\n?"
)


class BadScript(Exception):
    """A line of the script that is not understood."""

    def __init__(self, number: int, line: str, problem: str) -> None:
        super().__init__(f"script line {number}: {problem}: {line.strip()}")


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


@dataclass(frozen=True)
class Command:
    """One parsed line."""

    line: int
    name: str
    arguments: tuple[str, ...]


@dataclass
class Block:
    """Commands under conditions; the main part has none."""

    turn: int | None = None
    attempt: int | None = None
    kind: str | None = None
    commands: list[Command] = field(default_factory=list)

    def holds(self, turn: int, attempt: int, kind: str) -> bool:
        """Whether all its conditions do."""
        pairs = ((self.turn, turn), (self.attempt, attempt), (self.kind, kind))
        return all(wanted in (None, given) for wanted, given in pairs)


@dataclass
class Script:
    """The main part and the conditional blocks, in the order of the text."""

    main: Block = field(default_factory=Block)
    blocks: list[Block] = field(default_factory=list)

    def part_for(self, turn: int, attempt: int, kind: str) -> Block | None:
        """What runs in this turn; `None` where the script says nothing of it."""
        for block in self.blocks:
            if block.holds(turn, attempt, kind):
                return block
        return self.main if kind in ("work", "continue") else None


# --- reading the script ------------------------------------------------------------------------


def script_text(prompt: str) -> str | None:
    """The script within a prompt, or `None`."""
    parts = []
    position = 0
    while (opening := _OPENING.search(prompt, position)) is not None:
        closing = re.compile(rf"(?m)^[ \t]*{opening[1]}`*[ \t]*$").search(prompt, opening.end())
        position = closing.end() if closing else len(prompt)
        parts.append(prompt[opening.end() : closing.start() if closing else position])
    if parts:
        return "".join(parts)
    plain = _PLAIN_OPENING.search(prompt)
    return prompt[plain.end() :] if plain else None


def parse(text: str) -> Script:
    """The script; `BadScript` names the first line that is not understood."""
    script = Script()
    block = script.main
    lines = text.splitlines()
    position = 0
    while position < len(lines):
        number, line = position + 1, lines[position]
        position += 1
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        if words == "end":
            if block is script.main:
                raise BadScript(number, line, "no block is open here")
            block = script.main
        elif words.split()[0] == "on":
            if block is not script.main:
                raise BadScript(number, line, "the block before has no end")
            block = _conditions(number, line)
            script.blocks.append(block)
        else:
            command, position = _command(number, lines, position)
            block.commands.append(command)
    if block is not script.main:
        raise BadScript(len(lines), lines[-1], "the last block has no end")
    return script


def _conditions(number: int, line: str) -> Block:
    block = Block()
    words = iter(line.split()[1:])
    for word in words:
        if word in KINDS:
            block.kind = word
        elif word in ("turn", "attempt"):
            count = next(words, "")
            if not (count.isascii() and count.isdigit()):
                raise BadScript(number, line, f"{word} needs a number")
            setattr(block, word, int(count))
        else:
            raise BadScript(number, line, f"unknown condition {word!r}")
    if block == Block():
        raise BadScript(number, line, "on needs a condition")
    return block


def _command(number: int, lines: list[str], position: int) -> tuple[Command, int]:
    """The command on line `number` and the position of the line after it."""
    line = lines[number - 1]
    name, _, rest = line.strip().partition(" ")
    if name not in SHAPES:
        raise BadScript(number, line, "unknown command")
    try:
        if name in ("write", "append"):
            path, text = _word(rest)
            here = re.fullmatch(r"<<(\w+)", text)
            if here is not None:
                stop = next(
                    (at for at in range(position, len(lines)) if lines[at].strip() == here[1]), None
                )
                if stop is None:
                    raise ValueError(f"no line {here[1]} ends it")
                text = "".join(f"{part}\n" for part in lines[position:stop])
                position = stop + 1
            else:
                text += "\n"
            return Command(number, name, (path, text)), position
        return Command(number, name, tuple(SHAPES[name](rest.strip()))), position
    except ValueError as error:
        raise BadScript(number, line, str(error)) from error


def _word(text: str) -> tuple[str, str]:
    """The first word (or JSON string) of a text, and the rest."""
    text = text.strip()
    if text.startswith('"'):
        word, end = json.JSONDecoder().raw_decode(text)
        return str(word), text[end:].strip()
    word, _, rest = text.partition(" ")
    if not word:
        raise ValueError("something is missing")
    return word, rest.strip()


def _nothing(text: str) -> list[str]:
    if text:
        raise ValueError("takes no argument")
    return []


def _text(text: str) -> list[str]:
    if not text:
        raise ValueError("needs a text")
    return [text]


def _path(text: str) -> list[str]:
    word, rest = _word(text)
    if rest:
        raise ValueError("takes one path")
    return [word]


def _integer(text: str) -> list[str]:
    if int(text) < 0:
        raise ValueError("needs a number from 0 up")
    return [text]


def _number(text: str) -> list[str]:
    if not 0 <= float(text) <= WAIT_MAX_S:
        raise ValueError(f"needs a number from 0 to {WAIT_MAX_S:.0f}")
    return [text]


def _signal(text: str) -> list[str]:
    name = "SIG" + text.removeprefix("SIG")
    if name not in signal.Signals.__members__ or name == "SIGSTOP":
        raise ValueError("unknown signal")
    return [name]


def _usage(text: str) -> list[str]:
    words = text.split()
    if len(words) != 3:
        raise ValueError("needs IN OUT COST")
    int(words[0]), int(words[1]), float(words[2])
    return words


def _replacement(text: str) -> list[str]:
    path, rest = _word(text)
    if rest.startswith('"'):
        old, rest = _word(rest)
        arrow, new = rest[:2], rest[2:].strip()
    else:
        old, arrow, new = (part.strip() for part in rest.partition("=>"))
    if arrow != "=>" or not old:
        raise ValueError("needs PATH OLD => NEW")
    return [path, old, _word(new)[0] if new.startswith('"') else new]


def _settlement(text: str) -> list[str]:
    side, rest = _word(text)
    if side not in ("ours", "theirs", "union"):
        raise ValueError("needs ours, theirs or union")
    return [side, *_path(rest)]


SHAPES: dict[str, Callable[[str], list[str]]] = {
    "say": _text,
    "write": _text,
    "append": _text,
    "replace": _replacement,
    "delete": _path,
    "commit": _text,
    "resolve": _settlement,
    "run": _text,
    "expect": _text,
    "usage": _usage,
    "ask": _text,
    "ledger": _path,
    "sleep": _number,
    "wait": _path,
    "hang": _nothing,
    "flood": _integer,
    "binary": _integer,
    "ansi": _nothing,
    "fork-daemon": _number,
    "ignore-term": _nothing,
    "lie": _nothing,
    "fail": _integer,
    "limit": _integer,
    "refuse": _text,
    "exit": _integer,
    "crash": _signal,
}


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
        self.cost_usd += float(cost)
        cost_usd = round(self.cost_usd, 6)
        emit("usage", input=self.tokens_in, output=self.tokens_out, cost=cost_usd)

    def _do_ask(self, text: str) -> None:
        emit("question", text=text)

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


def emit(kind: str, **fields: object) -> None:
    """Print one event."""
    _write_raw(json.dumps({"type": kind, **fields}).encode() + b"\n")


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
            except OSError as error:
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
