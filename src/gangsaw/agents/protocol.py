"""What every agent adapter offers, and what it may know about a turn.

An adapter turns a `TurnBrief` into a `LaunchSpec`, and output bytes into notes. It is pure: it
opens no file and starts nothing. Engines depend on this module; adapters implement it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gangsaw.core.launch import Ended, LaunchSpec, Note, TurnOutcome
from gangsaw.core.model import TurnKind
from gangsaw.core.ports import Ports
from gangsaw.core.settings import AgentSettings

Variables = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TurnBrief:
    """What an adapter may know about one turn.

    `prompt` is the rendered prompt of this turn and `prompt_file` the path where the engine
    stored it; `task_prompt_file` holds the task's own prompt, unrendered. `session` is the
    session of this attempt if one is known. `ambient` is the environment allowed through
    (made by `allowed_environment`), `task_env` the variables of the task. `readonly`: the turn is
    to look and to judge, and must be kept from writing as far as the program can be told so.
    `git_dirs`: the git folders of the worktree (its own and the repository's), for a program whose
    sandbox has to be told of them; empty for a folder that is none.
    `token` proves to the run that a request comes from this attempt, and `control` is the folder
    where it is put; both are empty for a turn that has nothing to say. `ports` are the attempt's
    own.
    """

    run: str
    task: str
    attempt: str
    turn: int
    kind: TurnKind
    prompt: str
    prompt_file: str
    task_prompt_file: str
    worktree: str
    model: str | None = None
    session: str | None = None
    ambient: Variables = ()
    task_env: Variables = ()
    readonly: bool = False
    git_dirs: tuple[str, ...] = ()
    token: str = ""
    control: str = ""
    ports: Ports | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """What is known of a coding program without starting a turn.

    `tested` are the versions the adapter is proven with (`(from, below)`, dotted numbers).
    `install` and `sign_in` are commands for a person. One variable of `keys`, or one file of
    `key_files` (below HOME), is a sign of being signed in. `node_min` is the Node.js major version
    that the newest versions ask for, 0 where Node.js does not matter. `traps` are known troubles
    a person should hear of, a sentence each. With `idle_args` it starts as for work and waits on
    its standard input for a prompt; empty where no such way is known.
    """

    name: str
    version_args: tuple[str, ...] = ("--version",)
    tested: tuple[str, str] = ("", "")
    install: str = ""
    sign_in: str = ""
    keys: tuple[str, ...] = ()
    key_files: tuple[str, ...] = ()
    node_min: int = 0
    traps: tuple[str, ...] = ()
    idle_args: tuple[str, ...] = ()


class Reader(Protocol):
    """Reads the standard output of one turn; one object per turn, fed in order, no I/O.

    No bytes whatever make it raise. Feeding the same bytes again to a fresh reader gives the
    same notes, however they are cut, so a reader can be rebuilt from the output file.
    """

    @property
    def ignored_lines(self) -> int:
        """How many lines were malformed or longer than `lines.MAX_LINE_BYTES`."""
        ...

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes that the next bytes of output complete. A last line without its newline
        is completed by `feed(b"\\n")` once the process has ended."""
        ...

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """What the end of the process means, together with all that was fed. The caller knows
        better when it sent the signal itself."""
        ...


class Adapter(Protocol):
    """One kind of agent. `resumes`: a session can be taken up again by a later turn.
    `variables`: patterns of the environment variables this kind needs besides the usual ones
    (shell patterns; one that starts with `!` takes a name out again)."""

    @property
    def kind(self) -> str: ...

    @property
    def resumes(self) -> bool: ...

    @property
    def program(self) -> Program | None:
        """What is known of the program; `None` where the settings name any program."""
        ...

    @property
    def variables(self) -> tuple[str, ...]: ...

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The process of this turn, its whole environment included. `UserError` when the
        settings do not suffice."""
        ...

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec | None:
        """The program for a person at a terminal, in the worktree and on the attempt's session
        where that can be taken up; `None` where the kind has no such form."""
        ...

    def reader(self, brief: TurnBrief) -> Reader:
        """A fresh reader for this turn's output."""
        ...
