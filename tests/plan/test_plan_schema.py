"""The schemas know the same keys as the readers, and accept what the readers accept."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from gangsaw.plan import config_schema, plan_schema, read_config, read_plan

PLAN = plan_schema()
TASK = PLAN["properties"]["tasks"]["items"]
CONFIG = config_schema()


def unknown_in_plan(tree: dict[str, Any]) -> set[str]:
    """Keys that the plan reader calls unknown."""
    said = [str(error) for error in read_plan(json.dumps(tree), "p").errors]
    return {
        found[1]
        for line in said
        if (found := re.search(r"([a-z_0-9]+): (unknown key|cannot be a default)", line))
    }


def unknown_in_config(text: str) -> set[str]:
    said = [str(error) for error in read_config(text, "g").errors]
    return {found[1] for line in said if (found := re.search(r"([a-z_0-9]+): unknown key", line))}


CONTRACT_TASK = (
    "id title prompt needs scope track alone priority agent model checks review workspace"
    " timeout_s estimate_s attempts budget budget_tokens env stages reviewer role".split()
)


def test_the_plan_schema_has_the_keys_of_the_contract() -> None:
    assert set(PLAN["properties"]) == {"version", "goal", "defaults", "tracks", "tasks"}
    assert set(TASK["properties"]) == {*CONTRACT_TASK, "prompt_file", "status"}
    given = set(PLAN["properties"]["defaults"]["properties"])
    assert given == set(CONTRACT_TASK) - {"id", "title", "prompt", "needs"}


def test_plan_reader_and_schema_know_the_same_keys() -> None:
    everything = dict.fromkeys(TASK["properties"], 0)
    assert unknown_in_plan({"tasks": [{**everything, "zzz": 0}]}) == {"zzz"}
    assert unknown_in_plan({**dict.fromkeys(PLAN["properties"], 0), "zzz": 0}) == {"zzz"}
    known = PLAN["properties"]["defaults"]["properties"]
    extra = {"title": "x", "id": "x", "prompt": "x", "needs": [], "zzz": 0}
    assert unknown_in_plan({"defaults": {**dict.fromkeys(known, 0), **extra}}) == set(extra)


@pytest.mark.parametrize(
    "section", ["run", "checks", "landing", "worktree", "honesty", "radar", "machine"]
)
def test_config_reader_and_schema_know_the_same_keys(section: str) -> None:
    keys = CONFIG["properties"][section]["properties"]
    lines = "".join(f"{key} = 0\n" for key in (*keys, "zzz"))
    assert unknown_in_config(f"[{section}]\n{lines}") == {"zzz"}


def test_agent_keys() -> None:
    keys = CONFIG["properties"]["agents"]["additionalProperties"]["properties"]
    expected = (
        "kind argv stdin binary args model env pass_env fallback fallback_after_s"
        " account slots seats role"
        " memory_max_mb"
    ).split()
    assert list(keys) == expected
    lines = "".join(f"{key} = 0\n" for key in (*keys, "zzz"))
    assert unknown_in_config(f"[agents.a]\n{lines}") == {"zzz"}


def test_run_keys_of_the_contract() -> None:
    assert set(CONFIG["properties"]["run"]["properties"]) == set(
        "agent agents max_agents deliver attempts turns timeout_s stall_s grace_s backoff_s"
        " backoff_max_s uncommitted budget budget_tokens budget_day budget_day_tokens reserve"
        " on_interrupt remote"
        " memory_floor_pct disk_floor_mb crashes reviewer rounds batched dry_run".split()
    )


def test_schemas_are_json_and_say_their_dialect() -> None:
    for schema in (PLAN, CONFIG):
        assert json.loads(json.dumps(schema)) == schema
        assert schema["$schema"].endswith("2020-12/schema")
        assert schema["additionalProperties"] is False


def test_choices_are_the_same() -> None:
    for key in ("review", "workspace"):
        for choice in TASK["properties"][key]["enum"]:
            tree = {"tasks": [{"id": "a", "prompt": "x", key: choice}]}
            assert read_plan(json.dumps(tree), "p").plan is not None
