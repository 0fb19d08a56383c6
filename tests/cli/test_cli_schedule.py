"""`gangsaw schedule`, and the options of `gangsaw run` that belong to it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gangsaw.cli.asked import Asked
from gangsaw.cli.commands.run import command as run_command
from gangsaw.cli.scheduling import words_of
from gangsaw.engine.scheduler import fold_log
from gangsaw.engine.zones import zone_name, zone_of
from gangsaw.store.schedule_log import (
    OUTPUTS_KEPT,
    ScheduleLog,
    begin_log,
    make_schedule_place,
    prune_outputs,
    read_log,
)
from gangsaw.testing.playground import Playground


@pytest.fixture
def kept(pg: Playground) -> Iterator[Playground]:
    """A playground whose schedule, if it has one, is ended."""
    yield pg
    pg.call("schedule", "down", "--kill")


def quick(pg: Playground) -> Path:
    return pg.plan([{"id": "a", "prompt": "echo a > a.txt", "checks": ["true"]}])


def gated(pg: Playground) -> Path:
    wait = 'echo start >> "$LEDGER"; until [ -e "$LEDGER.go" ]; do sleep 0.02; done; echo a > a.txt'
    return pg.plan([{"id": "a", "prompt": wait, "checks": ["true"]}])


def test_up_status_logs_down(kept: Playground) -> None:
    plan = quick(kept)
    for words in (("status",), ("logs",), ("up",), ("export", "--crontab")):
        none = kept.call("schedule", *words)
        assert none.returncode in (1, 2)
        assert none.stderr.startswith("gangsaw: cannot ")
    assert kept.call("schedule", "down").stdout == "no schedule is open here\n"

    up = kept.call("schedule", "up", plan, "--every", "10m", "--for", "6h", "--max-agents", "2")
    assert up.returncode == 0, up.stderr
    assert up.stdout.startswith(f"s1 ({plan} every 10m) is kept in the background (pid ")
    kept.wait_for(lambda: '"last": {' in kept.call("schedule", "status", "--json").stdout,
                  "the first tick")  # fmt: skip
    status = kept.call("schedule", "status")
    assert status.returncode == 0
    assert f"s1 · {plan} every 10m until " in status.stdout
    assert "last  tick 1 · r1 · landed 1 of 1 · exit 0" in status.stdout
    assert "next  tick 2 at " in status.stdout
    assert "tick 1 ended: r1 landed 1 of 1 · exit 0" in kept.call("schedule", "logs").stdout
    assert "✓ a landed" in kept.call("schedule", "logs", "1").stdout
    assert "cannot find what tick 9 has said" in kept.call("schedule", "logs", "9").stderr

    # one instance
    second = kept.call("schedule", "up", plan, "--every", "5m")
    assert second.returncode == 2
    assert "keeps one here already" in second.stderr
    assert kept.call("run", plan, "--every", "5m").returncode == 2

    down = kept.call("schedule", "down")
    assert down.returncode == 0
    assert down.stdout.endswith("s1 is over: 1 ran, 0 skipped, 0 missed\n")
    ended = kept.call("schedule", "status")
    assert ended.returncode == 0
    assert "over: ended by " in ended.stdout


@pytest.mark.parametrize(
    ("review", "dirty", "why"),
    [
        ("person", False, "landed 0 of 1, 1 needs you: a needs you: "),
        ("none", True, "landed 1 of 1: main is not moved: "),
    ],
)
def test_a_tick_that_ends_with_exit_3_says_why(
    kept: Playground, review: str, dirty: bool, why: str
) -> None:
    if dirty:
        kept.write("a.txt", "somebody's own\n")
    plan = kept.plan([{"id": "a", "prompt": "echo a > a.txt", "review": review}])
    up = kept.call("schedule", "up", plan, "--every", "10m")
    assert up.returncode == 0, up.stderr
    kept.wait_for(lambda: "tick 1 ended" in kept.call("schedule", "logs").stdout, "its end")
    line = next(
        line for line in kept.call("schedule", "logs").stdout.splitlines() if "tick 1 ended" in line
    )
    assert f"tick 1 ended: r1 {why}" in line
    reason = line.partition(why)[2].removesuffix(" · exit 3")
    assert line.endswith(" · exit 3")
    assert reason, line


@pytest.mark.parametrize("how", ["stop", "kill", "wait"])
def test_down_while_a_tick_runs(kept: Playground, how: str) -> None:
    plan = gated(kept)
    assert kept.call("schedule", "up", plan, "--every", "10m").returncode == 0
    kept.wait_for(lambda: bool(kept.ledger_lines()), "the agent")
    if how == "wait":
        Path(f"{kept.ledger}.go").write_text("")
    down = kept.call("schedule", "down", *([] if how == "stop" else [f"--{how}"]))
    assert down.returncode == 0, down.stdout + down.stderr
    assert "s1 is over: 1 ran" in down.stdout
    logs = kept.call("schedule", "logs").stdout
    code = 0 if how == "wait" else 130
    assert f"tick 1 ended: r1 landed {0 if code else 1} of 1" in logs
    assert f" · exit {code}\n" in logs
    assert kept.call("stop").stdout == "nothing is running\n"


@pytest.mark.parametrize("engine_lives", [True, False])
def test_down_without_a_scheduler(kept: Playground, engine_lives: bool) -> None:
    """It was killed; its schedule is ended all the same, with the run of its tick."""
    plan = gated(kept)
    life = kept.start("run", plan, "--every", "10m", "--plain")
    kept.wait_for(lambda: bool(kept.ledger_lines()), "the agent")
    life.kill()
    life.wait(60)
    if not engine_lives:
        kept.call("kill")
    status = kept.call("schedule", "status")
    assert status.returncode == 1
    assert "nobody keeps it: no tick will come; to go on with it: gangsaw schedule up" in (
        status.stdout
    )
    down = kept.call("schedule", "down")
    assert down.returncode == 0, down.stdout + down.stderr
    logs = kept.call("schedule", "logs").stdout
    assert "tick 1 ended: r1 landed 0 of 1" in logs
    assert "over: ended by " in logs
    assert kept.call("stop").stdout == "nothing is running\n"


def test_a_scheduler_that_stands_still_is_killed_by_its_lock(kept: Playground) -> None:
    plan = quick(kept)
    life = kept.start("run", plan, "--every", "10m", "--plain")
    place = make_schedule_place(kept.repo / ".git" / "gangsaw")
    kept.wait_for(lambda: fold_log(read_log(place.log)).last is not None, "the first tick")
    os.kill(life.pid, signal.SIGSTOP)
    assert kept.call("schedule", "down", "--kill").returncode == 0
    assert life.wait(60) == -signal.SIGKILL


def test_up_goes_on_with_what_a_dead_one_left(kept: Playground) -> None:
    plan = quick(kept)
    life = kept.start("run", plan, "--every", "10m", "--for", "6h", "--plain")
    place = make_schedule_place(kept.repo / ".git" / "gangsaw")
    kept.wait_for(lambda: fold_log(read_log(place.log)).last is not None, "the first tick")
    before = fold_log(read_log(place.log))
    life.kill()
    life.wait(60)
    other = kept.call("schedule", "up", plan, "--every", "5m")
    assert other.returncode == 2
    assert "is not over; to go on with it: gangsaw schedule up" in other.stderr
    up = kept.call("schedule", "up")
    assert up.returncode == 0, up.stderr
    after = json.loads(kept.call("schedule", "status", "--json").stdout)
    assert (after["schedule"], after["ticks"], after["end_at"]) == ("s1", 1, before.end_at)
    follow = kept.start("schedule", "logs", "--follow")
    assert kept.call("schedule", "down").returncode == 0
    assert follow.wait(60) == 0
    assert "over: ended by" in (kept.root / "output").read_text()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--every", "10"), "'10' is no length of time; try 90s, 10m, 2h or 1h30m"),
        (("--every", "0s"), "is no length of time"),
        (("--cron", "* * * *"), "it needs five fields"),
        (("--cron", "99 * * * *"), "bad minute"),
        (("--every", "10m", "--cron", "* * * * *"), "--every and --cron exclude each other"),
        (("--for", "6h"), "--for and --repeat need --every or --cron"),
        (("--repeat",), "--for and --repeat need --every or --cron"),
        (("--every", "10m", "--new"), "--every goes with neither --new nor --dry-run"),
        (("--cron", "0 3 * * *", "--dry-run"), "--cron goes with neither --new nor --dry-run"),
        (("--unlanded", "--dry-run"), "--dry-run shows the whole plan"),
        (("--every", "10m", "--tries", "0"), "--tries"),
    ],
)
def test_options_that_make_no_sense(pg: Playground, words: tuple[str, ...], text: str) -> None:
    done = pg.call("run", quick(pg), *words)
    assert done.returncode == 2
    assert text in done.stderr


@pytest.mark.parametrize("words", [("plan.json",), ("--budget", "5"), ("--for", "6h")])
def test_up_without_a_rhythm_takes_nothing_else(pg: Playground, words: tuple[str, ...]) -> None:
    done = pg.call("schedule", "up", *words)
    assert done.returncode == 2
    assert "how often? Try --every 10m, or --cron TEXT" in done.stderr


OF_THE_SCHEDULE = frozenset(
    "--every --for --cron --repeat --tries --tick --unlanded --new --dry-run --detach "
    "--trust-setup --plain --json".split()
)
"""Options of `gangsaw run` that are about the schedule itself, or about where it is kept."""


def test_every_other_option_of_run_is_handed_on_to_each_tick() -> None:
    options = {each.opts[-1]: each for each in run_command.params if isinstance(each, click.Option)}
    assert options.keys() >= OF_THE_SCHEDULE
    given: list[str] = []
    # What a dry run says is for whoever asks for one; what the schedule is of is named beside.
    other = {"--from", "--map", "--verbose"}
    for name in sorted(options.keys() - OF_THE_SCHEDULE - other):
        choices = getattr(options[name].type, "choices", None)
        shown = "--no-watch" if name == "--watch" else name
        given += [shown, *([] if options[name].is_flag else [choices[0] if choices else "7"])]
    params = run_command.make_context("run", list(given)).params
    assert params["source"] is None
    rest = {name: value for name, value in params.items() if name not in ("plan", "mapping")}
    asked = Asked(**rest)
    handed_on = words_of(asked)
    assert {word.removesuffix(".0") for word in handed_on} == set(given)


TODO = "# Things\n\n- [ ] A-1 first\n- [ ] A-2 second\n"
WORK = "[ $GANGSAW_TASK != A-2 ]; echo a > $GANGSAW_TASK.txt; git add -A; git commit -qm work"


def test_a_schedule_reads_its_task_file_at_every_tick(kept: Playground) -> None:
    """What landed is ticked, what comes is taken up, and what has failed often enough is left."""
    work = json.dumps(["sh", "-euc", WORK])
    kept.settings(f'[agents.writer]\nkind = "command"\nstdin = "none"\nargv = {work}\n')
    path = kept.write("TODO.md", TODO)
    words = ("--from", "checklist", "--every", "1s", "--tries", "1", "--agent", "writer")
    up = kept.call("schedule", "up", *words)
    assert up.returncode == 0, up.stderr
    assert up.stdout.startswith("s1 (--from checklist every 1s) is kept in the background")
    kept.wait_for(lambda: "left alone" in kept.call("schedule", "logs").stdout, "a second tick")
    assert path.read_text() == TODO.replace("[ ] A-1", "[x] A-1")
    path.write_text(path.read_text() + "- [ ] A-3 third\n")
    kept.wait_for(lambda: "[x] A-3" in path.read_text(), "A-3 is done")
    kept.wait_for(lambda: "r2 landed" in kept.call("schedule", "logs").stdout, "its tick is over")
    assert kept.call("schedule", "down").returncode == 0
    status = json.loads(kept.call("status", "--json").stdout)
    assert [(task["id"], task["status"]) for task in status["tasks"]] == [("A-3", "landed")]
    text = kept.call("schedule", "export", "--systemd").stdout
    assert "exec gangsaw run --from checklist --unlanded --agent writer --target main " in text


def test_a_schedule_of_a_task_file_may_begin_with_nothing_to_do(kept: Playground) -> None:
    kept.write("TODO.md", "# Things\n\n- [x] A-1 first\n- [>] A-2 second\n")
    done = kept.call("run", "--from", "checklist", "--every", "1s", "--for", "1s")
    assert done.returncode == 0, done.stderr
    assert "nothing to do: of TODO.md 1 done, 1 on hold (A-2)" in done.stdout


def test_a_schedule_keeps_the_mapping_of_a_table(kept: Playground) -> None:
    work = json.dumps(["sh", "-euc", WORK])
    kept.settings(f'[agents.writer]\nkind = "command"\nstdin = "none"\nargv = {work}\n')
    rows = [{"No": "7", "What": "one"}, {"No": "8", "What": "two"}]
    kept.write("things.json", json.dumps(rows))
    words = ("--from", "things.json", "--map", "id=No,title=What", "--only", "7",
             "--every", "1s", "--for", "1s", "--agent", "writer")  # fmt: skip
    done = kept.call("run", *words)
    assert done.returncode == 0, done.stderr
    assert "tick 1 ended: r1 landed 1 of 1" in done.stdout
    assert "s1 begun: --from table?id=No,title=What:things.json every 1s" in done.stdout


def test_a_journal_that_is_being_made_stops_no_schedule(kept: Playground) -> None:
    control = kept.repo / ".git" / "gangsaw"
    control.mkdir()
    (control / "journal.db").touch()
    done = kept.call("run", quick(kept), "--every", "1s", "--for", "1s")
    assert done.returncode == 0, done.stderr
    assert "tick 1 ended: r1 landed 1 of 1" in done.stdout


@pytest.mark.parametrize(
    "words",
    [["simulate"], ["prompt", "a"], ["clean"], ["machine"], ["run", "--detach"], ["stranded"]],
)
def test_a_journal_that_is_being_made_is_no_journal_yet(pg: Playground, words: list[str]) -> None:
    plan = quick(pg)
    control = pg.repo / ".git" / "gangsaw"
    control.mkdir(exist_ok=True)
    (control / "journal.db").touch()
    plans = [str(plan)] if words[0] in ("simulate", "run") else []
    plans = ["--plan", str(plan)] if words[0] == "prompt" else plans
    done = pg.call(*words, *plans)
    assert done.returncode == 0, done.stderr


def test_unlanded_runs_what_has_not_landed(pg: Playground) -> None:
    plan = quick(pg)
    assert pg.call("run", plan, "--unlanded").returncode == 0
    again = pg.call("run", plan, "--unlanded")
    assert again.returncode == 0
    assert again.stdout == "nothing new to do: 1 task has landed\n"
    more = {"id": "b", "prompt": "test -f a.txt && echo b > b.txt", "checks": ["true"]}
    pg.plan([{"id": "a", "prompt": "echo a > a.txt", "checks": ["true"]},
             {**more, "needs": ["a"]}])  # fmt: skip
    third = pg.run(plan, "--unlanded")
    assert [task["id"] for task in third["tasks"]] == ["b"]
    assert pg.git("show", "main:b.txt") == "b"


def test_a_fresh_clone_with_the_journal_repeats_nothing(pg: Playground, tmp_path: Path) -> None:
    """What the exported workflow of a CI service relies on."""
    plan = quick(pg)
    assert pg.call("run", plan, "--unlanded", "--new").returncode == 0
    clone = tmp_path / "clone"
    pg.git("clone", "-q", str(pg.repo), str(clone))
    (clone / ".git" / "gangsaw").mkdir()
    journal = pg.repo / ".git" / "gangsaw" / "journal.db"
    (clone / ".git" / "gangsaw" / "journal.db").write_bytes(journal.read_bytes())
    again = pg.call("run", plan, "--unlanded", "--new", cwd=clone)
    assert (again.returncode, again.stdout) == (0, "nothing new to do: 1 task has landed\n")


SERVICE = """\
[Service]
Type=oneshot
WorkingDirectory={repo}
ExecStart=/bin/sh -lc "exec gangsaw run plan.yaml --unlanded --plain"
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--every", "10m", "--systemd"), "OnActiveSec=0\nOnUnitActiveSec=600s\n"),
        (("--cron", "*/20 3 * * *", "--systemd"), "OnCalendar=*-*-* 03:00,20,40:00\n"),
        (("--cron", "0 * 1 2,3 *", "--systemd"), "OnCalendar=*-02,03-01 *:00:00\n"),
        (("--cron", "0 3 * * 1-5", "--systemd"), "OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 03:00:00\n"),
        (
            ("--cron", "0 3 1 * 7", "--systemd"),
            "OnCalendar=Sun *-*-* 03:00:00\nOnCalendar=*-*-01 03:00:00\nPersistent=true\n",
        ),
        (("--every", "10m", "--crontab"), "\n*/10 * * * * cd {repo} && gangsaw run plan.yaml "),
        (("--every", "1h", "--crontab"), "\n0 * * * * cd "),
        (("--every", "6h", "--crontab"), "\n0 */6 * * * cd "),
        (("--every", "1d", "--crontab"), "\n0 0 * * * cd "),
        (("--every", "1m", "--crontab"), "\n* * * * * cd "),
        (("--cron", "5 4 * * sun", "--crontab"), "\n5 4 * * sun cd {repo} && gangsaw run "),
        (("--every", "2h", "--ci"), '    - cron: "0 */2 * * *" # in UTC\n'),
        (("--every", "2h", "--ci"), "      - run: gangsaw run plan.yaml --unlanded --new --plain"),
    ],
)
def test_exports(pg: Playground, words: tuple[str, ...], expected: str) -> None:
    quick(pg).rename(pg.repo / "plan.yaml")
    done = pg.call("schedule", "export", "plan.yaml", *words)
    assert done.returncode == 0, done.stderr
    assert expected.format(repo=pg.repo) in done.stdout
    if "--systemd" in words:
        assert SERVICE.format(repo=pg.repo) in done.stdout
    if "--ci" in words:
        assert str(pg.root) not in done.stdout
    assert "PYTHONPATH" not in done.stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--every", "7m", "--crontab"), "cannot say 'every 7m' as cron text"),
        (("--every", "90s", "--ci"), "cannot say 'every 1m30s' as cron text"),
        (("--every", "5h", "--ci"), "cannot say 'every 5h' as cron text"),
        (("--cron", "0 0 L * *", "--systemd"), 'cannot say "0 0 L * *" for systemd'),
        (("--cron", "0 0 * * mon#1", "--systemd"), "for systemd; try --crontab"),
        (("--every", "ten", "--crontab"), "'ten' is no length of time"),
        (("--cron", "x", "--crontab"), "it needs five fields"),
        (("--every", "10m"), "for whom? Try --systemd, --crontab or --ci"),
        (("--crontab",), "how often?"),
        (("--every", "1h", "--cron", "* * * * *", "--ci"), "cannot use --every and --cron at once"),
    ],
)
def test_what_cannot_be_exported(pg: Playground, words: tuple[str, ...], text: str) -> None:
    quick(pg).rename(pg.repo / "plan.yaml")
    done = pg.call("schedule", "export", "plan.yaml", *words)
    assert done.returncode == 2
    assert text in done.stderr


