"""Texts for a screen or a file without the secrets of the surroundings, where no engine has taken
them out before: errors, traces, requests, the output of an agent that is still at work."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from gangsaw.core.redaction import Redactor

_SETTINGS = ("gangsaw.toml", "pyproject.toml")


@cache
def redactor() -> Redactor:
    """For the secrets of the environment, of `.env` files and of settings, as far as they can be
    found from the current folder; never raises."""
    from gangsaw.engine.secrets import Secrets

    secrets = Secrets(None, os.environ)
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.environ.get("HOME", ""), ".config")
    secrets.learn(Path(home) / "gangsaw", ("config.toml",))
    try:
        start = Path.cwd()
    except OSError:
        return secrets.redactor
    root = next((each for each in (start, *start.parents) if (each / ".git").exists()), start)
    secrets.learn(root, _SETTINGS)
    return secrets.redactor


def without_secrets(text: str) -> str:
    """The text as it may be shown and kept."""
    return redactor().text(text)
