"""The names in a guide of another system: its commands, options, variables, files and so on.

    python -m tests.docs.coming_from.extract FOLDER [--write]

FOLDER has the guides, one a text file whose name begins with its number (`001_….txt`). Only names
are taken. Of a heading, a question or a wish it is a key in our own words that is listed, found by
the hash of their words; one that is not known yet is listed by that hash, to be given a key in
`keys.toml`. With `--write` the lists beside this file are written anew.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
NAMES = HERE / "names"
KEYS = HERE / "keys.toml"
GUIDES = ("000", "001", "002", "003", "004")

PLAIN = frozenset(
    "awk bash break cat cd chmod do done echo else fi for free grep if ls mkdir sleep sort then"
    " true uniq uptime wc while".split()
)
"""Words of a shell that ask for nothing of the system that the guide is about."""

WITH_SUBCOMMAND = frozenset(
    "bd claude-orchestrator.sh event-store.sh gh git just npm pip worktree".split()
)
ENDINGS = "sh|md|jsonl?|log|env|ts|db|ya?ml|py|lock|csv|txt|gitignore"
KINDS = {"Troubleshooting": "trouble", "Safety Features": "safety", "Advanced Usage": "special"}
"""Chapters whose headings below are taken, each by its key, and what their kind is called."""

ITEM_KINDS = {"Limitations": "limit", "Future Enhancements": "wish"}
"""Chapters whose items are taken."""

_CODE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(
    rf"[\w./~{{}}*-]*[\w{{}}*/]\.(?:{ENDINGS})(?!\w)"
    r"|(?<![\w.])\.[a-z_]+(?:/[\w*-]+)+|(?<!\S)\.[a-z_]+/"
)
_OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][a-z-]*(?![\w-])")
_QUOTED = re.compile(r"'([^']*)'|\"[^\"]*\"")
_BEFORE = ("python", "nohup", "do", "*/30", "*", "watch", "Q")
_VARIABLE = re.compile(r"\b([A-Z]{2,}(?:_[A-Z]+)*)=")


def names(text: str) -> list[str]:
    """Every name in this guide as `kind: name`, sorted, each once."""
    blocks = _CODE.findall(text)
    shell = [body for language, body in blocks if language == "bash"]
    plain = _CODE.sub("", text)
    inline = _INLINE.findall(plain)
    commands = {name for body in shell for name in _commands(body)}
    commands |= {name for words in inline for name in _commands(words) if _is_program(name)}
    commands -= {name.split()[0] for name in commands if " " in name}
    found = {f"command: {name}" for name in commands}
    found |= {f"variable: {name}" for body in shell for name in _VARIABLE.findall(body)}
    found |= {f"option: {name}" for name in _options(shell, inline)}
    found |= set(_files(text))
    for language, body in blocks:
        if language == "python":
            found |= {f"setting: {name}" for name in _python_names(body)}
        for states in re.findall(r"\((\w+(?:\|\w+)+)\)", body):
            found |= {f"word: {word}" for word in states.split("|")}
    found |= set(_lists(plain, inline))
    found |= set(_keyed(plain))
    return sorted(found)


def _commands(body: str) -> Iterator[str]:
    joined = re.sub(r"\\\n\s*", " ", body)
    for line in joined.splitlines():
        code = re.sub(r"(^|\s)#.*", "", line)
        for match in _QUOTED.finditer(code):
            if match[1] and re.match(r"[a-z]\w* ", match[1]):
                yield from _commands(match[1])
        bare = re.sub(r"\d?>+\s*\S+", "", _QUOTED.sub("Q", code))
        for part in re.split(r"\||&&|;", bare):
            words = [word for word in part.split() if not re.match(r"[A-Z_]+=", word)]
            while words and words[0] in _BEFORE:
                if words[0] == "nohup" or (words[0] == "watch" and len(words) > 1):
                    yield words[0]
                words = words[1:]
            yield from _named(words)


def _named(words: list[str]) -> Iterator[str]:
    if not words or words[1:2] == ["="]:
        return
    program = words[0].rsplit("/", 1)[-1]
    if program in PLAIN or not re.fullmatch(r"[a-z][\w.-]+", program):
        return
    rest = [word for word in words[1:] if re.fullmatch(r"[a-z][a-z_-]+", word)]
    if program in WITH_SUBCOMMAND and rest:
        deep = 2 if rest[0] in ("worktree", "dep") else 1
        yield " ".join([program, *rest[:deep]])
    else:
        yield program


def _is_program(name: str) -> bool:
    first = name.split()[0]
    return first in WITH_SUBCOMMAND or first == "claude" or first.endswith((".sh", ".py"))


def _options(shell: list[str], inline: list[str]) -> Iterator[str]:
    """Long options everywhere; short ones of the system's own programs, not of tail or ps."""
    for words in (*shell, *inline):
        for line in words.splitlines():
            for name in _OPTION.findall(re.sub(r"\S*/\S*|\"[^\"]*\"", " ", line)):
                if name.startswith("--") or words in inline or line.startswith("bd "):
                    yield name