def test_what_is_not_there_is_not_exported(pg: Playground) -> None:
    words = ("schedule", "export", "--every", "1h", "--ci")
    for named, said in (
        (("plan.yaml",), "cannot export: there is no plan.yaml here; try: gangsaw schedule export"),
        (("--from", "roadmap"), "cannot find a roadmap source here"),
    ):
        done = pg.call(*words, *named)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
    pg.write("ROADMAP.md", "# Roadmap\n")
    found = pg.call(*words, "--from", "roadmap")
    assert "      - run: gangsaw run --from roadmap --unlanded --new --plain" in found.stdout


def test_the_schedule_of_this_repository_is_exported(kept: Playground) -> None:
    quick(kept).rename(kept.repo / "plan.json")
    kept.call("run", "plan.json", "--every", "1s", "--for", "1s", "--max-agents", "2")
    text = kept.call("schedule", "export", "--systemd").stdout
    assert "gangsaw run plan.json --unlanded --max-agents 2 --target main --plain" in text
    assert "OnUnitActiveSec=1s" in text


def test_systemd_takes_what_is_exported(pg: Playground, tmp_path: Path) -> None:
    """The words of a unit are quoted as systemd reads them: `%`, `$` and quotes stay what they
    are."""
    for name in ("a %b $c.yaml", "a %b.yaml"):
        pg.write(name, "")
    done = pg.call("schedule", "export", "a %b $c.yaml", "--every", "10m", "--systemd")
    assert "exec gangsaw run 'a %%b $$c.yaml' --unlanded --plain" in done.stdout
    cron = pg.call("schedule", "export", "a %b.yaml", "--every", "10m", "--crontab").stdout
    assert "gangsaw run 'a \\%b.yaml' --unlanded" in cron


