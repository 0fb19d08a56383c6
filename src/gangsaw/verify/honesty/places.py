"""What is changed by where it lies: outside of the scope, the means of checking, settings of agents
and hooks.

What the task's scope names by its whole path is meant to be changed, and no concern by its place.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from gangsaw.core.changes import REPOSITORY_MODE, ChangedFile
from gangsaw.core.honesty import Concern, ConcernKind
from gangsaw.core.scopes import covers, is_pattern
from gangsaw.verify.honesty.files import is_test_path
from gangsaw.verify.honesty.lines import added_lines, removed_lines

_CHECK_FILES = (
    "gangsaw.toml",
    ".gangsaw/*",
    ".github/workflows/*",
    ".github/actions/*",
    ".gitlab-ci.yml",
    ".gitlab/ci/*",
    ".circleci/*",
    ".buildkite/*",
    ".woodpecker*",
    ".drone.yml",
    ".travis.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "Jenkinsfile",
    "appveyor.yml",
    ".pre-commit-config.yaml",
    "lefthook.y*ml",
)
"""From the top of the repository."""

_CHECK_NAMES = (
    "tox.ini", "noxfile.py", "pytest.ini", ".pytest.ini", "mypy.ini", ".mypy.ini", ".coveragerc",
    ".flake8", "ruff.toml", ".ruff.toml", ".pylintrc", "pyrightconfig.json", "jest.config.*",
    "vitest.config.*", "vitest.workspace.*", "karma.conf.*", "playwright.config.*", ".mocharc*",
    "cypress.config.*", ".eslintrc*", "eslint.config.*", ".eslintignore", ".golangci.y*ml",
    "clippy.toml", ".clippy.toml", "phpunit.xml*", ".rspec", ".rubocop.yml", "codecov.y*ml",
    ".codecov.y*ml", "sonar-project.properties", "nextest.toml",
)  # fmt: skip
"""At any depth."""

_AGENT_PLACES = (
    (".claude/*", "settings of an agent"),
    (".codex/*", "settings of an agent"),
    (".gemini/*", "settings of an agent"),
    (".qwen/*", "settings of an agent"),
    (".opencode/*", "settings of an agent"),
    (".cursor/*", "settings of an agent"),
    (".aider*", "settings of an agent"),
    (".continue/*", "settings of an agent"),
    (".gangsaw/*", "roles and prompts of agents"),
    (".devcontainer/*", "commands that run when a container is opened"),
    (".githooks/*", "hooks that git runs"),
    (".husky/*", "hooks that git runs"),
    (".hooks/*", "hooks that git runs"),
    (".git-hooks/*", "hooks that git runs"),
    ("lefthook.y*ml", "hooks that git runs"),
    (".pre-commit-config.yaml", "hooks that git runs"),
    (".envrc", "commands that run when the folder is entered"),
    (".vscode/tasks.json", "commands that an editor runs"),
    (".vscode/settings.json", "settings of an editor and its agents"),
    (".vscode/mcp.json", "programs that agents start"),
    (".github/copilot-instructions.md", "instructions that agents follow"),
    (".github/instructions/*", "instructions that agents follow"),
)
_AGENT_NAMES = (
    (".mcp.json", "programs that agents start"),
    ("mcp.json", "programs that agents start"),
    ("opencode.json*", "settings of an agent"),
    (".cursorrules", "instructions that agents follow"),
    (".windsurfrules", "instructions that agents follow"),
    (".clinerules", "instructions that agents follow"),
    ("AGENTS.md", "instructions that agents follow"),
    ("CLAUDE.md", "instructions that agents follow"),
    ("CLAUDE.local.md", "instructions that agents follow"),
    ("GEMINI.md", "instructions that agents follow"),
    ("QWEN.md", "instructions that agents follow"),
)
_HOOK_NAMES = frozenset(
    ("pre-commit", "commit-msg", "pre-push", "post-checkout", "post-commit", "post-merge",
     "pre-receive", "post-receive", "prepare-commit-msg", "pre-rebase", "update",
     "post-rewrite", "reference-transaction")
)  # fmt: skip
_HOOKS_PATH = re.compile(r"core\.hooks?path|^\s*hooksPath\s*=", re.IGNORECASE)
_DRIVER = re.compile(r"(?<![\w-])(?:filter|merge|diff)=(?!(?:lfs|union|text|binary|ours)\b)\w")
_MODULE_URL = re.compile(r"^\s*(?:url|update|path|branch)\s*=")
_TARGETS = re.compile(r"\b(?:tests?|checks?|lint|ci|verify|typecheck|coverage|all|default)\b")
_TARGET_LINE = re.compile(r"^([A-Za-z0-9_./%$() -]+?)\s*::?(?!=)")
_SCRIPTS = re.compile(r"test|check|lint|ci\b|verify|typecheck|cover", re.IGNORECASE)
_TOOLS = ("pytest", "coverage", "mypy", "ruff", "pyright", "pylint", "flake8", "tox", "nox",
          "hatch", "gangsaw", "black", "isort")  # fmt: skip
_CONFTEST = re.compile(
    r"collect_ignore|pytest_collection_modifyitems|pytest_ignore_collect|pytest_runtest_"
    r"|pytest_pyfunc_call|pytest_sessionfinish|pytest_report|pytest_exception_interact"
    r"|pytest_cmdline|pytest_configure|pytest_assertrepr|hookimpl|os\._exit|sys\.exit|exitstatus"
    r"|addopts|\.outcome\s*=|AssertionError"
)
_SWALLOWS = re.compile(
    r"\|\|\s*(?:true|:|exit 0|echo\b)|;\s*true\s*$|continue-on-error:\s*true|allow_failure:\s*true"
    r"|--exit-zero|--passWithNoTests|--no-verify|skipTests|maven\.test\.(?:skip|failure)"
    r"|testFailureIgnore|ignoreFailures\s*=?\s*true|-k\s+[\"']?not |--deselect|--ignore=|set \+e"
    r"|harness\s*=\s*false|autotests\s*=\s*false|doctest\s*=\s*false|^\s*test\s*=\s*false"
)
_BUILD_NAMES = ("pom.xml", "build.gradle", "build.gradle.kts", "Cargo.toml", "build.xml",
                "CMakeLists.txt", "meson.build", "justfile", "Justfile", "Taskfile.y*ml",
                "Rakefile", "gulpfile.*", "deno.json*")  # fmt: skip
_INTERPRETERS = re.compile(
    r"(?:.*/)?(?:sh|bash|dash|zsh|python[0-9.]*|node|ruby|perl|php|deno|bun|pwsh|uv|npx|tsx|make)"
)


def place_concerns(
    files: Iterable[ChangedFile], scope: Sequence[str], commands: Sequence[str]
) -> Iterator[Concern]:
    """The concerns by place. `commands` are the lines of the gate."""
    named = frozenset(entry.strip("/") for entry in scope if not is_pattern(entry))
    run = run_by(commands)
    for file in files:
        if scope and not covers(scope, file.path):
            line, old = _first_place(file)
            yield Concern(ConcernKind.OUTSIDE_SCOPE, file.path, line, _did(file), old)
        if file.path in named:
            continue
        yield from _of_checks(file, run)
        yield from _of_agents(file)


def _did(file: ChangedFile) -> str:
    if file.before is None:
        return "is new, outside the task's scope"
    if file.after is None:
        return "is deleted, outside the task's scope"
    return "is changed, outside the task's scope"


def _first_place(file: ChangedFile) -> tuple[int, bool]:
    """The first line that is new, else the first that is gone, and whether it is gone."""
    if file.before is None or file.after is None:
        return 0, False
    line = next((number for number, _ in added_lines(file)), 0)
    return (line, False) if line else (next((n for n, _ in removed_lines(file)), 0), True)


# --- how work is checked ------------------------------------------------------------------------


def run_by(commands: Iterable[str]) -> frozenset[str]:
    """Paths of the files that these shell lines run, and names of the targets and scripts."""
    found: set[str] = set()
    for line in commands:
        try:
            words = shlex.split(line, comments=False)
        except ValueError:
            words = line.split()
        first = True
        program = ""
        for word in words:
            if word in ("&&", "||", ";", "|", "then", "do"):
                first, program = True, ""
                continue
            if first and re.fullmatch(r"\w+=.*", word):
                continue
            plain = word.removeprefix("./")
            if first:
                first, program = False, word
                found.add(plain)
            elif not word.startswith("-") and word != "run":
                if _INTERPRETERS.fullmatch(program) or program in ("npm", "pnpm", "yarn", "just"):
                    found.add(plain)
                if program != "make":
                    program = ""
    return frozenset(found)


def _of_checks(file: ChangedFile, run: frozenset[str]) -> Iterator[Concern]:
    found = list(_check_changes(file, run))
    yield from found[:3]


def _check_changes(file: ChangedFile, run: frozenset[str]) -> Iterator[Concern]:
    first, gone = _first_place(file)

    def concern(text: str, line: int = 0) -> Concern:
        kind = ConcernKind.CHECKS_CHANGED
        return Concern(kind, file.path, line or first, text, gone and not line)

    name = file.path.rpartition("/")[2]
    if _fits(file.path, _CHECK_FILES) or _fits(name, _CHECK_NAMES):
        if _says_something(file):
            yield concern(f"says how work is checked, and {_was(file)}")
        return
    if file.before is not None and file.path in run and not is_test_path(file.path):
        yield concern(f"is run by a check, and {_was(file)}")
        return
    match name:
        case "conftest.py":
            yield from (
                concern("steers which tests run and how they count", number)
                for number, text in added_lines(file)
                if _CONFTEST.search(text)
            )
        case "pyproject.toml" | "setup.cfg" | "package.json":
            for part in _parts_changed(file, run):
                yield concern(f"{part} is changed")
        case "Makefile" | "makefile" | "GNUmakefile":
            yield from _of_makefile(file, run)
        case _ if _fits(name, _BUILD_NAMES) or name.endswith((".sh", ".mk")):
            yield from (
                concern(f"lets failures pass: {text.strip()}", number)
                for number, text in added_lines(file)
                if _SWALLOWS.search(text)
            )


def _says_something(file: ChangedFile) -> bool:
    """Whether more than comments and blank lines differ."""
    texts = [text for _, text in (*added_lines(file), *removed_lines(file))]
    is_text = all(side is None or side.text is not None for side in (file.before, file.after))
    return not is_text or any(text.strip() and not text.strip().startswith("#") for text in texts)


def _was(file: ChangedFile) -> str:
    if file.before is None:
        return "is new"
    return "is deleted" if file.after is None else "is changed"


def _of_makefile(file: ChangedFile, run: frozenset[str]) -> Iterator[Concern]:
    """Targets that check something whose recipes are not what they were."""
    old = _targets(file.before.text if file.before is not None else None)
    new = _targets(file.after.text if file.after is not None else None)
    for target, (line, recipe) in old.items():
        watched = _TARGETS.search(target) or target in run
        if watched and (target not in new or new[target][1] != recipe):
            gone = target not in new
            text = f"the target {target} is {'gone' if gone else 'changed'}"
            at = line if gone else new[target][0]
            yield Concern(ConcernKind.CHECKS_CHANGED, file.path, at, text, gone)


def _targets(text: str | None) -> dict[str, tuple[int, tuple[str, ...]]]:
    found: dict[str, tuple[int, list[str]]] = {}
    current: list[str] | None = None
    for number, line in enumerate((text or "").splitlines(), 1):
        head = _TARGET_LINE.match(line) if not line.startswith(("\t", "#", ".PHONY")) else None
        if head:
            current = [line[head.end() :].strip()]
            for target in head[1].split():
                found[target] = (number, current)
        elif line.startswith("\t") and current is not None:
            current.append(line.strip())
    return {target: (line, tuple(recipe)) for target, (line, recipe) in found.items()}


def _parts_changed(file: ChangedFile, run: frozenset[str]) -> list[str]:
    """The parts of a project's file that say how it is checked, and are not what they were."""
    old, new = _check_parts(file.path, file.before, run), _check_parts(file.path, file.after, run)
    if file.before is None:
        return []
    return sorted(part for part in {*old, *new} if old.get(part) != new.get(part))


