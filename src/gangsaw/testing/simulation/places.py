"""Which events move an attempt in the second bookkeeping, and what it holds after them."""

from __future__ import annotations

HOLDS_AFTER = {
    **dict.fromkeys(("attempt.admitted", "turn.wanted", "inspection.wanted"), "agent"),
    **dict.fromkeys(("verdict.reached", "review.passed", "review.approved"), "run"),
    **dict.fromkeys(("work.faulty", "work.returned", "review.opened"), ""),
    **dict.fromkeys(("attempt.parked", "attempt.taken"), ""),
    **dict.fromkeys(("change.queued", "attempt.failed", "landed", "task.done"), ""),
}
"""Wire name → what an attempt holds after it; other events change nothing of that."""

EVEN_AFTER = {
    "workspace.closed",
    "usage.reported",
    "session.opened",
    "question.asked",
    "condition.seen",
    "review.given",
    "effect.failed",
    "overlap.ended",
    "overlap.resolved",
}
PLACES = (
    HOLDS_AFTER.keys()
    | {
        "workspace.prepared",
        "park.ended",
        "attempt.handed_back",
        "turn.started",
        "stop.wanted",
        "turn.exited",
        "turn.lost",
        "work.found",
        "verify.wanted",
        "candidate.wanted",
    }
) - {"landed", "task.done", "attempt.failed"}
