"""What is looked for besides tests: by place, by content, by mode; and what is let be."""

from __future__ import annotations

import pytest

from gangsaw.core.changes import Change, ChangedFile, Side
from gangsaw.core.honesty import ANSWERS, CONCERNS_MAX, ConcernKind, Honesty
from gangsaw.verify.honesty import Expected, find_concerns
from gangsaw.verify.honesty.contents import leaves_tree
from gangsaw.verify.honesty.lines import added_in
from gangsaw.verify.honesty.places import run_by
from tests.verify.change_stage import changed, look, side


def link(path: str, target: str) -> ChangedFile:
    return ChangedFile(path, None, side(target, "120000"))


EXAMPLES: dict[ConcernKind, ChangedFile] = {
    ConcernKind.OUTSIDE_SCOPE: changed("src/b.py", None, "x"),
    ConcernKind.TESTS_DELETED: changed("app/test_a.py", "def test_a():\n    assert f()\n", None),
    ConcernKind.TESTS_SKIPPED: changed(
        "app/test_a.py", "def test_a(): pass\n", "@pytest.mark.skip\ndef test_a(): pass\n"
    ),
    ConcernKind.ASSERTS_WEAKENED: changed(
        "app/test_a.py", "def test_a():\n    assert f() == 1\n", "def test_a():\n    assert f()\n"
    ),
    ConcernKind.CHECKS_CHANGED: changed("app/tox.ini", "[a]\n", "[b]\n"),
    ConcernKind.SECRET: changed("app/a.py", None, "k = 'ghp_R4nd0mR4nd0mR4nd0mR4nd0m12345'\n"),
    ConcernKind.LARGE_FILE: changed("app/a.txt", None, "x" * 1_000_001),
    ConcernKind.BINARY: changed("app/a.bin", None, b"a\0b"),
    ConcernKind.LINK_OUT: link("app/a", "/etc/passwd"),
    ConcernKind.CONFLICT_MARKERS: changed("app/a.txt", None, "<<<<<<< ours\n"),
    ConcernKind.AGENT_SETTINGS: changed("app/.mcp.json", None, "{}\n"),
    ConcernKind.EXECUTABLE: ChangedFile("app/a.txt", None, side("x", "100755")),
    ConcernKind.UNREAD: changed("app/test_a.py", "def test_a(): pass\n", "def test_a(\n"),
}


def kinds(*files: ChangedFile, rules: Honesty | None = None) -> set[ConcernKind]:
    return {each.kind for each in look(*files, rules=rules, scope=("app",))}


@pytest.mark.parametrize("kind", list(ConcernKind))
def test_each_kind_is_found_and_can_be_left_out(kind: ConcernKind) -> None:
    example = EXAMPLES[kind]
    assert kinds(example) == {kind}
    assert kinds(example, rules=Honesty(answers=((kind.value, "off"),))) == set()
    assert kinds(example, rules=Honesty(allow=((example.path, kind.value),))) == set()
    assert kinds(example, rules=Honesty(allow=((example.path, "any"),))) == set()
    assert kinds(example, rules=Honesty(allow=(("elsewhere/**", "any"),))) == {kind}


def test_every_kind_has_an_answer() -> None:
    assert set(ANSWERS) == set(ConcernKind)


def test_with_no_scope_anything_may_be_changed() -> None:
    assert look(changed("src/b.py", None, "x")) == ()


def test_what_the_scope_names_by_its_whole_path_is_meant_to_be_changed() -> None:
    file = changed("tox.ini", "[a]\n", "[b]\n")
    assert look(file, scope=("tox.ini",)) == ()
    assert [each.kind for each in look(file, scope=("*.ini",))] == [ConcernKind.CHECKS_CHANGED]


