"""Reviews by another agent, and tests before the work: the real program, real git, shell agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground

REVIEWER = r"""
cat change.diff evidence.md task.md > /dev/null
echo "review $(pwd) $GANGSAW_TURN $(ls | tr '\n' ' ')" >> "$LEDGER"
if [ -e /proc/self ] && grep -q '^+.*BUG' change.diff; then
    line=$(grep -n BUG change.diff | head -1 | cut -d: -f1)
    echo "{\"verdict\": \"reject\", \"findings\": [{\"file\": \"a.txt\", \"line\": 1," \
        "\"severity\": \"major\", \"text\": \"planted defect at diff line $line\"}]}"
else
    echo '{"verdict": "approve", "summary": "fine", "findings": []}'
fi
"""

SETTINGS = """
[agents.critic]
kind = "command"
argv = ["sh", "{tool}"]
stdin = "prompt"
pass_env = ["LEDGER"]

[agents.author]
kind = "command"
argv = ["sh", "-eu", "{{task_prompt_file}}"]
stdin = "prompt"
pass_env = ["LEDGER"]
"""


@pytest.fixture
def ground(tmp_path: Path) -> Playground:
    ground = Playground(tmp_path, agent="author")
    tool = tmp_path / "critic.sh"
    tool.write_text(REVIEWER)
    ground.settings(SETTINGS.format(tool=tool))
    return ground


def task(prompt: str, **more: object) -> dict[str, object]:
    plain = {"id": "a", "prompt": prompt, "checks": ["test -s a.txt"], "reviewer": "critic"}
    return {**plain, **more}


MENDS = """
cat > prompt.seen; mv prompt.seen "$LEDGER.$GANGSAW_TURN"
if grep -q "diff line [0-9]" "$LEDGER.$GANGSAW_TURN"; then echo good > a.txt
else echo BUG > a.txt; fi
git add -A; git commit -q -m work
"""


def test_a_planted_defect_is_found_repaired_reviewed_again_and_landed(ground: Playground) -> None:
    found = ground.run(ground.plan([task(MENDS)]))
    assert found["tasks"][0]["status"] == "landed"
    assert ground.git("show", "gangsaw/run/r1:a.txt") == "good"
    kinds = [event["kind"] for event in ground.events()]
    assert kinds.count("review.given") == 2
    assert kinds.index("review.passed") < kinds.index("landed")
    returned = [each for each in ground.events() if each["kind"] == "work.returned"]
    assert [each["body"]["cause"] for each in returned] == ["findings"]
    assert "planted defect" in returned[0]["body"]["text"]
    reviews = [words for words in ground.ledger_lines() if words[0] == "review"]
    assert len(reviews) == 2
    # What a reviewer sees is its own folder, and nothing else.
    assert [sorted(words[3:]) for words in reviews] == [
        ["change.diff", "evidence.md", "task.md"]
    ] * 2
    worktrees = str(ground.root / "repo-worktrees")
    assert not any(words[1].startswith(worktrees) for words in reviews)


def test_a_reviewer_that_always_rejects_ends_with_a_person_asked(ground: Playground) -> None:
    again = 'echo "BUG $GANGSAW_TURN" >> a.txt; git add -A; git commit -q -m more'
    found = ground.run(ground.plan([task(again)]), expect=3)
    view = found["tasks"][0]
    assert view["status"] == "needs_you"
    assert "rejected 3 times" in view["reason"]
    assert "planted defect" in view["reason"]
    given = [event for event in ground.events() if event["kind"] == "review.given"]
    assert len(given) == 3
    assert ground.call("approve", "a").returncode == 0
    ground.call("run")
    assert ground.statuses() == {"a": "landed"}


def test_a_reviewer_that_says_nothing_is_asked_again_and_then_a_person(ground: Playground) -> None:
    (ground.root / "critic.sh").write_text("echo looks good to me")
    write = "echo good > a.txt; git add -A; git commit -q -m work"
    found = ground.run(ground.plan([task(write)]), expect=3)
    assert "without a verdict" in found["tasks"][0]["reason"]
    turns = [event for event in ground.events() if event["kind"] == "turn.wanted"]
    assert [each["body"]["why"] for each in turns] == ["work", "review", "review", "review"]


def test_what_a_reviewer_writes_never_lands(ground: Playground) -> None:
    (ground.root / "critic.sh").write_text(
        'echo evil > "$PWD/evil.txt"; echo \'{"verdict": "approve"}\''
    )
    write = "echo good > a.txt; git add -A; git commit -q -m work"
    ground.run(ground.plan([task(write)]))
    assert ground.git("ls-tree", "--name-only", "gangsaw/run/r1").split() == [
        "README.md", "a.txt", "gangsaw.toml",
    ]  # fmt: skip


TESTS_FIRST = """
if [ "$GANGSAW_TURN" = 1 ]; then echo 'test -s a.txt' > check.sh
else echo good > a.txt; fi
git add -A; git commit -q -m "turn $GANGSAW_TURN"
"""


def test_tests_first_must_fail_before_the_work_begins(ground: Playground) -> None:
    wanted = {"id": "a", "prompt": TESTS_FIRST, "stages": ["tdd"], "checks": ["sh check.sh"]}
    found = ground.run(ground.plan([wanted]))
    assert found["tasks"][0]["status"] == "landed"
    events = ground.events()
    turns = [each["body"]["why"] for each in events if each["kind"] == "turn.wanted"]
    assert turns == ["test", "work"]
    verdicts = [e["body"]["judgement"] for e in events if e["kind"] == "verdict.reached"]
    assert verdicts == ["failed", "passed"]


def test_tests_that_pass_before_the_work_go_back(ground: Playground) -> None:
    prompt = """
cat > "$LEDGER.$GANGSAW_TURN"
case "$GANGSAW_TURN" in
    1) echo true > check.sh ;;
    2) echo 'test -s a.txt' > check.sh ;;
    *) echo good > a.txt ;;
esac
git add -A; git commit -q -m "turn $GANGSAW_TURN"
"""
    wanted = {"id": "a", "prompt": prompt, "stages": ["tdd"], "checks": ["sh check.sh"]}
    ground.run(ground.plan([wanted]))
    events = ground.events()
    turns = [each["body"]["why"] for each in events if each["kind"] == "turn.wanted"]
    assert turns == ["test", "fix", "work"]
    causes = [each["body"]["cause"] for each in events if each["kind"] == "work.returned"]
    assert causes == ["tests_pass"]
    # Whoever goes on with the tests, in whatever session, must not do the work already.
    told = [ground.ledger.with_name(f"{ground.ledger.name}.{n}").read_text() for n in (1, 2, 3)]
    assert ["nothing but the tests" in prompt for prompt in told] == [True, True, False]
