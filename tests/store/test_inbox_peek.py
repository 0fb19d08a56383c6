"""Looking into the inbox again and again, as an engine does that waits for room on its disk."""

from __future__ import annotations

import select
from pathlib import Path

from gangsaw.engine.requests import Inbox
from gangsaw.store.control import make_private_folder
from gangsaw.store.inbox import Request, ring, submit


def test_who_peeks_is_not_kept_awake_by_the_bell(tmp_path: Path) -> None:
    """The request stays where it is and is still told as news later; the bell that told of it must
    not cut short every sleep until then."""
    folder = tmp_path / "inbox"
    make_private_folder(folder)
    inbox = Inbox(folder)
    try:
        submit(folder, Request("k", "pause", {}, 1.0, "me"))
        ring(folder)
        assert select.select([inbox.wake_fd], [], [], 0)[0] == [inbox.wake_fd]
        assert [asked.verb for asked in inbox.peek()] == ["pause"]
        assert select.select([inbox.wake_fd], [], [], 0)[0] == []
        assert [asked.verb for asked in inbox.read()] == ["pause"]
    finally:
        inbox.close()
