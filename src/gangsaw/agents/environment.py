"""Which variables of the user's environment an agent may see: an allow list, nothing else.

Credentials of the shell that started the run stay out, unless an agent's settings name them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from gangsaw.agents.protocol import Variables
from gangsaw.agents.registry import adapter_for
from gangsaw.core.settings import AgentSettings

# Names as shell patterns. The git ones say where the user's own identity and configuration are.
USUAL = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TERM", "TMPDIR"),
    *("TZ", "SSL_CERT_*", "XDG_*"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
)

# `git config` given by environment comes as a count and numbered pairs: all of it or nothing.
_NUMBERED_PAIRS = ("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_*", "GIT_CONFIG_VALUE_*")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def allowed_environment(environ: Mapping[str, str], agent: AgentSettings) -> Variables:
    """The variables of `environ` that `agent` may see, with its own `env` on top, sorted.

    Allowed are the usual ones, those its kind needs, and those named in `pass_env` (shell
    patterns such as `AWS_*` are understood). Names no program could read are left out.
    """
    kind_patterns = adapter_for(agent.kind).variables
    wanted = (*USUAL, *(name for name in kind_patterns if not name.startswith("!")))
    unwanted = tuple(name[1:] for name in kind_patterns if name.startswith("!"))
    asked = agent.pass_env
    if "GIT_CONFIG_COUNT" in asked:
        asked = (*asked, *_NUMBERED_PAIRS)
    allowed = {
        name: value
        for name, value in environ.items()
        if _NAME.match(name)
        and "\0" not in value
        and (_any(name, asked) or (_any(name, wanted) and not _any(name, unwanted)))
    }
    return tuple(sorted((allowed | dict(agent.env)).items()))


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
