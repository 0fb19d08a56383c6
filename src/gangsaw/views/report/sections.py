"""What a report says, section by section, the same for Markdown and the page."""

from __future__ import annotations

from collections.abc import Sequence

from gangsaw.core.report import RunReport
from gangsaw.core.report.values import Doing, Link, Spent, TaskReport
from gangsaw.views.report.machine import machine_sections
from gangsaw.views.report.section import Section, shortened
from gangsaw.views.report.words import (
    DOING,
    cost,
    dollars,
    guessed,
    lasted,
    moment,
    parts,
    percent,
    reason_text,
    some,
)
from gangsaw.views.text import count_of, flat

LANDED = ("landed", "done")
_TOLD = {
    "reported": "as the agents reported it",
    "estimated": "by a list of prices: no agent reported one",
    "mixed": "reported by agents and, where they told none, estimated by a list of prices",
    "partly": "of those turns whose price is known; others told only tokens",
    "unknown": "no agent reported a price, and their models are in no list of prices",
    "nothing": "no agent reported any use",
}


def title_of(report: RunReport) -> str:
    """One line for the whole."""
    goal = flat(report.goal)
    return f"Run {report.run}: {goal}" if goal else f"Run {report.run}"


def sections(report: RunReport) -> list[Section]:
    """All that there is something to say in."""
    every = [
        _whole(report), _landed(report), _others(report), _agents(report), _slots(report),
        _tracks(report), _chain(report), _waits(report), _retries(report), _checks(report),
        _landings(report), _money(report), *machine_sections(report),
    ]  # fmt: skip
    return [each for each in every if each.lines or each.rows]


def _whole(report: RunReport) -> Section:
    totals, spent = report.totals, report.spent
    good = totals.landed + totals.done
    ended = f"ended {moment(report.ended_at)}" if report.ended_at else "not ended"
    first = f"{good} of {count_of(totals.tasks, 'task')} landed in {lasted(totals.wall_s)}"
    if totals.speedup is not None:
        first += f"; one after the other {lasted(totals.serial_s)}, {totals.speedup:.2f} times that"
    lines = [first + "."]
    others = (
        (totals.failed, "failed"), (totals.needs_you, "waiting for a person"),
        (totals.cancelled, "cancelled"), (totals.undone, "undone"), (totals.open, "open"),
    )  # fmt: skip
    if told := ", ".join(f"{count} {word}" for count, word in others if count):
        lines.append(f"The others: {told}.")
    lines.append(
        f"{count_of(totals.attempts, 'attempt')}, {count_of(totals.turns, 'turn')}; agents were at "
        f"work for {lasted(totals.busy_s)}, {percent(totals.utilisation_pct)} of all slots, at "
        f"most {totals.busy_max} at once."
    )
    if spent.told != "nothing":
        lines.append(f"Cost: {cost(spent.money)}, {_TOLD[spent.told]}.")
    lines.append(f"Began {moment(report.started_at)}, {ended}.")
    if report.ended_at is None:
        lines.append(f"As of {moment(report.as_of)}.")
    if totals.engine_starts > 1:
        lines.append(
            f"{count_of(totals.engine_starts, 'engine')}, {totals.engine_crashes} of them ended "
            f"without a word; none was there for {lasted(totals.down_s)}."
        )
    if totals.clock_jumps:
        lines.append(
            f"The clock was set {totals.clock_jumps} times meanwhile: times across that are wrong."
        )
    return Section("", tuple(lines))


def _landed(report: RunReport) -> Section:
    tasks = [task for task in report.tasks if task.outcome in LANDED]
    tasks.sort(key=lambda task: task.ended_s or 0.0)
    head = (
        "Task", "Title", "Commit", "Attempts", "Turns", "Agent", "Change", "Worked", "Waited",
        "Cost",
    )  # fmt: skip
    rows = (
        (
            task.task, _title(task), task.commit[:10], str(task.attempts), str(task.turns),
            _agent(task), _change(task), some(task.times.work_s), some(task.held_s),
            cost(task.money),
        )
        for task in tasks
    )  # fmt: skip
    return Section("Landed", (), head, shortened(rows), (3, 4, 7, 8, 9))


