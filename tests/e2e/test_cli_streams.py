"""Whether a real program still writes what its recordings have, and only that.

Where this fails, the message says what is different: look whether the reader has to follow, then
record anew (`python -m tests.e2e.record_streams`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.agents.lines import json_object
from gangsaw.testing.models import ModelServer
from tests.agents.golden_streams import Inventory, changes, inventory, known, recordings
from tests.e2e.conftest import ProgramOf
from tests.e2e.record_streams import KINDS, SCENARIOS, Studio, Take

pytestmark = pytest.mark.e2e

FORGETFUL = {"acp_gemini"}
"""What these saved of a session they cannot always load again."""


def lasting(raw: bytes) -> Inventory:
    """The inventory without events that are for a display only, and come or not by chance."""
    lines = raw.splitlines()
    return inventory(
        b"\n".join(line for line in lines if not (json_object(line) or {}).get("ephemeral"))
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_real_stream_is_as_it_was_recorded(
    kind: str, program_of: ProgramOf, tmp_path: Path
) -> None:
    program = program_of(kind.removeprefix("acp_"))
    with ModelServer(SCENARIOS) as server:
        studio = Studio(kind, str(program), server, tmp_path)
        done = [studio.turn(Take("edit"))]
        if kind not in FORGETFUL:
            done.append(studio.turn(Take("more", session="edit")))
    written = b"".join(each.stdout for each in done)
    assert not any(each.returncode for each in done), written
    now = lasting(written)
    told = changes(known(kind), now, whole=False)
    recorded = next(path for path in recordings(kind) if path.stem.endswith("_edit"))
    told += [
        f"no event {event} any more"
        for event in sorted(set(lasting(recorded.read_bytes())) - set(now))
    ]
    assert not told, f"{studio.stem} writes another stream than {recorded.name}:\n" + "\n".join(
        told
    )