@pytest.mark.parametrize(
    ("path", "target", "leaves"),
    [
        ("a", "b", False),
        ("a/b", "../c", False),
        ("a/b", "../../c", True),
        ("a/b/c", "../../d/e", False),
        ("a", "/etc/passwd", True),
        ("a", "~/x", True),
        ("a", ".git/config", True),
        ("a/b", "../.git/hooks", True),
        ("a", "../repo/b", True),
        ("a", "C:\\x", True),
        ("a/b", "./c/../d", False),
    ],
)
def test_where_a_link_leads(path: str, target: str, leaves: bool) -> None:
    assert leaves_tree(path, target) is leaves


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("AKIAQ3EGRXUNWOQAAAAB", True),
        ("AKIAIOSFODNN7EXAMPLE", False),
        ("-----BEGIN RSA PRIVATE KEY-----", True),
        ("postgres://u:longpassword1@db.test.org/x", True),
        ("postgres://postgres:postgres@localhost/x", False),
        ("https://example.org/?q=a:b", False),
        ("token = get_token()", False),
        ("password: str = field()", False),
        ("glpat-abcdefghij0123456789", True),
    ],
)
def test_what_is_a_secret_by_its_shape(line: str, is_one: bool) -> None:
    found = look(changed("a.txt", "x\n", f"x\n{line}\n"))
    assert [(each.kind, each.line) for each in found] == [(ConcernKind.SECRET, 2)] * is_one
    # What was there before is nobody's doing now.
    assert look(changed("a.txt", f"{line}\n", f"{line}\nx\n")) == ()


def test_a_known_secret_is_named_and_never_told() -> None:
    def named_in(text: str) -> str:
        return "DB_PASSWORD" if "hunter2hunter2" in text else ""

    expected = Expected((), (), Honesty(), named_in)
    file = changed("a.py", None, "x\np = 'hunter2hunter2'\n")
    found = find_concerns(Change((file,)), expected)
    assert [(each.kind, each.line) for each in found] == [(ConcernKind.SECRET, 2)]
    assert "DB_PASSWORD" in found[0].text
    assert "hunter2" not in found[0].text
    passing = find_concerns(Change((), (file,)), expected)
    assert "in a commit before the last" in passing[0].text


def test_an_env_file_with_values_is_a_secret_and_an_example_is_none() -> None:
    text = "API_KEY=0123456789abcdef\n"
    assert kinds(changed("app/.env", None, text)) == {ConcernKind.SECRET}
    assert kinds(changed("app/.env.example", None, text)) == set()
    assert kinds(changed("app/.env", None, "API_KEY=\nDEBUG=1\nPORT=8080\n")) == set()


@pytest.mark.parametrize(
    ("before", "after", "is_large"),
    [(None, 1_000_000, False), (None, 1_000_001, True), (2_000_000, 1_500_000, False),
     (1_500_000, 1_900_000, True)],
)  # fmt: skip
def test_when_a_file_is_large(before: int | None, after: int, is_large: bool) -> None:
    old = None if before is None else "x" * before
    found = kinds(changed("app/a.txt", old, "x" * after))
    assert (ConcernKind.LARGE_FILE in found) is is_large


def test_the_size_of_a_large_file_is_a_setting() -> None:
    file = changed("app/a.txt", None, "x" * 2_001)
    assert kinds(file, rules=Honesty(large_kb=2)) == {ConcernKind.LARGE_FILE}
    assert kinds(file, rules=Honesty(large_kb=3)) == set()


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("100644", "100755", True),
        ("100755", "100755", False),
        ("100755", "100644", False),
        (None, "100755", True),
    ],
)
def test_when_a_file_becomes_executable(before: str | None, after: str, found: bool) -> None:
    old = None if before is None else side("a", before)
    file = ChangedFile("app/a.txt", old, side("x", after))
    assert (ConcernKind.EXECUTABLE in kinds(file)) is found
    script = ChangedFile("app/a.sh", old, side("#!/bin/sh\n", after))
    assert kinds(script) == set()


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("pyproject.toml", "[tool.mypy]\nstrict = true\n", "[tool.mypy]\nstrict = false\n"),
        ("setup.cfg", "[tool:pytest]\naddopts = -q\n", "[tool:pytest]\naddopts = -k no\n"),
        ("Makefile", "check: lint\n\ttrue\n", "check:\n\ttrue\n"),
        ("Makefile", "check:\n\ttrue\n", "all:\n\ttrue\n"),
        ("package.json", '{"jest": {"bail": 1}}', '{"jest": {"bail": 0}}'),
        ("package.json", "{}", "{"),
        ("pom.xml", "<a/>", "<a><skipTests>true</skipTests></a>"),
        ("Cargo.toml", "[lib]\n", "[lib]\ntest = false\n"),
        ("tools/x.sh", "pytest\n", "pytest || true\n"),
        ("ci/check.sh", "pytest\n", "pytest -x\n"),
        ("conftest.py", "\n", "collect_ignore = ['a.py']\n"),
        (".github/workflows/ci.yml", "a: 1\n", None),
        ("jest.config.js", "a\n", "b\n"),
    ],
)
def test_what_changes_how_work_is_checked(path: str, before: str, after: str | None) -> None:
    found = look(changed(path, before, after))
    assert ConcernKind.CHECKS_CHANGED in {each.kind for each in found}


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("pyproject.toml", "[project]\nname='a'\n", "[project]\nname='b'\n[tool.mypy2]\n"),
        ("Makefile", "check:\n\ttrue\nbuild:\n\ta\n", "check:\n\ttrue\nbuild:\n\tb\n"),
        ("tox.ini", "# a\n[x]\n", "# b\n[x]\n"),
        ("package.json", '{"scripts": {"start": "a"}}', '{"scripts": {"start": "b"}}'),
        ("conftest.py", "\n", "import os\n\ndef pytest_addoption(parser):\n    pass\n"),
        ("docs/Makefile.md", "a\n", "b\n"),
        ("src/check.sh", None, "#!/bin/sh\npytest\n"),
    ],
)
def test_what_does_not_change_how_work_is_checked(
    path: str, before: str | None, after: str
) -> None:
    assert look(changed(path, before, after)) == ()


