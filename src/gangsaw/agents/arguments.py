"""What the settings' own arguments say, where that decides about ours."""

from __future__ import annotations

from collections.abc import Collection


def names_any(arguments: tuple[str, ...], options: Collection[str]) -> bool:
    """Whether one of `options` is among the arguments, as `--name value` or `--name=value`."""
    return any(argument.partition("=")[0] in options for argument in arguments)


def without(
    arguments: tuple[str, ...], *, switches: Collection[str] = (), options: Collection[str] = ()
) -> tuple[str, ...]:
    """The arguments without `switches` (which stand alone) and `options` (with their value, or
    values: some take several, and nothing else of ours stands without a dash)."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        name, has_value, _ = argument.partition("=")
        if skip and not argument.startswith("-"):
            continue
        skip = name in options and not has_value
        if name not in options and name not in switches:
            kept.append(argument)
    return tuple(kept)
