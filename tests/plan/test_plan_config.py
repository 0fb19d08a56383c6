"""`gangsaw.toml`: every key, every layer, every fault with its place."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gangsaw.core.model import AgentSlots, Check, Deliver, History, Limits, Push, Uncommitted
from gangsaw.core.settings import AgentSettings, LandingSettings, Settings, WorktreeSettings
from gangsaw.plan import ConfigRead, Layer, load_settings, merge_config, read_config
from gangsaw.plan.settings_fields import KINDS, RESUMING_KINDS
from gangsaw.plan.toml_text import TomlTree, read_toml

ALL_KINDS = ", ".join(sorted(KINDS))
# Kinds that make an agent without a word in the settings; the others need an argv.
READY = tuple(kind for kind in KINDS if kind not in ("acp", "command"))
OTHERS = tuple(kind for kind in READY if kind != "claude")
FULL = """\
[agents.sh]
kind = "command"
argv = ["sh", "-eu", "{task_prompt_file}", "${HOME}", "{a,b}", '{"x": 1}', ""]
stdin = "none"
env = {A = "x", B = 1.50}
pass_env = ["HOME"]
slots = 2
model = "m"

[agents.claude]
kind = "claude"
binary = "/opt/claude"
args = ["--verbose"]

[run]
agent = "sh"
max_agents = 6
deliver = "end"
attempts = 4
turns = 5
timeout_s = 60
stall_s = 30.5
grace_s = 0
backoff_s = 1
backoff_max_s = 2
uncommitted = "ask"
budget = 12.5
on_interrupt = "stop"
remote = "origin"
memory_floor_pct = 5
disk_floor_mb = 100
crashes = 3

[checks]
run = ["make test", ["pytest", "-q"]]
timeout_s = 77
pass_env = ["CI"]

[landing]
window = 7
barriers = ["db/schema/", "**/*.proto"]
history = "linear"
push = "end"

