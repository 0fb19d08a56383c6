"""A review by the real program of a second vendor, from the planted defect to the landing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.testing.models import ModelServer, Scenarios
from tests.e2e.conftest import ProgramOf
from tests.e2e.place import Place
from tests.e2e.real_agents import AGENTS
from tests.e2e.scenarios import scenarios

Figure = Callable[[str, object], None]

pytestmark = pytest.mark.e2e

# The user's own templates say which scenario a turn is; a finding carries the marker by which the
# second review is told from the first.
REVIEW = "Review {{title}}\n\n{{stat}}\n\n[[scenario:rejects]]\n\nFound before:\n\n{{earlier}}\n"
FIX = "{{reason}}\n\n{{output}}\n\n[[scenario:mend file=a.txt word=ok]]\n"
FINDING = {
    "file": "a.txt",
    "line": 1,
    "severity": "major",
    "text": "says wrong where the task asks for ok [[scenario:agrees]]",
}


def reviews() -> Scenarios:
    """What the reviewer says: first that there is a defect, then that there is none."""
    reject = {"verdict": "reject", "summary": "a defect", "findings": [FINDING]}
    agree = {"verdict": "approve", "summary": "as asked", "findings": []}
    return {
        "rejects": [{"say": f"I looked at it.\n```json\n{json.dumps(reject)}\n```"}],
        "agrees": [{"say": json.dumps(agree)}],
    }


def test_a_defect_is_found_by_a_second_vendor_and_repaired_in_the_first_ones_session(
    tmp_path: Path, program_of: ProgramOf, record_property: Figure
) -> None:
    by_kind = {agent.kind: agent for agent in AGENTS}
    chosen = [(by_kind[kind], program_of(kind)) for kind in ("claude", "codex")]
    with ModelServer({**scenarios(), **reviews()}) as server:
        place = Place(tmp_path, server, chosen)
        place.pg.write(".gangsaw/prompts/review.md", REVIEW)
        place.pg.write(".gangsaw/prompts/fix.md", FIX)
        found = place.run(
            [
                {
                    "id": "a",
                    "title": "a",
                    "prompt": "Write ok. [[scenario:edit file=a.txt word=wrong]]",
                    "stages": ["work", "review"],
                    "reviewer": "codex",
                    "checks": ["test -s a.txt"],
                }
            ]
        )["a"]
        asked = [(seen.dialect, seen.scenario) for seen in server.log() if seen.scenario]
    assert (found["status"], found["attempts"]) == ("landed", 1), place.told()
    assert place.pg.git("show", "gangsaw/run/r1:a.txt") == "ok"
    turns = [(each["why"], each["agent"]) for each in place.bodies("turn.wanted")]
    assert turns == [("work", ""), ("review", "codex"), ("fix", ""), ("review", "codex")]
    given = [each["review"] for each in place.bodies("review.given")]
    assert [each["approved"] for each in given] == [False, True]
    assert given[0]["findings"] == [FINDING]
    # The author's own session went on, and the reviewer's is never the attempt's.
    assert len(place.sessions("a.1")) == 1, place.told()
    assert str(FINDING["text"]) in place.prompt("a.1", 3)
    assert ("responses", "rejects") in asked
    assert ("responses", "agrees") in asked
    assert ("anthropic", "mend") in asked
    record_property(
        "figure",
        "review by a second vendor (claude, codex): 1 defect planted, found, repaired in the "
        "author's session, reviewed again, landed",
    )
