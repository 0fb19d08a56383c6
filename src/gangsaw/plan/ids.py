"""Task ids: safe as a branch name and as a folder name, on every file system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from gangsaw.plan.complaint import Findings, Path, kind_of, shown
from gangsaw.plan.shapes import written

ID_MAX = 80
"""Characters of an id."""

ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*"

_ID = re.compile(ID_PATTERN)


def read_id(value: Any, path: Path, findings: Findings) -> str | None:
    """The id as text, or `None` after noting why not. Whole numbers count as their text."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        findings.add(path, "has no value", "give the task a short name: id: api", on_key=True)
        return None
    if not isinstance(value, str):
        scalar = isinstance(value, (bool, float))
        remedy = (
            f'put it in quotes: "{written(value)}"' if scalar else "write a short name: id: api"
        )
        findings.add(path, f"an id must be text, not {kind_of(value)}", remedy)
        return None
    fault = _fault(value)
    if fault is None:
        return value
    findings.add(path, *fault)
    return None


def _fault(text: str) -> tuple[str, str] | None:
    """What is wrong with an id, and the remedy."""
    if _ID.fullmatch(text) and len(text) <= ID_MAX and not text.lower().endswith(".lock"):
        return None
    name = shown(text)
    if not text.strip():
        return "an id must not be empty", "give the task a short name: id: api"
    suggestion = _suggested(text)
    remedy = f"write {suggestion}" if suggestion else "use letters, digits, - _ and ."
    if ".." in text:
        return f"the id {name} holds '..'", remedy
    if len(text) > ID_MAX:
        return f"the id {name} has {len(text)} characters", f"use at most {ID_MAX}"
    if text.lower().endswith(".lock"):
        return f"the id {name} ends with .lock, which git refuses in branch names", remedy
    if text[0] in "-_.":
        return f"the id {name} begins with '{text[0]}'", remedy
    odd = next((char for char in text if not re.fullmatch(r"[A-Za-z0-9_.-]", char)), None)
    if odd is None:
        return f"the id {name} ends with a dot", remedy
    words = {" ": "a blank", "/": "a slash", "\\": "a backslash", '"': "a quote", "'": "a quote"}
    return f"the id {name} holds {words.get(odd, shown(odd))}", remedy


def legal_id(text: str) -> str:
    """The text if it is an id, or one that looks like it; empty where nothing does."""
    return text if _fault(text) is None else _suggested(text)


def _suggested(text: str) -> str:
    """A legal id that looks like the text, or nothing."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    near = re.sub(r"[^A-Za-z0-9_.]+", "-", plain)
    near = re.sub(r"\.{2,}", ".", near).strip("-_.")[:ID_MAX]
    near = re.sub(r"\.lock$", "-lock", near, flags=re.IGNORECASE)
    return near if _ID.fullmatch(near) else ""


def compare_ids(ids: Sequence[tuple[Path, str]], findings: Findings) -> None:
    """Note ids given twice, ids that differ in case only, and ids equal to an attempt's id."""
    first: dict[str, str] = {}
    for path, task in ids:
        earlier = first.get(task.casefold())
        if earlier is None:
            first[task.casefold()] = task
            continue
        if earlier == task:
            findings.add(
                path, f"the id {shown(task)} is taken by an earlier task", "rename one of them"
            )
        else:
            said = (
                f"the id {shown(task)} differs from {shown(earlier)} in upper and lower case only"
            )
            findings.add(path, said, "rename one: some file systems see no difference")
    for path, task in ids:
        owner, _, number = task.rpartition(".")
        if re.fullmatch("[1-9][0-9]*", number) and owner.casefold() in first:
            said = f"the id {shown(task)} is also the name of try {number} at task {shown(owner)}"
            findings.add(path, said, f"write {owner}-{number}")
