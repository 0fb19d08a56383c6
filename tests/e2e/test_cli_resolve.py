"""Two tasks change the same function: the second one's agent, the real Claude Code CLI, gets a
resolve turn with the target merged in, and its work lands, flagged as resolved by a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.testing.models import ModelServer, Scenarios
from tests.e2e.conftest import ProgramOf
from tests.e2e.place import Place
from tests.e2e.real_agents import AGENTS

Figure = Callable[[str, object], None]

pytestmark = pytest.mark.e2e

BASE = "def price(net):\n    return net\n"
TAX = "def price(net):\n    return net * 1.19\n"
DISCOUNT = "def price(net):\n    return net - 5\n"
BOTH = "def price(net):\n    return (net - 5) * 1.19\n"
WAIT = (
    "n=0; until git cat-file -p gangsaw/run/r1:app.py | grep -q 1.19; "
    "do n=$((n+1)); test $n -lt 900 || exit 1; sleep 0.1; done"
)
COMMIT = "git add -A && git commit -q -m work"
SEE = "git rev-parse -q --verify MERGE_HEAD > seen.txt && grep -c '^|||||||' app.py >> seen.txt"
TASK = "What is said in the marker. [[scenario:{name}]]"


def says() -> Scenarios:
    """`tax` changes the function; `discount` changes the same line, once that has landed, and then
    looks at the merge it finds in its worktree, and puts both together."""
    return {
        "tax": [
            {"bash": f"printf '{TAX}' > app.py; {COMMIT}"},
            {"say": "The tax is in."},
        ],
        "discount": [
            {"bash": WAIT},
            {"bash": f"printf '{DISCOUNT}' > app.py; {COMMIT}"},
            {"say": "The discount is in."},
        ],
        "both": [
            {"bash": f"{SEE}; cp seen.txt ../../seen.txt; rm seen.txt"},
            {"bash": f"printf '{BOTH}' > app.py; git add app.py; git commit -q --no-edit"},
            {"say": "Both are in."},
        ],
    }


def test_the_second_change_of_a_function_is_resolved_in_its_own_session(
    tmp_path: Path, program_of: ProgramOf, record_property: Figure
) -> None:
    claude = next(agent for agent in AGENTS if agent.kind == "claude")
    program = program_of("claude")
    with ModelServer(says()) as server:
        place = Place(tmp_path, server, [(claude, program)])
        shipped = (
            Path(__file__).parents[2] / "src/gangsaw/agents/templates/resolve.md"
        ).read_text()
        place.pg.write(".gangsaw/prompts/resolve.md", f"{shipped}\n[[scenario:both]]\n")
        place.pg.write("app.py", BASE)
        place.pg.git("add", "-A")
        place.pg.git("commit", "-qm", "app")
        found = place.run(
            [
                {"id": "tax", "title": "Add the tax", "prompt": TASK.format(name="tax"),
                 "checks": ["grep -q 1.19 app.py"]},
                {"id": "discount", "title": "Give a discount",
                 "prompt": TASK.format(name="discount"), "checks": ["grep -q 5 app.py"]},
            ]
        )  # fmt: skip
        told = place.told()
    assert (found["tax"]["status"], found["tax"]["attempts"]) == ("landed", 1), told
    assert (found["discount"]["status"], found["discount"]["attempts"]) == ("landed", 1), told
    turns = [(each["attempt"], each["why"]) for each in place.bodies("turn.wanted")]
    assert sorted(turns) == [("discount.1", "resolve"), ("discount.1", "work"), ("tax.1", "work")]
    assert place.pg.git("show", "gangsaw/run/r1:app.py") == BOTH.rstrip("\n")
    # What it found in its worktree: the merge of the target begun, with the base in the markers.
    merged, markers = (place.pg.root / "repo-worktrees" / "seen.txt").read_text().split()
    landed = {each["task"]: each["commit"] for each in place.bodies("landed")}
    assert (merged, markers) == (landed["tax"], "1")
    # What it was told: both tasks, what the other one changed, and how it will be checked.
    prompt = place.prompt("discount.1", 2)
    for text in ("Add the tax", TASK.format(name="tax"), TASK.format(name="discount"),
                 "+    return net * 1.19", "app.py (both sides changed the same lines)",
                 "grep -q 5 app.py"):  # fmt: skip
        assert text in prompt, f"{text}\n---\n{prompt}"
    assert len(place.sessions("discount.1")) == 1, told
    # How it is flagged.
    assert place.pg.trailer(landed["discount"], "Gangsaw-Resolved") == "model"
    assert place.pg.trailer(landed["tax"], "Gangsaw-Resolved") == ""
    resolved = place.bodies("conflict.resolved")
    assert [(each["how"], each["by"], each["paths"]) for each in resolved] == [
        ("model", "claude", ["app.py"])
    ]
    assert "model-resolved" in found["discount"]["reason"]
    assert "model-resolved" not in found["tax"]["reason"]
    record_property(
        "figure",
        "real Claude CLI: 2 tasks changed one function; 1 resolve turn in the same session, "
        "landed flagged as model-resolved",
    )
