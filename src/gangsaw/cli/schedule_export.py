"""A schedule as others keep it: a systemd user service with its timer, a line of a crontab, a
workflow of a CI service.

Nothing of this machine is in it but the folder of the repository, and that not for a CI service;
no secret is.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

from cronsim import CronSim

from gangsaw.cli.place import find_control, home_here
from gangsaw.core.errors import UserError
from gangsaw.core.rhythm import Rhythm, cron_fault
from gangsaw.core.schedule import ScheduleBegun
from gangsaw.core.spans import length, seconds_of
from gangsaw.engine.scheduler import fold_log
from gangsaw.store.schedule_log import SchedulePlace, read_log

_HOUR_S, _DAY_S = 3600, 86_400
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_ALL_DOWS = frozenset(range(7))


def exported(
    form: str, plan: str | None, source: str | None, every: str | None, cron: str | None
) -> str:
    """The text for `form` (`systemd`, `crontab` or `ci`). `UserError` where it cannot say that."""
    begun = _asked(plan, source, every, cron)
    match form:
        case "systemd":
            return _systemd(begun)
        case "crontab":
            return _crontab(begun)
        case _:
            return _ci(begun)


def _asked(
    plan: str | None, source: str | None, every: str | None, cron: str | None
) -> ScheduleBegun:
    """The schedule that was asked for, or the last one of this repository."""
    if every or cron:
        if every and cron:
            raise UserError("cannot use --every and --cron at once; try one of them")
        every_s = seconds_of(every) if every else 0.0
        fault = cron_fault(cron) if cron else ""
        if every_s is None or fault:
            why = f"'{every}' is no length of time" if every_s is None else f"{cron}: {fault}"
            raise UserError(f'cannot export: {why}; try --every 10m, or --cron "*/10 * * * *"')
        _require_there(plan, source)
        named = source or plan or "plan.yaml"
        rhythm, folder = Rhythm(every_s, cron or ""), str(Path.cwd())
        return ScheduleBegun("", named, folder, rhythm, is_source=source is not None)
    state = fold_log(read_log(SchedulePlace(find_control().root).log))
    if state.begun is None or plan is not None or source is not None:
        raise UserError("cannot export: how often? Try: gangsaw schedule export PLAN --every 10m")
    return state.begun


def _require_there(plan: str | None, source: str | None) -> None:
    """`UserError` where there is nothing to be run."""
    if source is not None:
        from gangsaw.sources import find_source

        find_source(source, Path.cwd(), home_here())
    elif not Path(plan or "plan.yaml").exists():
        said = f"there is no {plan or 'plan.yaml'} here"
        raise UserError(f"cannot export: {said}; try: gangsaw schedule export PLAN --every 10m")


def _run(begun: ScheduleBegun, *more: str) -> str:
    """The command of one tick."""
    rest = ("--new",) if begun.repeat else ("--unlanded",)
    return shlex.join(["gangsaw", "run", *begun.named, *rest, *more, *begun.words, "--plain"])


def _told(begun: ScheduleBegun) -> str:
    return f"gangsaw: {' '.join(begun.named)} of {Path(begun.folder).name}"


# --- systemd -------------------------------------------------------------------------------------


def _systemd(begun: ScheduleBegun) -> str:
    name = f"gangsaw-{Path(begun.folder).name}"
    # A login shell: gangsaw and the agents are found where the person finds them.
    line = _run(begun).replace("%", "%%").replace("$", "$$").replace("\\", "\\\\")
    quoted = line.replace('"', '\\"')
    folder = begun.folder.replace("%", "%%")
    return "\n".join(
        [
            f"# ~/.config/systemd/user/{name}.service",
            "[Unit]",
            f"Description={_told(begun)}",
            "",
            "[Service]",
            "Type=oneshot",
            f"WorkingDirectory={folder}",
            f'ExecStart=/bin/sh -lc "exec {quoted}"',
            "# 3: a person is needed; 4: a limit or the budget is reached",
            "SuccessExitStatus=3 4",
            "KillMode=mixed",
            "TimeoutStopSec=2min",
            "",
            f"# ~/.config/systemd/user/{name}.timer",
            f"# then: systemctl --user daemon-reload && systemctl --user enable --now {name}.timer",
            "[Unit]",
            f"Description={_told(begun)}",
            "",
            "[Timer]",
            *_timer(begun.rhythm),
            "",
            "[Install]",
            "WantedBy=timers.target",
        ]
    )


def _timer(rhythm: Rhythm) -> list[str]:
    if rhythm.every_s:
        seconds = int(rhythm.every_s)
        return ["OnActiveSec=0", f"OnUnitActiveSec={seconds}s", "AccuracySec=1s"]
    return [*(f"OnCalendar={each}" for each in _calendars(rhythm)), "Persistent=true"]


def _calendars(rhythm: Rhythm) -> list[str]:
    """Cron text as systemd says it, one or (where either of two days will do) two of them."""
    found = CronSim(rhythm.cron, datetime(2024, 1, 1, tzinfo=UTC))
    if any(isinstance(day, tuple) for day in found.weekdays) or min(found.days) < 1:
        raise UserError(f'cannot say "{rhythm.cron}" for systemd; try --crontab')
    dows = {int(str(day)) % 7 for day in found.weekdays}
    days = "*" if len(found.days) == 31 else _list(found.days)
    months = "*" if len(found.months) == 12 else _list(found.months)
    clock = f"{_list(found.hours, 24)}:{_list(found.minutes, 60)}:00"
    clock += f" {rhythm.zone}" if rhythm.zone else ""
    names = ",".join(_DAYS[day] for day in sorted(dows))
    dow = "" if dows == _ALL_DOWS else f"{names} "
    if dow and days != "*" and not found.day_and:
        return [f"{dow}*-{months}-* {clock}", f"*-{months}-{days} {clock}"]
    return [f"{dow}*-{months}-{days} {clock}"]


def _list(numbers: set[int], of: int = 0) -> str:
    if len(numbers) == of:
        return "*"
    return ",".join(f"{number:02}" for number in sorted(numbers))


# --- cron ----------------------------------------------------------------------------------------


def _crontab(begun: ScheduleBegun) -> str:
    # In a crontab % ends the command, unless it is escaped.
    line = f"cd {shlex.quote(begun.folder)} && {_run(begun)}".replace("%", "\\%")
    zone = f"# the times are meant in {begun.rhythm.zone}\n" if begun.rhythm.zone else ""
    return (
        f"# {_told(begun)}. cron has few folders in its PATH: name yours above this line,\n"
        "# such as PATH=/usr/local/bin:/usr/bin:/bin\n"
        f"{zone}{cron_of(begun.rhythm)} {line}"
    )


def cron_of(rhythm: Rhythm) -> str:
    """The rhythm as cron text. `UserError` where cron cannot say it: it begins anew with every hour
    and every day."""
    if not rhythm.every_s:
        return rhythm.cron
    seconds = int(rhythm.every_s)
    if seconds % 60 == 0 and seconds < _HOUR_S and _HOUR_S % seconds == 0:
        return "* * * * *" if seconds == 60 else f"*/{seconds // 60} * * * *"
    if seconds % _HOUR_S == 0 and seconds <= _DAY_S and _DAY_S % seconds == 0:
        hours = seconds // _HOUR_S
        return {1: "0 * * * *", 24: "0 0 * * *"}.get(hours, f"0 */{hours} * * *")
    raise UserError(
        f"cannot say 'every {length(rhythm.every_s)}' as cron text: it divides neither an hour nor "
        'a day; try --systemd, or --cron "TEXT"'
    )


# --- CI ------------------------------------------------------------------------------------------

_WORKFLOW = """\
# {told}
# Set [run] remote = "origin" in gangsaw.toml: what lands has to leave the machine it ran on.
# Keys of agents come from the secrets of the CI service, as variables of the last step.
# The journal is kept between runs, so that what has landed is not done once more.
name: gangsaw
on:
  schedule:
    - cron: "{cron}" # in UTC
  workflow_dispatch:
concurrency:
  group: gangsaw
  cancel-in-progress: false
permissions:
  contents: write
jobs:
  gangsaw:
    runs-on: ubuntu-latest
    timeout-minutes: 350
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install gangsaw
      - run: git config user.name gangsaw && git config user.email gangsaw@localhost
      - uses: actions/cache@v4
        with:
          path: .git/gangsaw/journal.db
          key: gangsaw-${{{{ github.run_id }}}}
          restore-keys: gangsaw-
      - run: {run}"""


def _ci(begun: ScheduleBegun) -> str:
    if Path(begun.plan.rpartition(":")[2] if begun.is_source else begun.plan).is_absolute():
        raise UserError(
            "cannot export: the plan of a CI service has to be in the repository; "
            "try: gangsaw schedule export plan.yaml --every 10m --ci"
        )
    # An unfinished run of another machine cannot be gone on with: its worktrees are gone.
    more = () if begun.repeat else ("--new",)
    cron = cron_of(begun.rhythm)
    return _WORKFLOW.format(told=_told(begun), cron=cron, run=_run(begun, *more))
