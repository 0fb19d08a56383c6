"""What the scripted model says in the end-to-end tests, to whichever program asks."""

from __future__ import annotations

from typing import Any

from gangsaw.testing.models import Scenarios

Step = dict[str, Any]


def scenarios(reset_s: float = 3.0, quota_says: str = "") -> Scenarios:
    """What the model says; `{file}`, `{word}` and `{gate}` come from the marker. A used up
    allowance comes back after `reset_s`; `quota_says` are the vendor's words on it, if not the
    usual ones."""
    write: Step = {"write": {"path": "{file}", "content": "{word}\n"}}
    commit: Step = {"bash": "git add -A && git commit -q -m add-{file}"}
    begun: Step = {"say": "I begin.", "write": {"path": "begun.txt", "content": "half\n"}}
    used_up: Step = {"fault": {"kind": "quota", "resets_in_s": reset_s, "message": quota_says}}
    return {
        "edit": [
            {"say": "I will write {file}.", **write,
             "usage": {"input": 1200, "output": 40, "cached": 300}},
            {**commit, "usage": {"input": 100, "output": 30, "cached": 1500, "cache_write": 20}},
            {"say": "Done with {file}.", "usage": {"input": 110, "output": 12, "cached": 1600}},
        ],
        "mend": [
            {"say": "I mend {file}.", "bash": "printf 'ok\\n' > {file} && git commit -qam mend",
             "edit": {"path": "{file}", "content": "ok\n"}},
            {"say": "Mended."},
        ],
        "together": [
            {"gate": "{gate}", "write": {"path": "{file}", "content": "ok\n"}},
            commit,
            {"say": "Done with {file}."},
        ],
        "stuck": [begun, {"gate": "halfway", "bash": "git add -A && git commit -q -m finished"},
                  {"say": "Finished."}],
        # What of a broken off chat is told again may count as an answer to it.
        "stuck_at_once": [{"gate": "halfway", **begun}, begun],
        "limit": [begun, {**used_up, "bash": "git add -A && git commit -q -m finished"},
                  {"say": "Finished."}],
        "limit_at_once": [{**used_up, **begun}],
    }  # fmt: skip
