"""JUnit and SARIF reports, and well-known outputs, as evidence; and everything that is wrong with
reports."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from gangsaw.core.model import Check
from gangsaw.core.partial import part_of, red_tests
from gangsaw.core.terms import Judgement
from gangsaw.verify import reports
from gangsaw.verify.reports import (
    Failing,
    Unread,
    as_pytest_names,
    names_in_output,
    read_junit,
    read_sarif,
)
from tests.verify.check_yard import CheckYard, shell

SUITE = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" tests="3" failures="1" errors="1">
<testcase classname="tests.test_a" name="test_one" time="0.1"/>
<testcase classname="tests.test_a.TestB" name="test_two[x y]"><failure message="no">a
</failure><failure message="twice"/></testcase>
<testcase classname="" name="alone"><error message="e"/></testcase>
<testcase name="skipped"><skipped/></testcase>
</testsuite></testsuites>
"""

BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<testsuites><testsuite name="&b;"/></testsuites>"""

OUTSIDE = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<testsuites><testsuite name="&a;"/></testsuites>"""


def written(tree: Path, content: str | bytes, name: str = "report.xml") -> Path:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tree


def why(found: Failing | Unread) -> str:
    assert isinstance(found, Unread)
    return found.why


def test_junit_names_what_failed(tmp_path: Path) -> None:
    found = read_junit(written(tmp_path, SUITE), "report.xml", None)
    assert found == Failing(("tests.test_a.TestB::test_two[x y]", "alone"), 0, 4)


def test_a_suite_that_failed_as_such_is_named(tmp_path: Path) -> None:
    text = '<testsuite name="broken"><error message="cannot import"/></testsuite>'
    assert read_junit(written(tmp_path, text), "report.xml", None) == Failing(("broken",), 0, 0)


def test_many_and_long_names_are_counted_and_cut(tmp_path: Path) -> None:
    cases = "".join(f'<testcase name="{"n" * 300}{n}"><failure/></testcase>' for n in range(9))
    more = "".join(f'<testcase name="t{n}"><failure/></testcase>' for n in range(50))
    text = f"<testsuite>{more}{cases}</testsuite>"
    found = read_junit(written(tmp_path, text), "report.xml", None)
    assert isinstance(found, Failing)
    assert (len(found.names), found.more, found.tests) == (20, 39, 59)
    assert all(len(name) <= reports.NAME_MAX for name in found.names)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        ("<testsuite><testcase", "cannot be read"),
        ("", "cannot be read"),
        ("<html></html>", "no JUnit report"),
        ("<testsuite>" * 200 + "</testsuite>" * 200, "nested too deep"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_broken_report_is_told_of(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert said in why(read_junit(written(tmp_path, content), "report.xml", None))


def test_a_giant_report_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "report.xml").open("wb") as file:
        file.truncate(reports.REPORT_BYTES_MAX + 1)
    assert "are too many" in why(read_junit(tmp_path, "report.xml", None))


def test_only_an_ordinary_file_within_the_tree_is_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    written(tmp_path, SUITE, "outside/report.xml")
    tree.mkdir()
    (tree / "report.xml").symlink_to(tmp_path / "outside" / "report.xml")
    (tree / "folder").symlink_to(tmp_path / "outside")
    (tree / "plain").write_text("")
    os.mkfifo(tree / "pipe")
    (tree / "empty").mkdir()
    for name in ("report.xml", "folder/report.xml", "plain/report.xml"):
        assert "it is a link, or behind one" in why(read_junit(tree, name, None))
    for name in ("pipe", "empty"):
        assert "it is no ordinary file" in why(read_junit(tree, name, None))
    for name in ("../outside/report.xml", "/etc/passwd", "a/../../b"):
        assert "outside of the tree" in why(read_junit(tree, name, None))
    assert why(read_junit(tree, "none.xml", None)) == "it left no report none.xml"
    assert why(read_junit(tree, "no/where.xml", None)) == "it left no report no/where.xml"


def test_a_report_from_before_is_none(tmp_path: Path) -> None:
    before = reports.mark_of(written(tmp_path, SUITE), "report.xml")
    assert "only one from before" in why(read_junit(tmp_path, "report.xml", before))


def sarif(*results: object) -> str:
    return json.dumps({"version": "2.1.0", "runs": [{"results": list(results)}]})


def at(rule: str, file: str, line: int, **more: object) -> dict[str, object]:
    place = {"artifactLocation": {"uri": file}, "region": {"startLine": line}}
    return {"ruleId": rule, "locations": [{"physicalLocation": place}], **more}


def test_sarif_names_errors_else_warnings(tmp_path: Path) -> None:
    warning, error = at("W1", "a.py", 3), at("E1", "b.py", 7, level="error")
    text = sarif(warning, error, at("N1", "c.py", 1, level="note"))
    assert read_sarif(written(tmp_path, text), "report.xml", None) == Failing(("E1 b.py:7",))
    text = sarif(warning, at("W2", "d.py", 4, suppressions=[{"kind": "inSource"}]))
    assert read_sarif(written(tmp_path, text), "report.xml", None) == Failing(("W1 a.py:3",))
    text = sarif(at("P", "e.py", 1, kind="pass", level="error"))
    assert read_sarif(written(tmp_path, text), "report.xml", None) == Failing()


@pytest.mark.parametrize(
    "text",
    ["[]", "3", "{}", '{"runs": 1}', "{", '{"runs": [3, {"results": [1, {"locations": [2]}]}]}',
     "[" * 100_000, "\ud800"],
)  # fmt: skip
def test_any_other_json_is_no_sarif_and_no_crash(tmp_path: Path, text: str) -> None:
    written(tmp_path, text.encode("utf-8", "surrogatepass"))
    found = read_sarif(tmp_path, "report.xml", None)
    if isinstance(found, Failing):
        assert found.names == ("a finding without a name",)


def test_well_known_outputs_name_tests(tmp_path: Path) -> None:
    (tmp_path / "out").write_text(
        "=== short test summary info ===\n"
        "\x1b[31mFAILED\x1b[0m tests/test_a.py::test_b[a b] - assert 1 == 2\n"
        "ERROR tests/test_c.py\n"
        "FAILED to connect\n"
        "--- FAIL: TestSum (0.00s)\n"
        "    --- FAIL: TestSum/small (0.00s)\n"
        "test math::adds ... FAILED\n"
        "FAIL\n"
    )
    (tmp_path / "err").write_text("ERROR something.py went wrong\n")
    assert names_in_output(tmp_path).names == (
        "tests/test_a.py::test_b[a b]", "tests/test_c.py", "TestSum", "TestSum/small",
        "math::adds",
    )  # fmt: skip


def test_without_any_output_nothing_is_named(tmp_path: Path) -> None:
    assert names_in_output(tmp_path) == Failing()


# --- by a check ----------------------------------------------------------------------------------


@pytest.fixture
def yard(tmp_path: Path) -> CheckYard:
    return CheckYard(tmp_path)


def pytest_check(*more: str) -> Check:
    """Really pytest, which really writes the report."""
    argv = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *more)
    return Check("unit", argv, junit="out/report.xml", retries=0)


