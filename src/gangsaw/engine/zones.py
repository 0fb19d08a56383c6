"""The zone whose wall clock cron text goes by."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from gangsaw.core.errors import UserError

LOCAL_ZONE = "/etc/localtime"
_FOLDER = "zoneinfo/"


def zone_name(environ: Mapping[str, str]) -> str:
    """The name of the machine's zone, such as `Europe/Vienna`; empty where it has none."""
    link = ""
    if os.path.islink(LOCAL_ZONE):
        link = os.path.realpath(LOCAL_ZONE)
    for name in (environ.get("TZ", "").lstrip(":"), link.partition(_FOLDER)[2]):
        if name and _zone(name) is not None:
            return name
    return ""


def zone_of(name: str, now: float) -> tzinfo:
    """The zone of that name; without a name, the machine's offset at `now`. `UserError` for a name
    that this machine does not know."""
    found = _zone(name) if name else datetime.fromtimestamp(now).astimezone().tzinfo
    if found is None:
        raise UserError(f"cannot find the time zone '{name}'; try installing the tzdata package")
    return found


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a folder, no zone at all, or none of that name
        return None
