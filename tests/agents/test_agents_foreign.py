"""Adapters that are not shipped: loaded from files, and never trusted to keep their promises."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from gangsaw.agents import TurnBrief, adapter_for, foreign, program_of
from gangsaw.core.conditions import Condition
from gangsaw.core.errors import UserError
from gangsaw.core.launch import ConditionNoted, Ended, LaunchSpec, OutcomeKind, TurnOutcome
from gangsaw.core.model import TurnKind
from gangsaw.core.settings import AgentSettings, adapter_file
from gangsaw.plan import Layer, load_settings

AGENT = AgentSettings("mine", "unused", args=("--more",))
BRIEF = TurnBrief(
    run="r1", task="a", attempt="a.1", turn=1, kind=TurnKind.WORK, prompt="do", prompt_file="p",
    task_prompt_file="t", worktree="/wt",
)  # fmt: skip

WHOLE = """
from gangsaw.agents.protocol import Program
from gangsaw.core.launch import *

class Mine:
    kind = "mine"
    resumes = True
    program = Program("mine-cli")
    variables = ("MINE_*",)

    def launch(self, agent, brief):
        return LaunchSpec(("mine-cli", *agent.args), brief.worktree, ())

    def interactive(self, agent, brief):
        return None

    def reader(self, brief):
        return Reader()

class Reader:
    ignored_lines = 0

    def feed(self, chunk):
        return [SessionNoted(chunk.decode())]

    def conclude(self, ended, stderr_tail):
        return TurnOutcome(OutcomeKind.DONE)
"""


class Shop:
    """Writes adapters, each into a file of its own: what was loaded once stays loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def kind(self, text: str) -> str:
        self.count += 1
        path = self.folder / f"mine{self.count}.py"
        path.write_text(dedent(text))
        return f"{path}:Mine"

    def changed(self, old: str, new: str) -> str:
        assert old in WHOLE
        return self.kind(WHOLE.replace(old, new))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_whole_one_is_as_good_as_any(shop: Shop) -> None:
    kind = shop.kind(WHOLE)
    adapter = adapter_for(kind)
    assert adapter is adapter_for(kind)
    assert (adapter.kind, adapter.resumes, adapter.variables) == (kind, True, ("MINE_*",))
    assert adapter.launch(AGENT, BRIEF) == LaunchSpec(("mine-cli", "--more"), "/wt", ())
    assert adapter.interactive(AGENT, BRIEF) is None
    reader = adapter.reader(BRIEF)
    assert len(reader.feed(b"s")) == 1
    assert reader.conclude(Ended(0, None), b"") == TurnOutcome(OutcomeKind.DONE)
    assert program_of(AgentSettings("a", kind)) == "mine-cli"
    assert program_of(AgentSettings("a", kind, binary="x")) == "x"


def test_what_is_written_as_a_file() -> None:
    assert adapter_file("~/a b/x.py:Mine") == ("~/a b/x.py", "Mine")
    assert adapter_file("C:/x.py:Mine") == ("C:/x.py", "Mine")
    for kind in ("claude", "x.py", "x:Mine", "x.py:", "x.py:a.b", ":x.py"):
        assert adapter_file(kind) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("class Mine:", "class Mine(:", "loading it raised SyntaxError"),
        ("class Mine:", "1 / 0\nclass Mine:", "loading it raised ZeroDivisionError"),
        ("class Mine:", "exit(3)\nclass Mine:", "loading it raised SystemExit: 3"),
        ("class Mine:", "class Yours:", "there is no Mine in that file"),
        ('    kind = "mine"', "    def __init__(self, must): pass", "loading it raised TypeError"),
        ("resumes = True", "resumed = True", "it lacks resumes"),
        ("resumes = True", "resumes = 'yes'", "resumes must be True or False"),
        ('Program("mine-cli")', '"mine-cli"', "program must be a Program or None"),
        ('("MINE_*",)', '"MINE_*"', "variables must be a tuple of texts"),
        ("def interactive", "def interactively", "it lacks interactive"),
        (
            "    def reader",
            "    reader = 3\n    def reads",
            "it lacks reader (it cannot be called)",
        ),
    ],
)
def test_a_broken_one_is_told_with_its_file(shop: Shop, old: str, new: str, said: str) -> None:
    kind = shop.changed(old, new)
    with pytest.raises(UserError) as told:
        adapter_for(kind)
    path = kind.removesuffix(":Mine")
    assert told.value.text.startswith("cannot use the adapter ")
    assert said in told.value.text
    assert "; try mending " in told.value.text
    # Where it happened, if it happened there.
    if "raised" in said and "TypeError" not in said:
        assert f"cannot use the adapter Mine ({path}:" in told.value.text
    elif "raised" not in said:
        assert f"cannot use the adapter {kind}: " in told.value.text


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("raise KeyError('x')", "launch raised KeyError: 'x'; "),
        ("return None", "launch must give a LaunchSpec"),
        ("return LaunchSpec(['a'], '/', ())", "argv and env as tuples of texts"),
        ("return LaunchSpec((), '/', ())", "argv and env as tuples of texts"),
        ("return LaunchSpec(('a',), '/', {'A': 'b'})", "argv and env as tuples of texts"),
        ("return LaunchSpec(('a',), '/', (('A', 1),))", "argv and env as tuples of texts"),
        ("return LaunchSpec(('a',), '/', (), 'text')", "stdin as bytes or None"),
        ("return LaunchSpec(('a',), None, ())", "cwd as text"),
    ],
)
def test_a_wrong_launch_is_told(shop: Shop, new: str, said: str) -> None:
    kind = shop.changed('return LaunchSpec(("mine-cli", *agent.args), brief.worktree, ())', new)
    with pytest.raises(UserError) as told:
        adapter_for(kind).launch(AGENT, BRIEF)
    assert said in told.value.text
    assert kind.removesuffix(":Mine") in told.value.text