def _files(text: str) -> Iterator[str]:
    found = set(re.findall(r"(?<!\w)feature/[\w*./-]*[\w*]", text))
    yield from (f"branch: {name}" for name in found)
    files = set()
    for name in _FILE.findall(text):
        short = re.sub(r"^(?:\.{1,2}/)+", "", name)
        files.add(re.sub(r"(?<=[_-])\d+(?=\.)", "{N}", short.removesuffix("*")))
    for short in files:
        within = any(other.endswith(f"/{short}") for other in files)
        if not within and not short.startswith(("/path/", "feature/", "src/", "core/")):
            yield f"file: {short}"


def _python_names(body: str) -> Iterator[str]:
    yield from re.findall(r"^(?:class |def )?(\w+)(?: = [\[{]|\(.*\).*:$)", body, re.MULTILINE)


def _lists(plain: str, inline: list[str]) -> Iterator[str]:
    """What is named in lists of its own: labels, kinds of events, tables, risk levels."""
    for word in inline:
        if re.fullmatch(r"phase:\w+", word):
            yield f"label: {word}"
    for name in re.findall(r"^- `(\w+_\w+)` - ", _section(plain, "Event Types"), re.MULTILINE):
        yield f"event: {name}"
    for title in ("### Tables", "### Views"):
        for name in re.findall(r"^\*\*(\w+)\*\* - ", _section(plain, title), re.MULTILINE):
            yield f"table: {name}"
    for name in re.findall(r"^#+ \**(\w+) Table\**$", plain, re.MULTILINE):
        yield f"table: {name}"
    for name in re.findall(r"^\*\*([A-Z_]+)(?: \(.*\))?:\*\*$", plain, re.MULTILINE):
        yield f"level: {name}"


def _section(plain: str, title: str) -> str:
    """What follows the title, up to the next heading."""
    return re.split(r"^#", plain.partition(title)[2], maxsplit=1, flags=re.MULTILINE)[0]


def _keyed(plain: str) -> Iterator[str]:
    """Questions, troubles, wishes, limits and so on, each by its key."""
    for words in re.findall(r"^\**Q: (.*)", plain, re.MULTILINE):
        yield f"question: {_key(words)}"
    chapter = ""
    for line in plain.splitlines():
        if head := re.match(r"##+ (.*)", line):
            if line.startswith("## "):
                chapter = head[1]
            elif chapter in KINDS:
                yield f"{KINDS[chapter]}: {_key(head[1])}"
        elif chapter in ITEM_KINDS and (item := re.match(r"- (?:\[ \] )?(.*)", line)):
            yield f"{ITEM_KINDS[chapter]}: {_key(item[1])}"


def _key(words: str) -> str:
    letters = re.sub(r"[^a-z0-9]+", " ", words.lower()).strip()
    mark = hashlib.sha256(letters.encode()).hexdigest()[:12]
    known: dict[str, str] = tomllib.loads(KEYS.read_text("utf-8")) if KEYS.exists() else {}
    return known.get(mark, f"? {mark}")


def guide(folder: Path, number: str) -> str:
    """The text of this guide."""
    (path,) = folder.glob(f"{number}_*")
    return path.read_text("utf-8", errors="replace")


def listed(number: str) -> list[str]:
    """The names that are kept of this guide."""
    return (NAMES / f"{number}.txt").read_text("utf-8").splitlines()


def main(words: list[str]) -> int:
    """Print the names of all guides, or write the lists anew."""
    folder = Path(words[0])
    for number in GUIDES:
        text = "".join(f"{name}\n" for name in names(guide(folder, number)))
        if "--write" in words:
            (NAMES / f"{number}.txt").write_text(text, "utf-8")
        else:
            print(f"== {number}\n{text}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
