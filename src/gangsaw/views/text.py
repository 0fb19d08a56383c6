"""Words for figures, and foreign text made fit for one line of a terminal."""

from __future__ import annotations

LINE_MAX = 200


def flat(text: str, limit: int = LINE_MAX) -> str:
    """The text on one line, without control characters, cut to `limit` characters."""
    if not text.isprintable():
        # Only odd text pays for this import.
        from gangsaw.agents import plain_text

        text = " ".join(plain_text(text[: limit * 20]).split())
        if not text.isprintable():
            text = "".join(char if char.isprintable() else "�" for char in text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def block(text: str, indent: str = "") -> list[str]:
    """The text as indented lines, without control characters."""
    from gangsaw.agents import plain_text

    return [f"{indent}{line}".rstrip() for line in plain_text(text).expandtabs(4).split("\n")]


def money(cost: float | None, budget: float | None, estimated: float = 0.0) -> str:
    """`$1.92 of $10`, or what of it is known, and how much of that was estimated; empty where
    nothing is."""
    of = "" if budget is None else f" of ${budget:g}"
    if cost is None:
        return f"cost unknown{of}"
    guess = f" (${estimated:.2f} of it estimated)" if estimated else ""
    return f"${cost:.2f}{guess}{of}" if cost or budget is not None else ""


def count_of(number: int, word: str) -> str:
    """`1 file`, `2 files`, `2 processes`, `2 batches`."""
    many = "es" if word.endswith(("s", "ch")) else "s"
    return f"{number} {word}{'' if number == 1 else many}"