def test_a_real_report_of_pytest(yard: CheckYard) -> None:
    yard.commit(**{"test_sums.py": "def test_good(): pass\n\ndef test_bad(): assert 1 == 2\n"})
    result = yard.one(pytest_check("--junitxml=out/report.xml"))
    assert result.judgement is Judgement.FAILED
    assert (result.failing, result.failing_more, result.note) == (
        ("test_sums.py::test_bad",),
        0,
        "",
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tests.test_a.TestB::test_c[1-2]", "tests/test_a.py::TestB::test_c[1-2]"),
        ("tests.test_a::test_d", "tests/test_a.py::test_d"),
        ("tests.test_a", "tests/test_a.py"),
        ("tests.test_other::test_d", "tests.test_other::test_d"),
        ("pkg/a_test.go::TestX", "pkg/a_test.go::TestX"),
        ("...test_a::x", "...test_a::x"),
    ],
)
def test_names_are_those_that_pytest_takes(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").touch()
    assert as_pytest_names(tmp_path, [name]) == (told,)


def test_some_tests_of_pytest_are_run_by_their_names(yard: CheckYard) -> None:
    """One that is not there makes it run none: nothing is learned of the others."""
    yard.commit(**{"test_sums.py": "def test_bad(): assert 1 == 2\ndef test_good(): pass\n"})
    only = f"{sys.executable} -m pytest -q -p no:cacheprovider --junitxml=r.xml {{tests}}"
    check = Check("unit", ("false",), junit="r.xml", only=only)
    bad, good, gone = (f"test_sums.py::test_{name}" for name in ("bad", "good", "gone"))
    red = yard.one(part_of(check, (bad, good)))
    assert red_tests([red], (bad, good)) == (bad,)
    assert yard.one(part_of(check, (good,))).judgement is Judgement.PASSED
    unknown = yard.one(part_of(check, (bad, gone)))
    assert unknown.judgement is Judgement.FAILED
    assert red_tests([unknown], (bad, gone)) == ()


def test_without_its_report_the_output_is_looked_at(yard: CheckYard) -> None:
    yard.commit(**{"test_sums.py": "def test_bad(): assert 1 == 2\n"})
    result = yard.one(pytest_check())
    assert result.failing == ("test_sums.py::test_bad",)
    assert result.note == "it left no report out/report.xml"


def test_a_committed_report_is_not_taken_for_that_of_this_run(yard: CheckYard) -> None:
    yard.commit(**{"report.xml": SUITE})
    result = yard.one(shell("exit 1", "unit", junit="report.xml", retries=0))
    assert result.failing == ()
    assert "there is only one from before" in result.note


def test_a_report_that_contradicts_the_exit_code_is_told_of(yard: CheckYard) -> None:
    line = f"cat > report.xml <<'X'\n{SUITE}X\ntrue"
    judgement, (result,) = yard.run(shell(line, "unit", junit="report.xml"))
    assert judgement is Judgement.PASSED
    assert "although its report names failures: tests.test_a.TestB" in result.note
    empty = shell("echo '<testsuite/>' > report.xml", "none", junit="report.xml")
    assert yard.one(empty).note == "its report names no test at all"


def test_a_check_of_sarif(yard: CheckYard) -> None:
    text = sarif(at("E1", "b.py", 7, level="error"))
    line = f"echo '{text}' > lint.sarif; exit 1"
    result = yard.one(shell(line, "lint", sarif="lint.sarif"))
    assert (result.failing, result.red_runs) == (("E1 b.py:7",), 1)


def test_a_pipe_in_the_place_of_the_report_holds_nobody_up(yard: CheckYard) -> None:
    found: list[str] = []
    check = shell("mkfifo report.xml", "unit", junit="report.xml")
    waiting = threading.Thread(target=lambda: found.append(yard.one(check).note), daemon=True)
    waiting.start()
    waiting.join(60)
    assert found == ["its report report.xml is not read: it is no ordinary file"]
