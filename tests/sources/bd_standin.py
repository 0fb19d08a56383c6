"""A stand-in for `bd`, the program of Beads: its documented command line, and its answers.

It keeps the records as JSON in the store of one of three generations, and behaves as versions of
that generation do where they differ: in the shape of answers, in options that they have not got
yet, in whether a list says what a record waits for, and in whether a refusal is an exit code. What
a test wants otherwise lies beside the records, in `conduct.json`. Only the standard library is
used: it is started as a program, too.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

GENERATIONS: dict[str, dict[str, Any]] = {
    # Bare lists which only count dependencies; refusals end with 0; no claim yet.
    "sqlite": {
        "place": "beads.db", "shape": "bare", "counts": True, "lenient": True,
        "unknown": ["--include-gates", "--include-templates", "--all", "--claim", "--append-notes"],
    },
    # Bare lists with dependencies; refusals end with 0.
    "server": {"place": "dolt/records", "shape": "bare", "lenient": True},
    # An envelope; refusals are errors.
    "embedded": {"place": "embeddeddolt/records", "shape": "items"},
}  # fmt: skip

HANG_S = 3600
OPTIONS = {
    "list": {"--all": 0, "--limit": 1, "--include-gates": 0, "--include-templates": 0},
    "show": {},
    "update": {
        "--claim": 0, "--status": 1, "--assignee": 1, "--add-label": 1, "--remove-label": 1,
        "--notes": 1, "--append-notes": 1,
    },
    "close": {"--reason": 1, "--force": 0},
}  # fmt: skip


class Refused(Exception):
    """What it says on standard error."""


def make(folder: Path, generation: str, records: Sequence[dict[str, Any]], **conduct: Any) -> None:
    """A `.beads` folder with a store of that generation."""
    place = folder / GENERATIONS[generation]["place"]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(list(records)))
    (folder / "conduct.json").write_text(json.dumps({**GENERATIONS[generation], **conduct}))


def records_in(folder: Path) -> dict[str, dict[str, Any]]:
    """The records of the store, by id."""
    place = json.loads((folder / "conduct.json").read_text())["place"]
    return {each["id"]: each for each in json.loads((folder / place).read_text())}


def add(folder: Path, record: dict[str, Any]) -> None:
    """Make one more record."""
    place = json.loads((folder / "conduct.json").read_text())["place"]
    with _store(folder / place) as records:
        records[record["id"]] = record


def calls_in(folder: Path) -> list[list[str]]:
    """The calls so far that were to change something."""
    path = folder / "calls.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [call for call in map(json.loads, lines) if {"update", "close"} & set(call)]


def answer(arguments: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """The exit code and both outputs of a call in the folder that holds `.beads`."""
    out, err = io.StringIO(), io.StringIO()
    beads = folder / ".beads"
    conduct = json.loads((beads / "conduct.json").read_text())
    with (beads / "calls.jsonl").open("a") as log:
        log.write(json.dumps(list(arguments)) + "\n")
    try:
        code = _answer(list(arguments), beads, conduct, out, err)
    except Refused as refusal:
        said = str(refusal)
        err.write(json.dumps({"error": said}) if conduct["shape"] == "items" else f"Error: {said}")
        code = 1
    return code, out.getvalue(), err.getvalue()


def _answer(arguments: list[str], beads: Path, conduct: dict[str, Any], out: Any, err: Any) -> int:
    actor = "somebody"
    if arguments[:1] == ["--actor"]:
        actor, arguments = arguments[1], arguments[2:]
    command, keys, options = _parsed(arguments, conduct)
    if command in conduct.get("hangs", ()):
        time.sleep(HANG_S)
    if command in conduct.get("fails", {}):
        raise Refused(conduct["fails"][command])
    if command in conduct.get("says", {}):
        out.write(conduct["says"][command])
        return 0
    rival = conduct.get("rival")
    if rival and any(name == "--claim" for name, _ in options):
        (beads / "conduct.json").write_text(json.dumps({**conduct, "rival": ""}))
        with _store(beads / conduct["place"]) as records:
            records[keys[0]].update(status="in_progress", assignee=rival)
    with _store(beads / conduct["place"]) as records:
        if command == "list":
            _print(_listed(records, options, conduct), conduct, out)
            return 0
        found = []
        for key in keys:
            try:
                record = records[key] if key in records else _refuse(f"no issue found: {key}")
                if command == "update":
                    _update(record, options, actor)
                elif command == "close":
                    _close(record, records, options)
                found.append(_shown(record, records) if command == "show" else record)
            except Refused as refusal:
                if not conduct.get("lenient"):
                    raise
                err.write(f"Error updating {key}: {refusal}\n")
        is_one = conduct["shape"] != "bare" and len(found) == 1
        out.write(json.dumps({"schema_version": 1, **found[0]} if is_one else found))
    if command in ("update", "close") and conduct.get("kills_after") == command:
        (beads / "conduct.json").write_text(json.dumps({**conduct, "kills_after": ""}))
        os.kill(os.getppid(), signal.SIGKILL)
    return 0


def _refuse(text: str) -> Any:
    raise Refused(text)


def _parsed(
    arguments: list[str], conduct: dict[str, Any]
) -> tuple[str, list[str], list[tuple[str, str]]]:
    command, *rest = arguments or [""]
    if command not in OPTIONS:
        raise Refused(f'unknown command "{command}" for "bd"')
    keys: list[str] = []
    options: list[tuple[str, str]] = []
    words = iter(rest)
    for word in words:
        if word == "--json":
            continue
        if not word.startswith("-"):
            keys.append(word)
        elif word in conduct.get("unknown", ()) or word not in OPTIONS[command]:
            raise Refused(f"unknown flag: {word}")
        else:
            options.append((word, next(words) if OPTIONS[command][word] else ""))
    return command, keys, options


@contextmanager
def _store(place: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """The records, alone; what was done to them counts as a whole."""
    with place.with_name("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        records = {each["id"]: each for each in json.loads(place.read_text())}
        yield records
        part = place.with_name("part")
        part.write_text(json.dumps(list(records.values())))
        part.replace(place)


def _print(records: list[dict[str, Any]], conduct: dict[str, Any], out: Any) -> None:
    shape = conduct["shape"]
    table: Any = records
    if shape != "bare":
        table = {"schema_version": conduct.get("schema", 1), shape: records}
    out.write(json.dumps(table))


def _listed(
    records: dict[str, dict[str, Any]], options: list[tuple[str, str]], conduct: dict[str, Any]
) -> list[dict[str, Any]]:
    given = dict(options)
    hides_closed = "--all" not in conduct.get("unknown", ()) and "--all" not in given
    found = [
        each
        for each in records.values()
        if not (hides_closed and each["status"] == "closed")
        and (
            "--include-gates" in given or each.get("issue_type") != "gate" or conduct.get("counts")
        )
    ]
    limit = int(given.get("--limit", 50))
    found = found[:limit] if limit else found
    counted = [{**each, "dependency_count": len(each.get("dependencies", ()))} for each in found]
    if conduct.get("counts"):
        for each in counted:
            each.pop("dependencies", None)
    return counted


def _shown(record: dict[str, Any], records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    links = [
        {**records[each["depends_on_id"]], "dependency_type": each["type"]}
        for each in record.get("dependencies", ())
        if each["depends_on_id"] in records
    ]
    return {**record, "dependencies": links}


def _update(record: dict[str, Any], options: list[tuple[str, str]], actor: str) -> None:
    for name, value in options:
        if name == "--claim":
            if record.get("assignee", "") not in ("", actor):
                raise Refused(f"already claimed by {record['assignee']}")
            if record["status"] not in ("open", "in_progress"):
                raise Refused(f"not claimable: status {record['status']}")
            record.update(status="in_progress", assignee=actor)
        elif name in ("--status", "--assignee", "--notes"):
            record[name.removeprefix("--")] = value
            if name == "--status" and value != "closed":
                record.pop("close_reason", None)
        elif name == "--append-notes":
            record["notes"] = "\n".join(filter(None, (record.get("notes", ""), value)))
        elif name == "--add-label":
            record["labels"] = [*dict.fromkeys([*record.get("labels", ()), *value.split(",")])]
        elif name == "--remove-label":
            record["labels"] = [each for each in record.get("labels", ()) if each != value]


def _close(
    record: dict[str, Any], records: dict[str, dict[str, Any]], options: list[tuple[str, str]]
) -> None:
    given = dict(options)
    before = [
        each["depends_on_id"]
        for each in record.get("dependencies", ())
        if each["type"] == "blocks"
        and records.get(each["depends_on_id"], {}).get("status") not in (None, "closed")
    ]
    if before and "--force" not in given:
        raise Refused(f"cannot close {record['id']}: blocked by open issues {before}")
    record.update(status="closed", close_reason=given.get("--reason", "Closed"))


def install(folder: Path) -> Path:
    """A folder for the PATH with the program `bd` in it."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "bd"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{Path(__file__)}" "$@"\n')
    program.chmod(0o755)
    return folder


if __name__ == "__main__":
    code, printed, complained = answer(sys.argv[1:], Path.cwd())
    sys.stdout.write(printed)
    sys.stderr.write(complained)
    sys.exit(code)
