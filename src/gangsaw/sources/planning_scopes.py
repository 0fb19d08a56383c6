"""From who owns which file to scopes, and where the files of a plan contradict one another."""

from __future__ import annotations

from dataclasses import dataclass, field

from gangsaw.sources.lines import one_line
from gangsaw.sources.planning_folder import OWNERS, PLAN, Folder, Text
from gangsaw.sources.planning_owners import Owned, Unowned
from gangsaw.sources.planning_words import several
from gangsaw.sources.protocol import About, Remark

LINES_MAX = 100
"""Paths of others that a prompt names."""


@dataclass(slots=True)
class Scope:
    """What an issue may change; where its first path stands."""

    paths: dict[str, str] = field(default_factory=dict)
    line: int = 0
    document: int = 0


def scopes_of(folder: Folder) -> dict[str, Scope]:
    """The scope of each issue that has one. File ownership counts; what a plan says of the files of
    an issue, only where that says nothing of the issue."""
    found: dict[str, Scope] = {}
    by_path: dict[str, tuple[Owned, Text]] = {}
    for text in folder.of(OWNERS, PLAN):
        for owned in text.owners:
            if isinstance(owned, Unowned):
                folder.remarks.append(
                    Remark(About.UNREAD, owned.line, owned.why, document=text.number)
                )
            else:
                _owned(folder, text, owned, by_path, found)
    for text in folder.of(PLAN):
        assert text.sections is not None
        for key, part in text.sections.parts.items():
            for odd, line in part.odd_files:
                why = f"no path from the root of the repository: {one_line(odd, 60)}"
                folder.remarks.append(Remark(About.UNREAD, line, why, document=text.number))
            for path, line in part.files:
                _planned(folder, text, key, (path, line), by_path, found)
    return found


def _owned(
    folder: Folder,
    text: Text,
    owned: Owned,
    by_path: dict[str, tuple[Owned, Text]],
    found: dict[str, Scope],
) -> None:
    keys = [key for key in owned.keys if key in folder.places]
    lost = [key for key in owned.keys if key not in folder.places]
    if lost:
        said = f"{owned.path} is owned by {several(lost)}, which is no issue of the plan"
        remedy = "give it to an issue that there is, or put that into the plan"
        folder.remarks.append(Remark(About.UNREAD, owned.line, said, remedy, document=text.number))
    elif not keys:
        said = f"{owned.path} is owned by no issue; it is in no scope"
        folder.remarks.append(Remark(About.NOTE, owned.line, said, document=text.number))
    elif len(keys) > 1:
        said = f"{owned.path} is owned by {several(keys)}: they run one after the other"
        folder.remarks.append(Remark(About.NOTE, owned.line, said, document=text.number))
    if keys:
        first, where = by_path.setdefault(owned.path, (owned, text))
        if first is not owned and set(first.keys) != set(owned.keys):
            place = folder.where(where, first.line)
            said = f"{owned.path} is owned by {several(keys)} here, by {several(first.keys)} at "
            said += f"{place}: they run one after the other"
            remedy = "let one issue own it"
            folder.remarks.append(
                Remark(About.NOTE, owned.line, said, remedy, document=text.number)
            )
    for key in keys:
        scope = found.setdefault(key, Scope(line=owned.line, document=text.number))
        scope.paths.setdefault(owned.path, owned.words)


def _planned(
    folder: Folder,
    text: Text,
    key: str,
    file: tuple[str, int],
    by_path: dict[str, tuple[Owned, Text]],
    found: dict[str, Scope],
) -> None:
    """A file that the plan itself names as one of an issue."""
    path, line = file
    known = by_path.get(path)
    if known is not None and key not in known[0].keys:
        place = folder.where(known[1], known[0].line)
        said = (
            f"{path} is among the files of {key}, but {several(known[0].keys)} owns it at {place}"
        )
        remedy = "the owner counts; write the one that is meant in both"
        folder.remarks.append(Remark(About.NOTE, line, said, remedy, document=text.number))
        return
    if known is None and (key not in found or found[key].document == text.number):
        scope = found.setdefault(key, Scope(line=line, document=text.number))
        scope.paths.setdefault(path, "")


def others_of(scopes: dict[str, Scope], key: str) -> list[str]:
    """What others own, for who works on an issue."""
    own = scopes[key].paths if key in scopes else {}
    found = []
    for other, scope in scopes.items():
        for path in scope.paths if other != key else ():
            if path not in own:
                found.append(f"{path} ({other})")
            if len(found) >= LINES_MAX:
                return found
    return found