def test_a_log_that_a_crash_has_cut_short(tmp_path: Path) -> None:
    control = tmp_path / "gangsaw"
    place = make_schedule_place(control)
    with ScheduleLog(place) as log:
        log.append(1.0, "scheduler.started", {"pid": 7})
    whole = place.log.read_bytes()
    place.log.write_bytes(whole + whole[:20])
    assert len(read_log(place.log)) == 1
    with ScheduleLog(place) as log:
        log.append(2.0, "scheduler.started", {"pid": 8})
    assert [row.body for row in read_log(place.log)] == [{"pid": 7}, {"pid": 8}]


def test_a_log_that_is_too_long_is_put_aside(tmp_path: Path) -> None:
    place = make_schedule_place(tmp_path / "gangsaw")
    begin_log(place)
    place.log.write_bytes(b" " * 9_000_000)
    begin_log(place)
    assert not place.log.exists()
    assert place.former_log.stat().st_size == 9_000_000
    for number in range(OUTPUTS_KEPT + 5):
        path = place.output("s1", number)
        path.write_text("")
        os.utime(path, (number, number))
    prune_outputs(place)
    assert len(list(place.root.glob("*.out"))) == OUTPUTS_KEPT
    assert not place.output("s1", 4).exists()


def test_zones() -> None:
    assert zone_name({"TZ": ":Europe/Vienna"}) == "Europe/Vienna"
    assert zone_name({"TZ": "no such zone"}) == zone_name({})
    assert zone_of("", 0.0).utcoffset(None) is not None
    assert str(zone_of("Europe/Vienna", 0.0)) == "Europe/Vienna"
