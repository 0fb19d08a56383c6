"""What tokens cost by the list of prices that comes with `genai-prices`, for agents that tell none.

The list is the one that is installed: nothing is fetched. It is asked once, when a report is made
into an observation, and what it said is in the log: a newer list changes no run that was before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from gangsaw.core.launch import Note, StartedNoted, UsageNoted

PROVIDERS = {"gemini": "google", "vertex_ai": "google", "azure": "azure", "bedrock": "aws"}
"""Names of providers before a model's own (`gemini/…`) that the list has under others."""


class Pricer:
    """Adds an estimate to the usage that one launch reports without a cost. `model` is the one
    that its settings ask for; what the agent itself names goes first."""

    def __init__(self, model: str | None) -> None:
        self._model = model or ""

    def priced(self, notes: Iterable[Note]) -> list[Note]:
        """The notes, with estimates where they are wanted and can be made."""
        found = list(notes)
        told = [note.model for note in found if isinstance(note, StartedNoted) and note.model]
        self._model = told[-1] if told else self._model
        return [self._one(note) if isinstance(note, UsageNoted) else note for note in found]

    def _one(self, note: UsageNoted) -> UsageNoted:
        used = (note.input_tokens, note.cached_tokens, note.output_tokens)
        if note.cost_usd is not None or not any(used):
            return note
        return replace(note, estimated_usd=estimate(self._model, *used), model=self._model)


def estimate(model: str, fresh: int, cached: int, output: int) -> float | None:
    """Dollars for so many tokens that were not read from a cache, that were, and that were
    answered; `None` for a model that the list does not know."""
    rates = _rates(model)
    if rates is None:
        return None
    tokens = (fresh, cached, output)
    return round(sum(rate * count for rate, count in zip(rates, tokens, strict=True)), 9)


@lru_cache(maxsize=1000)
def _rates(model: str) -> tuple[float, float, float] | None:
    """Dollars for one token of each kind. Rates that rise with the length of a request are taken
    at their lowest: a report is of many requests, and does not tell how long each was."""
    # A half of a second, and pydantic: only for those who need it.
    from genai_prices import Usage, calc_price

    provider, _, name = model.rpartition("/")
    known = PROVIDERS.get(provider, provider) or None

    def one(usage: Usage) -> float:
        return float(calc_price(usage, model_ref=name, provider_id=known).total_price)

    try:
        return (
            one(Usage(input_tokens=1)),
            one(Usage(input_tokens=1, cache_read_tokens=1)),
            one(Usage(output_tokens=1)),
        )
    except (LookupError, ValueError):
        return None
