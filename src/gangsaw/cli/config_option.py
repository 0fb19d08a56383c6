"""The option of every command that reads settings: one more file of them."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="More settings, over those of gangsaw.toml: TOML, or KEY=VALUE lines.",
)