@pytest.mark.parametrize(
    "new",
    [
        "raise ValueError(chunk)",
        "return None",
        "return ['session']",
        "return [SessionNoted(chunk)]",
        "return [UsageNoted('1', 2)]",
        "return [UsageNoted(1, 2, cost_usd='free')]",
        "return [QuestionNoted(None)]",
    ],
)
def test_a_reader_in_trouble_ends_its_turn_and_nothing_else(shop: Shop, new: str) -> None:
    kind = shop.changed("return [SessionNoted(chunk.decode())]", new)
    reader = adapter_for(kind).reader(BRIEF)
    told = reader.feed(b"a")
    assert [type(note) for note in told] == [ConditionNoted]
    assert isinstance(told[0], ConditionNoted)
    assert told[0].condition is Condition.MALFORMED
    assert reader.feed(b"b") == []
    outcome = reader.conclude(Ended(0, None), b"")
    assert outcome.kind is OutcomeKind.REFUSED
    assert "cannot use the adapter " in outcome.text
    assert kind.removesuffix(":Mine") in outcome.text
    assert "feed " in outcome.text


def test_a_figure_may_be_whole(shop: Shop) -> None:
    kind = shop.changed("SessionNoted(chunk.decode())", "UsageNoted(1, 2, cost_usd=3)")
    assert len(adapter_for(kind).reader(BRIEF).feed(b"")) == 1


@pytest.mark.parametrize("new", ["raise OSError()", "return None", "return TurnOutcome('done')"])
def test_a_wrong_conclusion_is_a_refusal(shop: Shop, new: str) -> None:
    kind = shop.changed("return TurnOutcome(OutcomeKind.DONE)", new)
    outcome = adapter_for(kind).reader(BRIEF).conclude(Ended(0, None), b"")
    assert outcome.kind is OutcomeKind.REFUSED
    assert "conclude " in outcome.text


def test_a_file_must_be_named_in_full_and_be_the_users_own(shop: Shop, tmp_path: Path) -> None:
    for kind, said in (
        ("mine.py:Mine", "its path is relative"),
        (f"{tmp_path}/none.py:Mine", "there is no such file"),
    ):
        with pytest.raises(UserError, match=said):
            adapter_for(kind)
    kind = shop.kind(WHOLE)
    (tmp_path / "mine1.py").chmod(0o666)
    with pytest.raises(UserError, match="others may change that file; try: chown"):
        adapter_for(kind)
    (tmp_path / "mine1.py").chmod(0o644)
    assert adapter_for(kind).resumes


# --- in the settings ---------------------------------------------------------------------------


def said_of(repo: str, user: str) -> list[str]:
    layers = (Layer(repo, "gangsaw.toml"), Layer(user, "own.toml", own=True))
    return [str(error) for error in load_settings(*layers, {}, further=foreign).errors]


def test_the_users_own_settings_may_name_a_file_and_a_repository_may_not(
    shop: Shop, tmp_path: Path
) -> None:
    proof = tmp_path / "ran"
    kind = shop.kind(WHOLE + f"\nopen({str(proof)!r}, 'w')\n")
    table = f'[agents.mine]\nkind = "{kind}"\n'
    told = said_of(table, "")
    assert len(told) == 1
    assert told[0].startswith(
        "gangsaw.toml:2:8: agents.mine.kind: names a file of code, which only"
    )
    # Nor is it loaded because the user's settings have an agent of that name as well.
    assert said_of(table, '[agents.mine]\nmodel = "m"\n') == told
    assert not proof.exists()
    assert said_of("", table) == []
    assert proof.exists()
    layers = (None, Layer(table, "own.toml", own=True))
    settings = load_settings(*layers, {}, further=foreign).settings
    assert settings is not None
    slots = {slot.name: slot.resumes for slot in settings.limits.agents}
    assert slots["mine"]
    assert settings.limits.default_agent == "mine"


def test_a_broken_adapter_is_a_complaint_with_its_place(shop: Shop) -> None:
    kind = shop.changed("resumes = True", "pass")
    table = f'[agents.mine]\nkind = "{kind}"\nargv = ["x"]\n'
    told = said_of("", table)
    assert len(told) == 2
    assert told[0].startswith(f"own.toml:2:8: agents.mine.kind: cannot use the adapter {kind}")
    assert "it lacks resumes (try mending it" in told[0]
    assert 'goes with kind = "command" only' in told[1]


def test_an_unknown_kind_is_still_unknown() -> None:
    told = said_of('[agents.x]\nkind = "cluade"\n', "")
    assert told == [
        "gangsaw.toml:2:8: agents.x.kind: no kind is called 'cluade' (did you mean 'claude'?)"
    ]