[worktree]
root = "../wt"
copy = [".env"]
link = ["node_modules"]
setup = "npm ci"
"""


def settings_of(read: ConfigRead) -> Settings:
    assert read.settings is not None, "\n".join(map(str, read.errors))
    return read.settings


def errors(text: str, **more: tuple[str, ...]) -> list[str]:
    read = read_config(text, "gangsaw.toml", **more)
    assert (read.settings is None) == bool(read.errors)
    return [str(complaint).removeprefix("gangsaw.toml:") for complaint in read.errors]


def test_every_key() -> None:
    read = read_config(FULL, "gangsaw.toml")
    assert read.warnings == ()
    assert settings_of(read) == Settings(
        agents=(
            AgentSettings(
                name="sh",
                kind="command",
                argv=("sh", "-eu", "{task_prompt_file}", "${HOME}", "{a,b}", '{"x": 1}', ""),
                stdin="none",
                env=(("A", "x"), ("B", "1.50")),
                pass_env=("HOME",),
                slots=2,
                model="m",
            ),
            AgentSettings(name="claude", kind="claude", binary="/opt/claude", args=("--verbose",)),
            *(AgentSettings(name=kind, kind=kind) for kind in OTHERS),
        ),
        limits=Limits(
            max_agents=6,
            turns_max=5,
            attempts_max=4,
            crashes_max=3,
            backoff_base_s=1.0,
            backoff_max_s=2.0,
            timeout_s=60.0,
            stall_s=30.5,
            grace_s=0.0,
            check_timeout_s=77.0,
            budget_usd=12.5,
            deliver=Deliver.END,
            uncommitted=Uncommitted.ASK,
            agents=(
                AgentSlots("sh", 2, resumes=False, told=False),
                AgentSlots("claude", None, resumes=True, account="claude"),
                *(
                    AgentSlots(
                        k,
                        None,
                        resumes=k in RESUMING_KINDS,
                        account="" if k in ("scripted", "acp", "command") else k,
                    )
                    for k in OTHERS
                ),
            ),
            default_agent="sh",
            memory_floor_pct=5.0,
            disk_floor_mb=100,
            window=7,
            history=History.LINEAR,
            remote="origin",
            push=Push.END,
        ),
        checks=(
            Check("make test", ("sh", "-c", "make test")),
            Check("pytest -q", ("pytest", "-q")),
        ),
        check_pass_env=("CI",),
        worktree=WorktreeSettings("../wt", (".env",), ("node_modules",), "npm ci"),
        landing=LandingSettings(("db/schema/", "**/*.proto")),
        remote="origin",
        on_interrupt="stop",
        source="gangsaw.toml",
    )


def test_nothing_at_all() -> None:
    found = settings_of(load_settings(None, None, {}))
    assert [agent.name for agent in found.agents] == list(READY)
    assert found.limits.default_agent == "claude"
    assert found.limits.max_agents == Limits().max_agents


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run = 1\n", ["1:7: run: must be a table of keys, not a number (write keys below it)"]),
        (
            "[run]\nmax_agent = 3\n\n  [ runs ]\n",
            [
                "2:1: run.max_agent: unknown key (did you mean 'max_agents'?)",
                "4:5: runs: unknown key (did you mean 'run'?)",
            ],
        ),
        (
            '[run]\ntimeout_s = "5"\nbudget = -1\ndeliver = "ech"\nmax_agents = 1.5\n',
            [
                "2:13: run.timeout_s: must be a number, not text (write it without quotes: 5)",
                "3:10: run.budget: must be 0 or more, not -1 (US dollars the run may cost)",
                "4:11: run.deliver: must be one of each, end, never, not 'ech'"
                " (did you mean 'each'?)",
                "5:14: run.max_agents: must be a whole number, not 1.5 (such as 4)",
            ],
        ),
        (
            '[run]\nagent = "clade"\n[agents.claude]\nkind = "claude"\n',
            ["2:9: run.agent: no agent is called 'clade' (did you mean 'claude'?)"],
        ),
        (
            '[agents.a]\n[agents.b]\nkind = "comand"\n[agents.c]\nkind = "command"\nargs = ["x"]\n'
            '[agents.d]\nkind = "claude"\nargv = ["x"]\n',
            [
                f"1:9: agents.a: kind is missing (write kind = one of {ALL_KINDS})",
                "3:8: agents.b.kind: no kind is called 'comand' (did you mean 'command'?)",
                "4:9: agents.c: argv is missing (write argv = [\"PROGRAM\", \"{prompt_file}\"])",
                '6:1: agents.c.args: does not go with kind = "command"'
                " (write program and arguments in argv)",
                '9:1: agents.d.argv: goes with kind = "command" only'
                " (write more arguments in args)",
            ],
        ),
        (
            'agents.a = {kind = "command", argv = [\n  "sh", # {modle}\n'
            '  "{promptfile} {modle}",\n]}\n',
            [
                "3:3: agents.a.argv.1: no placeholder is called {modle} (did you mean {model}?"
                " where it is meant so, write { modle } with blanks)",
                "3:3: agents.a.argv.1: no placeholder is called {promptfile} (did you mean"
                " {prompt_file}? where it is meant so, write { promptfile } with blanks)",
            ],
        ),
        (
            "[checks]\nrun = 'make'\n[worktree]\ncopy = ['../x']\n",
            [
                '2:7: checks.run: must be a list, not text (write run = ["make"])',
                "4:9: worktree.copy.0: '../x' leaves the repository with '..'"
                " (write the path from the repository's root)",
            ],
        ),
        ("[run\n", ["1:5: not TOML: Expected ']' at the end of a table declaration (texts need"
                     " quotes, each key its own line)"]),
        ("a = 1\na = 2\n", ["2:6: not TOML: Cannot overwrite a value (texts need quotes, each key"
                            " its own line)"]),
        ("[agents.'a b']\nkind='claude'\n",
         ["1:9: agents.a b: is no name for an agent (use letters, digits, - _ and .)"]),
        ("[run]\nbudget = 1979-05-27\n", ["2:10: run.budget: must be a number, not a date or time"
                                           " (such as 10)"]),
    ],
)  # fmt: skip
def test_faults(text: str, expected: list[str]) -> None:
    assert errors(text) == expected


def test_pyproject() -> None:
    text = '[project]\nname = "x"\n[tool.gangsaw.run]\nmax_agents = 9\n'
    read = read_config(text, "pyproject.toml", table=("tool", "gangsaw"))
    assert settings_of(read).limits.max_agents == 9
    fault = "[tool.gangsaw.run]\nmaxagents = 9\n"
    said = "2:1: tool.gangsaw.run.maxagents: unknown key (did you mean 'max_agents'?)"
    assert errors(fault, table=("tool", "gangsaw")) == [said]
    assert settings_of(read_config("[project]\n", "p", table=("tool", "gangsaw"))) is not None


def test_layers() -> None:
    repo = Layer(
        '[agents.a]\nkind = "claude"\nenv = {X = "1", Y = "1"}\n[run]\nmax_agents = 2\n', "r"
    )
    user = Layer(
        '[agents.a]\nmodel = "big"\nenv = {Y = "2"}\n[run]\nmax_agents = 3\nturns = 1\n', "u"
    )
    found = settings_of(load_settings(repo, user, {"GANGSAW_MAX_AGENTS": "5", "MAX_AGENTS": "4"}))
    agent = found.agent("a")
    assert agent is not None
    assert (agent.model, dict(agent.env)) == ("big", {"X": "1", "Y": "2"})
    assert (found.limits.max_agents, found.limits.turns_max) == (5, 1)
    assert (found.limits.default_agent, found.source) == ("a", "r, u")
    assert settings_of(load_settings(repo, user, {})).limits.max_agents == 3
    given = Layer("MAX_AGENTS=7\n", "e", env=True)
    assert settings_of(load_settings(repo, user, {}, config=given)).limits.max_agents == 7
    by_flag = {"--max-agents": ("run", "max_agents", 9)}
    environ = {"MAX_AGENTS": "4"}
    read = load_settings(repo, user, environ, config=given, flags=by_flag)
    assert settings_of(read).limits.max_agents == 9


def test_the_first_agent_of_the_repository_goes_before_that_of_the_user() -> None:
    repo = Layer('[agents.b]\nkind = "claude"\n', "r")
    user = Layer('[agents.a]\nkind = "claude"\n[agents.b]\nmodel = "m"\n', "u")
    found = settings_of(load_settings(repo, user, {}))
    assert [agent.name for agent in found.agents[:2]] == ["b", "a"]
    assert found.limits.default_agent == "b"


def test_faults_of_layers_name_their_own_file() -> None:
    repo = Layer("[run]\nturn = 1\n[agents.x]\n", "repo.toml")
    user = Layer('[run]\nagent = "nobody"\nturns = "x"\n', "user.toml")
    read = load_settings(repo, user, {"GANGSAW_BUDGET": "much", "GANGSAW_DELIVER": "Each"})
    assert [str(error) for error in read.errors] == [
        "repo.toml:2:1: run.turn: unknown key (did you mean 'turns'?)",
        f"repo.toml:3:9: agents.x: kind is missing (write kind = one of {ALL_KINDS})",
        "user.toml:2:9: run.agent: no agent is called 'nobody' (known agents: x, "
        f"{', '.join(READY)})",
        "user.toml:3:9: run.turns: must be a whole number, not text (such as 3)",
        "environment variable GANGSAW_BUDGET: must be a number, not 'much' (such as 10)",
        "environment variable GANGSAW_DELIVER: must be one of each, end, never, not 'Each'"
        " (did you mean 'each'?)",
    ]


def test_warnings() -> None:
    text = '[agents.a]\nkind = "command"\nargv = ["cat"]\n[agents.b]\nkind = "claude"\n'
    read = read_config(text, "g")
    assert settings_of(read).limits.default_agent == "a"
    assert [str(warning) for warning in read.warnings] == [
        "g:1:2: agents: no default agent is named; tasks that name none get 'a'"
        ' (write agent = "NAME" below [run])',
        'g:3:8: agents.a.argv: the prompt does not reach this agent (write stdin = "prompt", or'
        ' {prompt_file} in argv; stdin = "none" if it is meant)',
    ]


def test_merge_replaces_all_but_tables() -> None:
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    assert merge_config(base, {"a": {"y": [3]}, "b": {"c": 1}}) == {
        "a": {"x": 1, "y": [3]},
        "b": {"c": 1},
    }
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 1}


TRICKY = (
    '''\
# = [x]
a.b . "c d" = """
[no]
e = 1 \\" """
'q.r' = [ # ]
  "]", '#', """x"""", [1, {k = 2}], # , 7
  { "k]" = '''
    + "'''}\n'''"
    + """, j.i = 3 },
]
[t]
x = 1979-05-27 07:32:00 # note
[[list]]
n = 1
[list.sub]
m = { }
[[list]]
n = [
]
[  'é' . z ]
"\\u0061" = inf
"""
)


def test_places_in_tricky_toml() -> None:
    tree = read_toml(TRICKY)
    assert isinstance(tree, TomlTree)

    def spot(*path: str | int, on_key: bool = False) -> str:
        line, col = tree.find([(path, on_key)])[path, on_key]
        return TRICKY.split("\n")[line - 1][col - 1 :]

    assert spot("a", "b", "c d") == '"""'
    assert spot("a", "b", "c d", on_key=True).startswith('"c d"')
    assert spot("q.r", 2) == '"""x"""", [1, {k = 2}], # , 7'
    assert spot("q.r", 3, 1, "k").startswith("2}]")
    assert spot("q.r", 4, "j", "i").startswith("3 }")
    assert spot("t", "x").startswith("1979")
    assert spot("list", 0, "sub", "m") == "{ }"
    assert spot("list", 1, "n") == "["
    assert spot("list", 1, "n", on_key=True) == "n = ["
    assert spot("é", "z", "a") == "inf"
    assert spot("é", "z", "gone", "far", on_key=True).startswith("z ]")


WORDS = "[run] [agents.a] [[a]] a = 1 . \" ' [ ] { } , # \\ \"\"\" ''' 1.5 1e999 é".split()
SNIPPETS = st.sampled_from([*WORDS, "\n", "\r\n", "\ud800", "\0", "kind = 'claude'"])


@given(st.one_of(st.text(max_size=60), st.lists(SNIPPETS, max_size=20).map("".join)))
@settings(max_examples=500, deadline=None)
@example("a = " + "[" * 3000)
@example("a = " + "9" * 5000)
@example("[run]\nbudget = nan\n")
@example('[agents.a]\nkind = "\\u0000"\n')
def test_any_text_gives_settings_or_complaints(text: str) -> None:
    read = read_config(text, "g")
    assert (read.settings is None) == bool(read.errors)
    for complaint in (*read.errors, *read.warnings):
        assert complaint.line >= 1
        assert complaint.col >= 1
        assert str(complaint).isprintable()


TOML_TEXTS = st.text("ab'\"\\\n# ]}=", max_size=6)
TOML_VALUES = st.recursive(
    st.integers() | st.booleans() | TOML_TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TOML_TEXTS, inner, max_size=3),
    max_leaves=8,
)


def dump(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{escaped}"' if "'" in value or "\n" in value else f"'{value}'"
        case list():
            return "[" + ", ".join(map(dump, value)) + "]"
        case dict():
            pairs = (f"{dump(key)} = {dump(item)}" for key, item in value.items())
            return "{" + ", ".join(pairs) + "}"
    raise AssertionError(value)


def leaves(
    value: object, path: tuple[str | int, ...]
) -> list[tuple[tuple[str | int, ...], object]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for n, item in enumerate(value) for leaf in leaves(item, (*path, n))]
    return [(path, value)]


@given(st.dictionaries(TOML_TEXTS, TOML_VALUES, max_size=4))
@settings(deadline=None)
def test_every_place_is_right(table: dict[str, object]) -> None:
    text = "# head\n" + "".join(f"{dump(key)} = {dump(value)}\n" for key, value in table.items())
    assert tomllib.loads(text) == table
    tree = read_toml(text)
    assert isinstance(tree, TomlTree)
    lines = text.split("\n")
    for path, value in leaves(table, ()):
        line, col = tree.find([(path, False)])[path, False]
        assert lines[line - 1][col - 1 :].startswith(dump(value))