def _title(task: TaskReport) -> str:
    return "" if task.title == task.task else flat(task.title, 60)


def _agent(task: TaskReport) -> str:
    return f"{task.agent} ({flat(task.model)})" if task.model else task.agent


def _change(task: TaskReport) -> str:
    if task.files is None:
        return "–"
    return f"{count_of(task.files, 'file')} +{task.added} −{task.deleted}"


def _others(report: RunReport) -> Section:
    tasks = [task for task in report.tasks if task.outcome not in LANDED]
    head = ("Task", "Status", "Why", "Attempts", "Turns", "Agent", "Worked", "Cost")
    rows = (
        (
            task.task, task.outcome.replace("_", " "), flat(task.reason), str(task.attempts),
            str(task.turns), _agent(task), some(task.times.work_s), cost(task.money),
        )
        for task in tasks
    )  # fmt: skip
    return Section("Did not land", (), head, shortened(rows), (3, 4, 6, 7))


def _agents(report: RunReport) -> Section:
    head = ("Agent", "Landed", "Attempts", "Turns", "Worked", "Reviewed", "Utilisation", "Cost")
    rows = (
        (
            each.agent, str(each.landed), str(each.attempts), str(each.turns), some(each.work_s),
            some(each.review_s), percent(each.utilisation_pct), cost(each.money),
        )
        for each in report.agents
    )  # fmt: skip
    return Section("Agents", (), head, shortened(rows), (1, 2, 3, 4, 5, 6, 7))


def _slots(report: RunReport) -> Section:
    head = ("Slot", "Attempts", "Taken", "Worked", "Utilisation")
    rows = (
        (
            str(each.slot), str(each.attempts), lasted(each.held_s), some(each.busy_s),
            percent(each.utilisation_pct),
        )
        for each in report.slots
    )  # fmt: skip
    return Section("Slots", (), head, shortened(rows), (0, 1, 2, 3, 4))


def _tracks(report: RunReport) -> Section:
    head = ("Track", "Tasks", "Landed", "Worked", "From", "To", "Utilisation")
    rows = (
        (
            flat(each.track), str(each.tasks), str(each.landed), some(each.busy_s),
            _point(each.since_s), _point(each.until_s), percent(each.utilisation_pct),
        )
        for each in report.tracks
    )  # fmt: skip
    return Section("Tracks", (), head, shortened(rows), (1, 2, 3, 4, 5, 6))


def _point(seconds: float | None) -> str:
    return "–" if seconds is None else lasted(seconds)


def _chain(report: RunReport) -> Section:
    head = ("From", "Lasted", "Task", "What")
    rows = [
        (lasted(run[0].since_s), lasted(run[-1].until_s - run[0].since_s), run[0].task, _what(run))
        for run in _runs(report.chain)
    ]
    line = "What the last landing waited for, from the beginning on."
    return Section("Critical chain", (line,) if rows else (), head, shortened(rows), (0, 1))


def _runs(chain: Sequence[Link]) -> list[list[Link]]:
    """Links one after the other that are of the same task."""
    found: list[list[Link]] = []
    for link in chain:
        if found and found[-1][0].task == link.task and not found[-1][-1].freed:
            found[-1].append(link)
        else:
            found.append([link])
    return found


def _what(run: Sequence[Link]) -> str:
    lengths: dict[str, float] = {}
    for link in run:
        waits = link.doing is Doing.WAIT and link.reason
        word = f"wait {reason_text(link.reason)}" if waits else DOING[link.doing]
        lengths[word] = lengths.get(word, 0.0) + link.until_s - link.since_s
    told = " · ".join(f"{word} {lasted(seconds)}" for word, seconds in lengths.items())
    return f"{told}; then what it held was free" if run[-1].freed else told


def _waits(report: RunReport) -> Section:
    head = ("Waited", "Tasks", "All together", "Longest", "Of")
    rows = (
        (
            reason_text(each.reason), str(each.tasks), lasted(each.seconds),
            lasted(each.longest_s), each.longest,
        )
        for each in report.waits
    )  # fmt: skip
    return Section("Waits", (), head, shortened(rows), (1, 2, 3))


