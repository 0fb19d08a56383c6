"""Where records stand, told to `bd`: claimed, labelled, noted, closed.

Each time all records are listed first, and only what they do not say yet is told; so a call may be
repeated, whatever a kill has cut short. Then they are listed again: several versions end with 0
although they refused. A record is claimed with `--claim`, which of two that claim gives it to one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.sources.beads_bd import (
    SHOWN,
    as_lines,
    completed,
    heard,
    is_key,
    listed,
    reason_in,
    unknown_option,
)
from gangsaw.sources.beads_epics import epics_of
from gangsaw.sources.beads_house import House, house_of, standing_of
from gangsaw.sources.beads_records import Record, records_of
from gangsaw.sources.beads_words import CLOSED_EPIC, PREFIX, STATUS, phase_of, reason_of
from gangsaw.sources.programs import Answered, Ask
from gangsaw.sources.protocol import Dialect, Document, Report, Standing
from gangsaw.sources.writing import Unwritten, Wish, Written, granted

OLDER_MAX = 3
"""How often a call is made anew in words of older versions."""

_SETTLED = (Standing.DONE, Standing.DROPPED)


@dataclass(slots=True)
class _Round:
    """One round of telling: what was told, which records we tried to claim, and what `bd` said of
    its troubles, which may be no more than a warning."""

    is_changed: bool = False
    claimed: set[str] = field(default_factory=set)
    troubles: dict[str, str] = field(default_factory=dict)
    is_settling: bool = False
    """Whether a record is closed, or was: then epics may follow."""


def tell(ask: Ask, folder: Path, kind: Dialect, wishes: Sequence[Wish]) -> Written | Unwritten:
    """See `programs.Program`."""
    records = listed(ask, folder)[0]
    house = house_of([records_of(as_lines(records))])
    there = [wish for wish in wishes if wish.report.key in house.records]
    if any(house.records[wish.report.key].status == "blocked" for wish in there):
        records = completed(ask, folder, records)
    items = {item.key: item for item in kind.read([Document(SHOWN, as_lines(records))]).items}
    reports, kept = granted(items, there)
    missing = [wish.report.key for wish in wishes if wish.report.key not in house.records]
    touched = {each.key: each for each in reports if each.standing in STATUS}
    done = _Round()
    for key, report in touched.items():
        record = house.records[key]
        now = standing_of(record, house)
        done.is_settling |= now in _SETTLED or report.standing in _SETTLED
        for call in _calls(record, report, now):
            done.is_changed = True
            if "--claim" in call:
                done.claimed.add(key)
            if not _told(ask, folder, call, record, report, done):
                break
    if done.is_changed or done.is_settling:
        trouble = _followed(ask, folder, touched, done, kept, missing)
        if trouble:
            return Unwritten(trouble)
    return Written(done.is_changed, tuple(kept), tuple(missing))


def _followed(
    ask: Ask, folder: Path, touched: dict[str, Report], done: _Round,
    kept: list[tuple[str, Standing]], missing: list[str],
) -> str:  # fmt: skip
    """See what came of it, and have the epics follow; what is not as it was told, if anything."""
    records = listed(ask, folder)[0]
    if done.is_settling:
        records = completed(ask, folder, records)
    house = house_of([records_of(as_lines(records))])
    for key, report in list(touched.items()):
        record = house.records.get(key)
        if record is None:
            missing.append(key)
            del touched[key]
            continue
        now = standing_of(record, house)
        if key in done.claimed and _is_anothers(record, report):
            kept.append((key, now))
            del touched[key]
            continue
        trouble = done.troubles.get(key, "")
        if record.status != STATUS[report.standing]:
            return trouble or f"bd was told of {key}, and has it as {record.status} all the same"
        if trouble and any(_calls(record, report, now)):
            return trouble
    for call in _epic_calls(house, touched) if done.is_settling else ():
        done.is_changed = True
        if not _told(ask, folder, call, house.records[call[1]], None, done):
            return done.troubles[call[1]]
    return ""


def _is_anothers(record: Record, report: Report) -> bool:
    """Whether somebody else has the record that we tried to claim."""
    return record.text("assignee").strip() not in ("", report.holder)


def _epic_calls(house: House, touched: dict[str, Report]) -> Iterator[tuple[str, ...]]:
    now = {key: standing_of(record, house) for key, record in house.records.items()}
    for epic, report in epics_of(house, now, touched):
        if report.standing is Standing.DONE:
            yield ("close", epic.key, "--reason", CLOSED_EPIC)
        else:
            yield ("update", epic.key, "--status", STATUS[Standing.OPEN])


# --- calls -------------------------------------------------------------------------------------


def _calls(record: Record, report: Report, now: Standing) -> Iterator[tuple[str, ...]]:
    """The calls by which a record that stands at `now` says the report; none if it does."""
    is_same = report.standing is now
    if report.standing not in STATUS or (is_same and not (report.phase or report.note)):
        return
    options = [*_status(record, report, is_same), *_labels(record, report)]
    if report.note and report.note not in record.text("notes").split("\n"):
        options += ["--append-notes", report.note]
    if options:
        yield ("update", record.key, *options)
    if report.standing is Standing.DONE and not is_same:
        yield ("close", record.key, "--reason", reason_of(report))


def _status(record: Record, report: Report, is_same: bool) -> list[str]:
    holder, assignee = report.holder, record.text("assignee").strip()
    if report.standing is Standing.RUNNING:
        if holder and not assignee and record.status == "open":
            return ["--claim"]  # of nothing else: what is called blocked is none to claim
        status = [] if is_same else ["--status", STATUS[Standing.RUNNING]]
        return [*status, "--assignee", holder] if holder and not assignee else status
    if report.standing is Standing.OPEN and not is_same:
        given_back = ["--assignee", ""] if holder and assignee == holder else []
        return ["--status", STATUS[Standing.OPEN], *given_back]
    return []


def _labels(record: Record, report: Report) -> list[str]:
    phase = phase_of(report)
    wanted = f"{PREFIX}{phase}" if phase else ""
    options = ["--add-label", wanted] if wanted and wanted not in record.labels else []
    for label in record.labels:
        # A comma would be taken for two labels.
        if label.startswith(PREFIX) and label != wanted and "," not in label:
            options += ["--remove-label", label]
    return options


def _told(
    ask: Ask, folder: Path, call: tuple[str, ...], record: Record, report: Report | None,
    done: _Round,
) -> bool:  # fmt: skip
    """Make the call, in words of an older version where this one does not know an option. Whether
    `bd` ended well, which is looked at later in any case."""
    key, actor = record.key, report.holder if report is not None else ""
    if not is_key(key):
        done.troubles[key] = f"bd cannot be told of {key}: it would be taken for an option"
        return False
    before = ("--actor", actor) if actor else ()
    answer = _said(ask, folder, (*before, *call, "--json"))
    for _ in range(OLDER_MAX):
        older = _older(call, unknown_option(answer), record, report)
        if older is None:
            break
        call = older
        answer = _said(ask, folder, (*before, *call, "--json"))
    if answer.code or answer.err.strip():
        done.troubles.setdefault(key, f"bd {call[0]} {key}: {reason_in(answer)}")
    return answer.code == 0


def _said(ask: Ask, folder: Path, arguments: tuple[str, ...]) -> Answered:
    return durable("sources.tell", lambda: heard(ask, folder, arguments))


def _older(
    call: tuple[str, ...], option: str, record: Record, report: Report | None
) -> tuple[str, ...] | None:
    """The call without an option that came with a later version, by what was said before it."""
    if report is None or option not in call:
        return None
    at = call.index(option)
    if option == "--claim":
        instead = ("--status", STATUS[Standing.RUNNING], "--assignee", report.holder)
        return (*call[:at], *instead, *call[at + 1 :])
    if option == "--append-notes":
        notes = record.text("notes").rstrip()
        said = f"{notes}\n{report.note}" if notes else report.note
        return (*call[:at], "--notes", said, *call[at + 2 :])
    return None
