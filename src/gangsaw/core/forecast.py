"""When will a change land, if nothing fails? A guess from what checks took so far, for people only:
nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from gangsaw.core.policy import batches, landing
from gangsaw.core.state import Landing, State


def check_times_s(state: State) -> dict[str, float]:
    """By key, the median of what each check took where it passed in this run."""
    known = state.known_checks.items()
    return {key: median(record.green_s) for key, record in known if record.green_s}


def expected_s(state: State, checked_for_s: float = 0.0) -> dict[str, float]:
    """In how many seconds each landing in progress and each queued change is on the integration
    branch, if everything is green; those of which there is no guess are left out.

    `checked_for_s` is how long the checks that run now have been running.
    """
    found: dict[str, float] = {}
    if state.frozen:
        return found
    times = check_times_s(state)
    done_s = 0.0
    begun = len(batches.to_check(state))
    for number, group in enumerate(groups(state)):
        takes_s = gate_s(state, group, times)
        if takes_s is None:
            break
        if number < begun:
            done_s = max(done_s, takes_s - checked_for_s, 0.0)
        else:
            done_s += takes_s
        found.update(dict.fromkeys(group, done_s))
    return found


def gate_s(state: State, group: Iterable[str], times: dict[str, float]) -> float | None:
    """How long the checks of these changes together take; `None` where one was never green."""
    links = {link.about: link for link in state.landings}
    names: dict[str, None] = {}
    for about in group:
        link = links.get(about) or Landing(about, "", "")
        gate = landing.gate_of_landing(state, link)
        passed = state.green.get(link.tree, frozenset()) if link.tree else frozenset()
        names.update({check.key: None for check in gate if check.key not in passed})
    if not names.keys() <= times.keys():
        return None
    return sum(times[name] for name in names)


def groups(state: State) -> list[list[str]]:
    """What lands together, in order, if everything is green from now on."""
    links = [link.about for link in state.landings]
    checked = [link.about for link in batches.to_check(state)]
    batch = [link.about for link in state.landings if link.batch]
    found: list[list[str]] = []
    since = 0
    for about in checked:
        until = links.index(about) + 1
        found.append(links[since:until])
        since = until
    if batch := batch[since:]:
        found.append(batch)
    left = [link.about for link in state.landings if not link.batch]
    if not state.queue_held:
        left += batches.in_order(state, list(state.queue))
        return [*found, *_batches(state, left)]
    return found


def _batches(state: State, left: list[str]) -> list[list[str]]:
    found: list[list[str]] = []
    size = batches.size_of(state)
    while left:
        group: list[str] = []
        for about in left:
            if len(group) >= size or (group and batches.goes_alone(state, about)):
                break
            attempt = state.attempts.get(about)
            if attempt is not None and attempt.against and attempt.against in left:
                continue
            group.append(about)
            if batches.goes_alone(state, about):
                break
        # Whatever waits for each other in a circle goes one by one.
        group = group or left[:1]
        left = [about for about in left if about not in group]
        found.append(group)
        size = min(size * 2, max(state.limits.window, 1))
    return found
