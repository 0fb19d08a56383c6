"""The options of `gangsaw run` as one value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from gangsaw.engine.unlanded import Rest


@dataclass(frozen=True, slots=True)
class Asked:
    """The options. `tick` is how a scheduler begins a run: fields of `Rest`, as JSON."""

    source: str | None
    max_agents: int | None
    batched: bool | None
    agent: str | None
    only: tuple[str, ...]
    epic: tuple[str, ...]
    target: str | None
    deliver: str | None
    budget: float | None
    budget_tokens: int | None
    budget_day: float | None
    budget_day_tokens: int | None
    config: Path | None
    new: bool
    dry_run: bool | None
    verbose: bool
    detach: bool
    trust_setup: bool
    on_interrupt: str | None
    unlanded: bool
    every_s: float | None
    for_s: float | None
    cron: str | None
    repeat: bool
    tries: int
    tick: str | None
    plain: bool
    as_json: bool
    watch: bool = True

    @property
    def is_schedule(self) -> bool:
        """Whether it is to be run again and again. `UsageError` where that makes no sense."""
        found = [
            name for name, value in (("--every", self.every_s), ("--cron", self.cron)) if value
        ]
        if len(found) > 1:
            raise click.UsageError("--every and --cron exclude each other")
        if not found and (self.for_s or self.repeat):
            raise click.UsageError("--for and --repeat need --every or --cron")
        if found and (self.new or self.dry_run):
            raise click.UsageError(
                f"{found[0]} goes with neither --new nor --dry-run; see --repeat"
            )
        if self.unlanded and self.dry_run:
            raise click.UsageError("--dry-run shows the whole plan; leave --unlanded out")
        return bool(found)

    @property
    def rest(self) -> Rest | None:
        """What is asked of a run that does only what is left of its plan."""
        if self.tick is not None:
            return Rest(**json.loads(self.tick))
        return Rest() if self.unlanded or self.is_schedule else None
