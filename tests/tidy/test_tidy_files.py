"""What is in the repository's files: nothing about one machine, and everything in its form."""

from __future__ import annotations

import re

import pytest

from tests.tidy.sources import ROOT, excused, files, pyproject

# Written with brackets, so that this file is not its own finding.
FOREIGN = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|deb[.]debian[.]org|yarnpkg[.]com"
    r"|/[r]oot/|/[w]ork/(?:main|shared)|/[o]pt/(?:pypi|wheels)|/[t]mp/(?:venv|notes)"
)
TEXT_BYTES_MAX = 2_000_000

FRAGMENT = re.compile(r"(?:\d+|\+[a-z0-9-]+)\.(\w+)(?:\.\d+)?\.md")
DECISION = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
DECISION_PARTS = ["Context", "Choice", "Consequences", "Revisit when"]


def test_no_file_names_a_registry_or_a_machine() -> None:
    allowed: dict[str, list[str]] = excused()["foreign"]
    found = []
    for name in files():
        content = (ROOT / name).read_bytes()
        if b"\0" in content[:8000] or len(content) > TEXT_BYTES_MAX:
            continue
        for match in FOREIGN.finditer(content.decode("utf-8", "replace")):
            if match[0] not in allowed.get(name, []):
                found.append(f"{name}: {match[0]}")
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "https://registry.npm" + "js.org/x",
        "/ro" + "ot/x",
        "/wo" + "rk/main",
        "files.python" + "hosted.org",
    ],
)
def test_the_rule_finds_registries_and_machines(text: str) -> None:
    assert FOREIGN.search(text)


def test_change_fragments_have_a_known_kind_and_say_something() -> None:
    kinds = {kind["directory"] for kind in pyproject()["tool"]["towncrier"]["type"]}
    wrong = []
    for path in sorted((ROOT / "changes").iterdir()):
        if path.name == "README.md":
            continue
        match = FRAGMENT.fullmatch(path.name)
        if match is None or match[1] not in kinds or not path.read_text().strip():
            wrong.append(path.name)
    assert not wrong, f"name them NUMBER.KIND.md or +WORD.KIND.md, with KIND one of {sorted(kinds)}"


def test_decisions_are_numbered_and_have_their_four_parts() -> None:
    numbers = []
    for path in sorted((ROOT / "docs" / "decisions").iterdir()):
        match = DECISION.fullmatch(path.name)
        assert match, f"{path.name}: name it NNNN-title.md"
        numbers.append(int(match[1]))
        parts = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
        assert parts == DECISION_PARTS, path.name
    assert numbers == list(range(1, len(numbers) + 1))


def pins(name: str) -> dict[str, str]:
    """Pinned versions of a requirements file; every one must carry a hash."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        match = re.match(r"([a-z0-9.-]+)==(\S+)(?: ;.*?)?\s+--hash=sha256:[0-9a-f]{64}", line)
        assert match, f"{name}: not an exact version with hashes: {line[:60]}"
        found[match[1]] = match[2]
    return found


def test_requirements_are_exact_and_agree() -> None:
    base, dev = pins("base.txt"), pins("dev.txt")
    assert base.items() <= dev.items()
    for requirement in pyproject()["project"]["dependencies"]:
        name = re.split(r"[<>=~!\[; ]", requirement)[0].replace(".", "-").lower()
        assert name in base, f"{name} is needed but not pinned"


def test_test_files_have_unique_names() -> None:
    names = [
        name.rpartition("/")[2] for name in files() if re.search(r"^tests/.*test_\w+\.py$", name)
    ]
    assert sorted(set(names)) == sorted(names)
