"""Folders of a run that outlive one attempt: the pool of worktrees, and where checks run."""

from __future__ import annotations

import os
from dataclasses import replace

from gangsaw.core.model import Limits
from gangsaw.core.settings import Settings
from gangsaw.engine.layout import Layout, layout_for
from gangsaw.engine.order import Order
from gangsaw.engine.unlanded import ENDED
from gangsaw.git import POOL_FOLDER, Pool, Repository, empty_pool
from gangsaw.procs import may_write_below
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal
from gangsaw.verify import Slots

CHECK_SLOTS_MAX = 4
GATE_SLOTS_MAX = 16
"""As many as the settings allow."""


def pool_for(repo: Repository, layout: Layout, order: Order) -> Pool:
    """An empty pool: what a former engine had in it was its own affair."""
    chosen = order.settings.worktree.pool
    most = order.limits.max_agents if chosen is None else chosen
    pool = Pool(layout.worktrees / layout.run / POOL_FOLDER, most, may_write_below)
    empty_pool(repo, pool.folder)
    return pool


def slots_for(
    repo: Repository, layout: Layout, settings: Settings, count: int
) -> tuple[Slots, Slots, Slots]:
    """Those for work, those for candidates, and the one for what landed."""
    folder, keep = layout.worktrees / layout.run, settings.check_keep
    counts = {"verify": count, "candidate": settings.check_slots, "after": 1}
    work, candidates, landed = (Slots(repo, folder, name, counts[name], keep) for name in counts)
    return work, candidates, landed


def check_slots(limits: Limits) -> int:
    """Checks of several attempts may run side by side; more than the cores only delays all."""
    return max(1, min(limits.max_agents, os.cpu_count() or 1, CHECK_SLOTS_MAX))


def remove_slots_of_ended(
    repo: Repository, control: Control, journal: Journal, order: Order
) -> None:
    """An engine that died between the last event of its run and its own end left its slots."""
    runs = journal.runs()
    if not runs or runs[-1].state not in ENDED:
        return
    root = repo.main_root or repo.root
    layout = layout_for(root, control.root, order.settings, runs[-1].run)
    if (layout.worktrees / layout.run).is_dir():
        empty_pool(repo, layout.worktrees / layout.run / POOL_FOLDER)
        most = replace(order.settings, check_slots=GATE_SLOTS_MAX)  # they may have been more then
        for slots in slots_for(repo, layout, most, CHECK_SLOTS_MAX):
            slots.remove()
