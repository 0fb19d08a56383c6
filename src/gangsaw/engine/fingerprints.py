"""What stands for the surroundings of a check: verdicts of other surroundings do not hold here.

Only what is declared to matter takes part: `PATH`, language and time zone, the variables of
`pass_env`, those that the check itself names, and the setup line. The values may be secret, so that
they are only ever written down as a digest keyed with the repository's secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from gangsaw.agents import allowed_environment
from gangsaw.core.model import Check
from gangsaw.core.settings import AgentSettings
from gangsaw.core.state import State
from gangsaw.engine.world import World
from gangsaw.store.secret import repository_secret

ALWAYS = ("PATH", "LANG", "LANGUAGE", "LC_*", "TZ")


def environment_of(world: World) -> Callable[[Check], str]:
    """What gives the digest of a check's surroundings."""
    key = repository_secret(world.layout.control)
    return lambda check: _digest(world, key, check.env)


def environment_print(world: World, state: State) -> str:
    """The digest of the surroundings of all checks of the run."""
    checks = [*state.gate, *(check for task in state.tasks.values() for check in task.checks)]
    names = sorted({name for check in checks for name in check.env})
    return _digest(world, repository_secret(world.layout.control), names)


def _digest(world: World, key: bytes, names: Iterable[str]) -> str:
    asked = (*ALWAYS, *world.settings.check_pass_env, *names)
    # Of the kind `command`, which has no variables of its own; the usual ones are taken out again.
    passed = AgentSettings("checks", "command", pass_env=asked)
    values = [
        f"{name}={value}"
        for name, value in allowed_environment(world.environ, passed)
        if any(fnmatchcase(name, pattern) for pattern in asked)
    ]
    content = "\0".join((world.settings.worktree.setup or "", *values))
    return hmac.new(key, content.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[
        :24
    ]
