"""The text of a fresh `justfile`: recipes for a backlog of Beads."""

from __future__ import annotations

JUST_TEXT = """\
# Recipes of gangsaw for a backlog of Beads: docs/coming-from/beads-and-just.md says what they
# stand for. To take this file away again: gangsaw init --just --undo

# run all that is ready, and what becomes ready (--epic ID, --max-agents N, --dry-run …)
[positional-arguments]
orchestrate *args:
    @gangsaw run --from beads "$@"

# run what is a part of an epic, and what that needs
[positional-arguments]
orchestrate-epic id *args:
    @shift; gangsaw run --from beads --epic {{ quote(id) }} "$@"

# what would start, in which order; nothing is started
[positional-arguments]
orchestrate-preview *args:
    @gangsaw run --from beads --dry-run "$@"

# what every task is doing, and the worktrees
orchestrate-status:
    @gangsaw status
    @gangsaw worktrees

# these recipes, and the options of a run
orchestrate-help:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted
    @gangsaw run --help

# run one task and what it needs
[positional-arguments]
worker id *args:
    @shift; gangsaw run --from beads --only {{ quote(id) }} "$@"

# what lands next, and what each change waits for (--dry-run: the same); runs land by themselves
[positional-arguments]
merger *args:
    @case "$*" in ""|--dry-run) gangsaw queue ;; *) echo "try: just merger" >&2; exit 2 ;; esac

# remove what ended runs have left; shows it first and asks (--dry-run, --yes, --undo)
[positional-arguments]
worktree-clean *args:
    @gangsaw clean "$@"

# give a task up: its agent is stopped, its work kept, its worktree goes (again: gangsaw retry ID)
worktree-remove id:
    @gangsaw cancel {{ quote(id) }}

# on a scratch repository: six tasks, one agent is killed and its task taken up again
test-crash-recovery:
    @gangsaw demo
"""
