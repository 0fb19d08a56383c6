#!/usr/bin/env python3
"""Install the real programs that tests drive, pinned exactly: agents, and those that task files
are of.

    python tests/e2e/install.py                all of them
    python tests/e2e/install.py claude codex   only these
    python tests/e2e/install.py --list         what is there, without installing anything

Each one has a folder of pins in `tests/e2e/clis` (agents) or `tests/e2e/programs`: a
`package-lock.json`, or a `requirements.txt` for a virtual environment of its own. They go to
`tests/e2e/installed`, or to the folder that `GANGSAW_CLIS` names, which several clones may share.
What is there already is left alone. One that cannot be installed is said, and does not keep the
others from it. Standard library only.

Exit code 0: all that was asked for is there; 1: something is not; 2: usage.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PINS = HERE / "clis"
PROGRAMS = HERE / "programs"
INSTALL_MAX_S = 600.0
START_MAX_S = 120.0
REASON_CHARS = 300
AT_ONCE = 2

TIER_ONE = ("claude", "codex")
"""Those without which a run of all tests has not shown enough."""


@dataclass(frozen=True, slots=True)
class Found:
    """An agent program: where it is and how big, or why it is not there."""

    name: str
    program: Path | None
    text: str


class NotInstalled(Exception):
    """Why one is not there, in words for a person."""


def names() -> list[str]:
    """All agent programs that have pins, the most important ones first."""
    found = sorted(folder.name for folder in PINS.iterdir() if folder.is_dir())
    return [*TIER_ONE, *(name for name in found if name not in TIER_ONE)]


def programs() -> list[str]:
    """The programs of task files that have pins."""
    return sorted(folder.name for folder in PROGRAMS.iterdir() if folder.is_dir())


def pins_of(name: str) -> Path:
    """The folder with the pins of a program."""
    return (PROGRAMS if (PROGRAMS / name).is_dir() else PINS) / name


def root() -> Path:
    """Where the programs go."""
    return Path(os.environ.get("GANGSAW_CLIS") or HERE / "installed").absolute()


def ensure(name: str, *, install: bool = True) -> Found:
    """One program, installed now if it is not there; several processes may ask at once."""
    folder = root() / name
    root().mkdir(parents=True, exist_ok=True)
    with (root() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / "stamp"
        if stamp.exists() and stamp.read_text() == _wanted(name):
            return Found(name, _program(name), "there already")
        if not install:
            return Found(name, None, "not installed; try: python tests/e2e/install.py " + name)
        began = time.monotonic()
        try:
            _install(name, folder)
        except NotInstalled as reason:
            shutil.rmtree(folder, ignore_errors=True)
            return Found(name, None, str(reason))
        stamp.write_text(_wanted(name))
        took = f"installed in {time.monotonic() - began:.0f} s, {_megabytes(folder)} MB"
        return Found(name, _program(name), took)


def version_of(name: str) -> str:
    """The pinned version."""
    if _is_python(name):
        line = (pins_of(name) / "requirements.in").read_text().split()[0]
        return line.partition("==")[2]
    text = (pins_of(name) / "package.json").read_text()
    return text.partition('"dependencies"')[2].split('"')[3]


def _is_python(name: str) -> bool:
    return (pins_of(name) / "requirements.txt").exists()


def _wanted(name: str) -> str:
    """What an install was made from."""
    pins = "requirements.txt" if _is_python(name) else "package-lock.json"
    digest = hashlib.sha256((pins_of(name) / pins).read_bytes()).hexdigest()[:16]
    python = platform.python_version() if _is_python(name) else ""
    return " ".join([digest, sys.platform, platform.machine(), python]) + "\n"


def _program(name: str) -> Path:
    folder = "venv/bin" if _is_python(name) else "node_modules/.bin"
    return root() / name / folder / name


def _install(name: str, folder: Path) -> None:
    """Install anew from the pins. Raises `NotInstalled`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if _is_python(name):
        venv = folder / "venv"
        _do([sys.executable, "-m", "venv", str(venv)], folder)
        options = ["-q", "--no-input", "--no-compile", "--disable-pip-version-check"]
        # The pins are complete, so nothing has to be resolved.
        pins = ("--no-deps", "--require-hashes", "-r", str(pins_of(name) / "requirements.txt"))
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", *options, *pins]
        _do(pip, folder)
    else:
        npm = shutil.which("npm")
        if npm is None:
            raise NotInstalled("there is no npm here; try to install Node.js with npm")
        shutil.copytree(pins_of(name), folder, dirs_exist_ok=True)
        # Not `npm ci`: it refuses a lock file that leaves out packages for other platforms.
        _do([npm, "install", "--no-save", "--no-audit", "--no-fund", "--no-progress"], folder)
    # One that cannot start, for example because its binary was left out, is not there.
    _do([str(_program(name)), "--help" if name == "mini" else "--version"], folder, START_MAX_S)


def _do(argv: list[str], folder: Path, max_s: float = INSTALL_MAX_S) -> None:
    """Run a command to its end. Raises `NotInstalled` with the end of what it said."""
    what = f"`{Path(argv[0]).name} {' '.join(argv[1:3])}`"
    try:
        done = subprocess.run(
            argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=max_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{what} took longer than {max_s:.0f} s") from None
    except OSError as error:
        raise NotInstalled(f"{what} cannot be started: {error}") from None
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        said = " ".join(" ".join(line for line in lines if "warn" not in line).split())
        raise NotInstalled(f"{what} ended with code {done.returncode}: {said[:REASON_CHARS]}")


def _megabytes(folder: Path) -> int:
    """What it takes on the disk; a file with two names counts once."""
    files = (os.path.join(at, name) for at, _, inside in os.walk(folder) for name in inside)
    sizes = {found.st_ino: found.st_blocks * 512 for found in map(os.lstat, files)}
    return sum(sizes.values()) // 1_000_000


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="install.py", description="Install pinned programs.")
    parser.add_argument("names", nargs="*", choices=[*names(), *programs(), []], metavar="NAME")
    parser.add_argument("--list", action="store_true", help="install nothing")
    options = parser.parse_args()
    missing = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        every = options.names or [*names(), *programs()]
        for found in pool.map(lambda name: ensure(name, install=not options.list), every):
            missing += found.program is None
            state = found.text if found.program else f"NOT AVAILABLE: {found.text}"
            print(f"e2e: {found.name} {version_of(found.name)}: {state}", flush=True)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
