"""Marks of ours, set anew on another version of their file: for every dialect of the corpus, and
only where that is all that a file differs by."""

from __future__ import annotations

import pytest

from gangsaw.core.errors import UserError
from gangsaw.sources import NAMES, Dialect, Document, Report, Standing, dialect
from gangsaw.sources.carrying import Said, carried
from gangsaw.sources.place import BOM
from gangsaw.sources.writing import with_edits
from tests.sources.corpus import COMMIT, cases

TODO = "# Home\r\n\r\n- [ ] wash\r\n- [ ] dry  \r\n- [ ] fold\r\n"
TICKED = TODO.replace("[ ] wash", "[x] wash")
DONE = {"wash": (Report("wash", Standing.DONE),), "dry": (), "fold": ()}


def said_in(kind: Dialect, text: str, *reports: Report) -> str:
    """The text after these were written, one after another as a run does it."""
    for report in reports:
        text = with_edits(text, kind.edits(Document("it", text), [report]).edits)
    return text


def went(kind: Dialect, said: Said, old: str, new: str, now: str) -> str | None:
    found = carried(kind, "it", said, old.encode(), new.encode(), now.encode())
    return None if found is None else found.decode()


def open_in(kind: Dialect, text: str) -> list[str]:
    """The open records; none where a key is taken twice."""
    items = kind.read([Document("it", text)]).items
    if len({item.key for item in items}) < len(items):
        return []
    return [item.key for item in items if item.standing is Standing.OPEN]


def files_of_three(name: str) -> list[tuple[str, list[str]]]:
    """The texts of the corpus that have three open records of their own, and those."""
    found = []
    for case in cases(name):
        try:
            texts = [text.text for text in case.texts()]
        except UserError:
            continue
        found += [(text, open_in(case.dialect, text)) for text in texts]
    return [(text, keys) for text, keys in found if len(keys) >= 3]


def done(key: str) -> Report:
    return Report(key, Standing.DONE, COMMIT, at=1_700_000_000.0, holder="gangsaw")


def running(key: str) -> Report:
    return Report(key, Standing.RUNNING, phase="working", at=1_700_000_000.0, holder="gangsaw")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("backlog",)])
def test_marks_of_every_dialect_go_along(name: str) -> None:
    """The first record was done, and its agent says so, too; the second is at work."""
    kind, files = dialect(name), files_of_three(name)
    assert files
    for text, (first, second, *rest) in files:
        marked = said_in(kind, text, running(first), done(first), running(second))
        comes = said_in(kind, text, Report(first, Standing.DONE, COMMIT))
        said = dict.fromkeys(rest, ()) | {first: (done(first),), second: (running(second),)}
        result = went(kind, said, text, comes, marked)
        assert result == said_in(kind, comes, done(first), running(second))
        # As after a kill between the file and the branch.
        assert went(kind, said, text, comes, result) == result


def test_one_record_a_file_goes_along() -> None:
    """Of Backlog.md, where each record is a file of its own."""
    kind = dialect("backlog")
    cases_here = [case for case in cases("backlog") if case.path.is_dir()]
    texts = [text.text for case in cases_here for text in case.texts()]
    found = [(text, open_in(kind, text)) for text in texts]
    assert sum(len(keys) == 1 for _, keys in found) > 3
    for text, keys in found:
        for key in keys:
            marked = said_in(kind, text, running(key), done(key))
            comes = text + "\nMore of it.\n"
            result = went(kind, {key: (done(key),)}, text, comes, marked)
            assert result == said_in(kind, comes, done(key))


def test_what_comes_has_its_own_ends_of_lines_and_marks() -> None:
    comes = BOM.decode() + TODO.replace("\r\n", "\n").replace("[ ] fold", "[X] fold")
    result = went(dialect("checklist"), DONE, TODO, comes, TICKED)
    assert result == comes.replace("[ ] wash", "[X] wash")


@pytest.mark.parametrize(
    "now",
    [
        TICKED + "mine\r\n",
        TICKED.replace("dry  ", "dry"),
        TICKED.replace("[ ] dry", "[X] dry"),
        TICKED.replace("wash", "scrub"),
        TICKED.replace("- [ ] fold\r\n", ""),
        TICKED.replace("\r\n", "\n"),
        BOM.decode() + TICKED,
        TICKED + "\udcff",
    ],
)
def test_what_somebody_else_wrote_is_no_mark(now: str) -> None:
    comes = TODO + "- [ ] iron\r\n"
    old, new = TODO.encode(), comes.encode()
    content = now.encode("utf-8", "surrogateescape")
    assert carried(dialect("checklist"), "it", DONE, old, new, content) is None


def test_nothing_is_certain_of_a_key_that_is_there_twice() -> None:
    kind = dialect("workstreams")
    case = next(case for case in cases("workstreams") if case.path.name == "10-duplicates.json")
    text = case.texts()[0].text
    keys = [item.key for item in kind.read(case.texts()).items]
    twice = next(key for key in keys if keys.count(key) > 1)
    now = said_in(kind, text, Report(twice, Standing.DONE))
    assert now != text
    said = dict.fromkeys(keys, ()) | {twice: (Report(twice, Standing.DONE),)}
    assert went(kind, said, text, text + "\n", now) is None


def test_a_tick_that_may_be_somebody_elses_goes_along_or_stops_it() -> None:
    kind = dialect("checklist")
    now = TICKED.replace("[ ] dry", "[x] dry")
    comes = TODO + "- [ ] iron\r\n"
    assert went(kind, DONE, TODO, comes, now) == now + "- [ ] iron\r\n"
    assert went(kind, DONE, TODO, comes.replace("[ ] dry", "[-] dry"), now) is None
    assert went(kind, DONE, TODO, comes.replace("- [ ] dry  \r\n", ""), now) is None


def test_what_comes_is_not_taken_back() -> None:
    """An older mark of ours that was committed, and is open again by what comes."""
    kind = dialect("checklist")
    said = {**DONE, "dry": (Report("dry", Standing.DONE),)}
    now = TICKED.replace("[ ] dry", "[x] dry")
    assert went(kind, said, TICKED, TODO, now) == TODO.replace("[ ] dry", "[x] dry")
    comes = TICKED.replace("[ ] dry", "[-] dry")
    assert went(kind, said, TICKED, comes, now) == comes