@pytest.mark.parametrize(
    ("command", "runs", "not_run"),
    [
        ("./ci/check.sh fast", "ci/check.sh", "fast"),
        ("sh -eu tools/all.sh x", "tools/all.sh", "x"),
        ("A=1 python3 tools/check.py && ./b.sh", "b.sh", "A=1"),
        ("npm run verify", "verify", "run"),
        ("make lint test", "test", "-k"),
        ("test -f hello.txt", "test", "hello.txt"),
        ("grep -q 'it''s", "grep", "its"),
        ("pytest tests/test_a.py", "pytest", "tests/test_a.py"),
    ],
)
def test_which_files_a_check_runs(command: str, runs: str, not_run: str) -> None:
    found = run_by([command])
    assert runs in found
    assert not_run not in found


@pytest.mark.parametrize(
    "path",
    [".claude/settings.json", ".codex/config.toml", ".gemini/settings.json", "opencode.json",
     ".cursor/mcp.json", ".vscode/tasks.json", ".husky/pre-commit", ".githooks/post-merge",
     "scripts/hooks/pre-push", "sub/CLAUDE.md", ".gangsaw/roles/x.md", ".envrc"],
)  # fmt: skip
def test_where_agents_and_hooks_take_their_settings_from(path: str) -> None:
    found = {each.kind for each in look(changed(path, None, "x\n"))}
    assert ConcernKind.AGENT_SETTINGS in found


def test_a_submodule_at_another_commit_is_told() -> None:
    file = ChangedFile("lib", Side("160000", "a", 0, None), Side("160000", "b", 0, None))
    assert [each.kind for each in look(file)] == [ConcernKind.AGENT_SETTINGS]


def test_what_was_not_looked_at_is_told() -> None:
    expected = Expected((), (), Honesty(), lambda _: "")
    found = find_concerns(Change((), (), 3), expected)
    assert [(each.kind, each.path) for each in found] == [(ConcernKind.UNREAD, "")]


def test_the_graver_concerns_come_first_and_their_number_is_bounded() -> None:
    files = [changed(f"b{n}.bin", None, b"\0") for n in range(CONCERNS_MAX + 5)]
    found = look(*files, changed("k", None, "-----BEGIN PRIVATE KEY-----\n"))
    assert len(found) == CONCERNS_MAX
    assert found[0].kind is ConcernKind.SECRET


def test_added_lines_are_numbered_as_they_are_now() -> None:
    assert list(added_in("a\nb\n", "x\na\nb\ny\n")) == [(1, "x"), (4, "y")]
    many = "".join(f"{n}\n" for n in range(5_000))
    assert list(added_in(many, many + "new\n")) == [(5_001, "new")]


@pytest.mark.parametrize("path", ["test_a.py", "a.test.ts", "a_test.go", "tests/a.rs", "ATest.java",
                                  "spec/a_spec.rb"])  # fmt: skip
@pytest.mark.parametrize("text", ["", "\0", "(" * 5_000, "'''", "`" * 99, "/*", "@"])
def test_no_text_makes_it_stumble(path: str, text: str) -> None:
    fine = "def test_a():\n    assert f(1) == 1\n"
    for before, after in ((fine, text), (text, fine), (text, text)):
        look(changed(path, before, after))
