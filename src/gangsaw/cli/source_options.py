"""`--from SOURCE` and `--map` for commands that take a task file of another kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click


def source_options(about: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds both options; the command gets `source`, with the mapping in it."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_source(*args: Any, source: str | None, mapping: str | None, **options: Any) -> Any:
            if mapping is not None:
                from gangsaw.sources.place import with_mapping

                if source is None:
                    raise click.UsageError("--map goes with --from: name the table there")
                source = with_mapping(source, mapping)
            return command(*args, source=source, **options)

        mapped = click.option("--map", "mapping", metavar="ROLE=FIELD,…",
                              help="With --from: which field of a table is which, "
                              "title=Summary,needs=Blockers.")(with_source)  # fmt: skip
        return click.option("--from", "source", metavar="SOURCE", help=about)(mapped)

    return decorated
