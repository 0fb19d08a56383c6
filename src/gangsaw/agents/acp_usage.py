"""The tokens that an agent tells at the end of a turn over the Agent Client Protocol. Pure."""

from __future__ import annotations

from typing import Any

from gangsaw.agents.lines import count_in, object_in
from gangsaw.core.launch import UsageNoted


def usage_in(end: dict[str, Any], cost_usd: float | None) -> UsageNoted | None:
    """Tokens and money of the turn; `None` where neither is told. `cost_usd` is the sum of the
    session so far, as the protocol has it.

    The protocol leaves open whether what came from a cache is a part of the input. Where the
    total is the sum of input and output, it is (Copilot); otherwise not (OpenCode).
    """
    usage = object_in(end.get("usage"))
    if not usage:
        usage = _of_gemini(object_in(end.get("meta")))
    if not usage and cost_usd is None:
        return None
    sent = count_in(usage.get("inputTokens"))
    output = count_in(usage.get("outputTokens"))
    cached = count_in(usage.get("cachedReadTokens"))
    thought = count_in(usage.get("thoughtTokens"))
    total = count_in(usage.get("totalTokens"))
    if total in (sent + output, sent + output + thought):
        cached = min(cached, sent)
        sent -= cached
    else:
        sent += count_in(usage.get("cachedWriteTokens"))
    if total and total == sent + cached + output + thought:
        output += thought
    return UsageNoted(
        sent, output, cached, cost_usd, min(thought, output), cost_of_session=cost_usd is not None
    )


def _of_gemini(meta: dict[str, Any]) -> dict[str, Any]:
    """Gemini's own field: `quota.token_count`, which does not tell what came from a cache."""
    counts = object_in(object_in(meta.get("quota")).get("token_count"))
    if not counts:
        return {}
    sent, output = count_in(counts.get("input_tokens")), count_in(counts.get("output_tokens"))
    return {"inputTokens": sent, "outputTokens": output, "totalTokens": sent + output}