def _retries(report: RunReport) -> Section:
    head = ("Cause", "What", "Times", "Used up a try", "Work lost")
    rows = [
        (
            each.cause, "attempt ended without landing", str(each.attempts), str(each.counted),
            some(each.lost_s),
        )
        for each in report.retries
    ]  # fmt: skip
    rows += [
        (each.cause, "work went back to its agent", str(each.times), "–", "–")
        for each in report.returned
    ]
    return Section("Retries", (), head, shortened(rows), (2, 3, 4))


def _checks(report: RunReport) -> Section:
    head = (
        "Check",
        "Green",
        "Red",
        "Without verdict",
        "In part",
        "Known before",
        "Took",
        "Processor",
        "Flaky",
    )
    rows = (
        (
            flat(each.check, 60), str(each.green), str(each.red + each.repeated),
            str(each.inconclusive), str(each.partial), str(each.seen),
            some(each.seconds), some(each.cpu_s), str(each.flaky) if each.flaky else "–",
        )
        for each in report.checks
    )  # fmt: skip
    return Section("Checks", (), head, shortened(rows), (1, 2, 3, 4, 5, 6, 7, 8))


def _landings(report: RunReport) -> Section:
    queue, conflicts = report.queue, report.conflicts
    lines = []
    if queue.landings or queue.batches:
        lines.append(
            f"{count_of(queue.landings, 'landing')} in {count_of(queue.batches, 'batch')}: checks "
            f"were run {queue.runs} times, {queue.red} times red; {queue.sent_back} sent back."
        )
        lines.append(
            f"In the queue until landed: {lasted(queue.waited_s)} all together, "
            f"{lasted(queue.waited_max_s)} at most."
        )
    if queue.conflicts or conflicts.overlaps:
        lines.append(
            f"{count_of(queue.conflicts, 'conflict')} with what had landed or was ahead; "
            f"{count_of(conflicts.overlaps, 'overlap')} of live work, {conflicts.overlaps_open} "
            "not over."
        )
    ways = (
        (conflicts.resolved_mechanically, "mechanically"), (conflicts.resolved_by_agents, "by "
         "agents"), (conflicts.resolved_by_people, "by people"),
    )  # fmt: skip
    if told := ", ".join(f"{count} {word}" for count, word in ways if count):
        lines.append(f"Conflicts resolved: {told}.")
    if report.totals.attempts:
        lines.append(f"All attempts: {parts(report.totals.times)}.")
    return Section("Landings and conflicts", tuple(lines))


def _bounds(spent: Spent) -> list[str]:
    own = [dollars(spent.budget_usd)] if spent.budget_usd is not None else []
    own += [f"{spent.budget_tokens} tokens"] if spent.budget_tokens is not None else []
    day = [dollars(spent.budget_day_usd)] if spent.budget_day_usd is not None else []
    day += [f"{spent.budget_day_tokens} tokens"] if spent.budget_day_tokens is not None else []
    lines = [f"The budget: {' and '.join(own)}."] if own else []
    return lines + ([f"All runs on one day: {' and '.join(day)}."] if day else [])


def _money(report: RunReport) -> Section:
    spent = report.spent
    if spent.told == "nothing":
        return Section("Money")
    money = spent.money
    lines = [f"{cost(money)} and {money.tokens} tokens, {_TOLD[spent.told]}."]
    lines += _bounds(spent)
    if spent.per_landed_usd is not None:
        each = dollars(spent.per_landed_usd)
        each += guessed(spent.per_landed_estimated_usd, spent.per_landed_usd)
        lines.append(f"For each task that landed: {each}, failed attempts included.")
    if spent.failed_usd:
        lost = dollars(spent.failed_usd) + guessed(spent.failed_estimated_usd, spent.failed_usd)
        lines.append(f"Attempts that did not land: {lost}.")
    if money.unpriced:
        lines.append(f"Tokens without a price: told by {count_of(money.unpriced, 'turn')}.")
    if money.silent:
        lines.append(f"Nothing told: by {count_of(money.silent, 'turn')}.")
    return Section("Money", tuple(lines))
