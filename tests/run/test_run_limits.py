"""What a vendor's limits do to four agents of one account, with the real program and a clock that
the tests set: a usage limit with its reset, a throttle, a bare text, words that only look so."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gangsaw.store.errors import NoJournal
from gangsaw.store.journal import open_journal
from gangsaw.testing.endstate import control_of
from gangsaw.testing.playground import Playground

NAMES = ("a", "b", "c", "d")
HOUR_S = 3600.0
AGENTS = "".join(
    f'[agents.{name}]\nkind = "scripted"\naccount = "team"\n'
    for name in ("one", "two", "six", "ten")
)
OF = dict(zip(NAMES, ("one", "two", "six", "ten"), strict=True))


class Limited(Playground):
    """A playground whose engine goes by a clock of the test."""

    run_id = "r1"

    @property
    def clock(self) -> Path:
        return self.root / "clock"

    def later(self, seconds: float) -> None:
        """The machine wakes up, so much later than before."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(f"0 {seconds}")
        fresh.rename(self.clock)

    @contextmanager
    def engine(self, plan: Path, *args: str) -> Iterator[subprocess.Popen[bytes]]:
        plain = self.argv("run", plan, "--plain", *args)
        argv = [*plain[:2], "gangsaw.testing.skewed", str(self.clock), "--", *plain[3:]]
        with (self.root / "output").open("ab") as output:
            engine = subprocess.Popen(argv, cwd=self.repo, env=self.environment(), stdout=output,
                                      stderr=output, stdin=subprocess.DEVNULL)  # fmt: skip
        try:
            yield engine
        finally:
            engine.kill()
            engine.wait(60)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        journal = control_of(self).journal
        if not journal.exists():
            return []
        with suppress(NoJournal), open_journal(journal, writer=False) as opened:
            return [
                {"at": row.at, "subject": row.subject, "body": dict(row.body)}
                for row in opened.read(self.run_id)
                if row.kind == kind
            ]
        return []

    def landed(self) -> bool:
        return len(self.of_kind("landed")) == len(NAMES)


def four(tmp_path: Path, *first: str, then: tuple[str, ...] = ()) -> tuple[Limited, Path]:
    """A task for each of four agents of one account: what they do first, and in their next turn."""
    ground = Limited(tmp_path, agent="scripted", max_agents=4)
    ground.settings(AGENTS)
    tasks = []
    for name in NAMES:
        work = (*then, f"write {name}.txt {name}", f"commit {name}", "usage 10 10 0.01")
        lines = (*first, "on continue", *work, "end")
        text = "\n".join(("```script", *lines, "```")).replace("{name}", name)
        tasks.append({"id": name, "agent": OF[name], "prompt": text})
    return ground, ground.plan(tasks)


def no_try_is_used(ground: Limited) -> None:
    assert not ground.of_kind("attempt.failed")
    assert {event["subject"] for event in ground.of_kind("landed")} == {f"{n}.1" for n in NAMES}


def conditions(ground: Limited) -> set[str]:
    return {event["body"]["condition"] for event in ground.of_kind("attempt.parked")}


def test_a_usage_limit_is_waited_for_until_its_reset(tmp_path: Path) -> None:
    ground, plan = four(tmp_path, "mood quota 3600")
    with ground.engine(plan) as engine:
        ground.wait_for(lambda: len(ground.of_kind("attempt.parked")) == 4, "all are parked")
        assert len(ground.of_kind("turn.wanted")) == 4
        reset = max(event["body"]["retry_at"] for event in ground.of_kind("turn.exited"))
        ground.later(HOUR_S - 120)
        ground.wait_for(lambda: len(ground.of_kind("clock.jumped")) == 1, "the clock is seen")
        assert len(ground.of_kind("turn.wanted")) == 4, "it is not yet over"
        ground.later(HOUR_S + 40)
        ground.wait_for(ground.landed, "all go on at the reset")
        assert engine.wait(60) == 0
    again = [event for event in ground.of_kind("turn.wanted") if event["body"]["launch"] > 1]
    assert len(again) == 4
    assert all(event["at"] >= reset for event in again)
    assert conditions(ground) == {"quota"}
    no_try_is_used(ground)


def test_after_a_throttle_one_goes_first_and_the_others_follow(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    then = ("write started-{name} x", f"wait {gate}")
    ground, plan = four(tmp_path, "mood throttled", then=then)
    with ground.engine(plan) as engine:
        ground.wait_for(lambda: len(ground.of_kind("attempt.parked")) == 4, "all are parked")
        ground.later(60.0)
        ground.wait_for(lambda: len(ground.of_kind("turn.started")) == 5, "one tries")
        # All four were asked to send less in one pause: it counts once, and one alone is launched.
        assert len(ground.of_kind("turn.wanted")) == 5
        held = [t["reason"] for t in ground.status()["tasks"] if "vendor asks" in t["reason"]]
        assert len(held) == 3, ground.status()["tasks"]
        gate.touch()
        ground.wait_for(ground.landed, "the others follow", 60)
        assert engine.wait(60) == 0
    wanted = [event["at"] for event in ground.of_kind("turn.wanted")]
    first = next(e["at"] for e in ground.of_kind("usage.reported"))
    assert sorted(wanted)[5] >= first, "nobody before it was answered"
    assert conditions(ground) == {"throttled"}
    no_try_is_used(ground)


def test_a_bare_text_is_a_throttle(tmp_path: Path) -> None:
    ground, plan = four(tmp_path, "error Error: 429 Too Many Requests", "exit 1")
    with ground.engine(plan) as engine:
        ground.wait_for(lambda: len(ground.of_kind("attempt.parked")) == 4, "all are parked")
        ground.later(60.0)
        ground.wait_for(ground.landed, "all go on", 60)
        assert engine.wait(60) == 0
    assert conditions(ground) == {"throttled"}
    no_try_is_used(ground)


def test_who_only_speaks_of_a_throttle_is_at_work(tmp_path: Path) -> None:
    """It writes and prints the very words, and fails for another reason; that is a try."""
    lines = (
        "write errors.txt 429 Too Many Requests", "message Error: 429 Too Many Requests",
        "error Error: 429 Too Many Requests", "error AssertionError: 429 != 200", "exit 1",
        "on attempt 2", "write a.txt HTTP 429", "error Error: 429 Too Many Requests",
        "commit a", "done Error: 429 Too Many Requests", "end",
    )  # fmt: skip
    ground = Playground(tmp_path, agent="scripted")
    prompt = "\n".join(("```script", *lines, "```"))
    found = ground.run(ground.plan([{"id": "a", "prompt": prompt}]))
    assert [task["status"] for task in found["tasks"]] == ["landed"]
    events = ground.events()
    assert not [event for event in events if event["kind"] == "attempt.parked"]
    failed = [event["body"] for event in events if event["kind"] == "attempt.failed"]
    assert [(body["cause"], body["counts"]) for body in failed] == [("exit", True)]