def _check_parts(path: str, side: Any, run: frozenset[str]) -> dict[str, Any]:
    text = side.text if side is not None else None
    if text is None:
        return {}
    if path.endswith("package.json"):
        return _package_parts(text, run)
    if path.endswith("setup.cfg"):
        sections = re.split(r"(?m)^(?=\[)", text)
        heads = {
            part.split("]")[0].strip("[ "): part.split() for part in sections if part[:1] == "["
        }
        return {f"[{h}]": v for h, v in heads.items() if any(tool in h for tool in _TOOLS)}
    try:
        tools = tomllib.loads(text).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return {"the file, which cannot be read,": text}
    found = tools if isinstance(tools, dict) else {}
    return {f"[tool.{name}]": value for name, value in found.items() if name in _TOOLS}


def _package_parts(text: str, run: frozenset[str]) -> dict[str, Any]:
    try:
        package = json.loads(text)
    except (ValueError, RecursionError):
        return {"the file, which cannot be read,": text}
    if not isinstance(package, dict):
        return {}
    scripts = package.get("scripts")
    found = {
        f"the script {name}": value
        for name, value in (scripts.items() if isinstance(scripts, dict) else ())
        if _SCRIPTS.search(name) or name in run
    }
    tools = ("jest", "vitest", "mocha", "eslintConfig", "ava", "nyc", "c8", "lint-staged", "husky")
    return found | {f"its part {name}": package[name] for name in tools if name in package}


# --- agents and hooks ---------------------------------------------------------------------------


def _of_agents(file: ChangedFile) -> Iterator[Concern]:
    name = file.path.rpartition("/")[2]
    line, old = _first_place(file)
    about = next(
        (about for pattern, about in _AGENT_PLACES if _fits(file.path, (pattern,))), ""
    ) or next((about for pattern, about in _AGENT_NAMES if fnmatchcase(name, pattern)), "")
    if not about and name in _HOOK_NAMES and "hooks" in file.path.lower():
        about = "hooks that git runs"
    if about:
        yield Concern(ConcernKind.AGENT_SETTINGS, file.path, line, f"{about}: {_was(file)}", old)
        return
    if name == ".gitmodules":
        yield from _lines(file, _MODULE_URL, "where a submodule comes from is changed")
    elif name == ".gitattributes":
        yield from _lines(file, _DRIVER, "names a driver that git runs")
    elif _moved_repository(file):
        text = "the commit of a submodule is changed"
        yield Concern(ConcernKind.AGENT_SETTINGS, file.path, 0, text)
    elif not file.path.endswith((".md", ".rst", ".txt")):
        yield from _lines(file, _HOOKS_PATH, "says where git finds its hooks")


def _moved_repository(file: ChangedFile) -> bool:
    sides = (file.before, file.after)
    return all(side is not None and side.mode == REPOSITORY_MODE for side in sides)


def _lines(file: ChangedFile, wanted: re.Pattern[str], text: str) -> list[Concern]:
    found = [
        Concern(ConcernKind.AGENT_SETTINGS, file.path, number, text)
        for number, line in added_lines(file)
        if wanted.search(line)
    ]
    return found[:3]


def _fits(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
