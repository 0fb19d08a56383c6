"""Histories in which branches do to the same files what agents do: made from a seed, by one
fast-import for all of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

Tree = dict[str, tuple[str, bytes]]
"""Mode and content by path; of a submodule (mode 160000) the commit."""

LINES = 12
ATTRIBUTES = b"*.md merge=union\nnested/.keep text\n"
NESTED_ATTRIBUTES = b"*.gen -merge\n"


@dataclass
class History:
    """The commits of one history: its main branch, and the branches begun from it, at `starts`."""

    main: list[int] = field(default_factory=list)
    branches: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    done: list[str] = field(default_factory=list)


def text(name: str, lines: int = LINES) -> bytes:
    return "".join(f"{name} line {n} of a text that is its own\n" for n in range(lines)).encode()


def first_tree() -> Tree:
    tree: Tree = {
        path: ("100644", text(path))
        for path in (
            "app.py", "lib/one.py", "lib/two.py", "lib/deep/three.py", "docs/guide.txt",
            "docs/notes.md", "old/a.txt", "old/b.txt", "gen/out.gen", "solo/only.txt",
        )
    }  # fmt: skip
    tree["run.sh"] = ("100755", text("run.sh"))
    tree["logo.png"] = ("100644", b"\x89PNG\0" + bytes(range(200)))
    tree["link"] = ("120000", b"app.py")
    tree["vendor"] = ("160000", b"1" * 40)
    tree[".gitattributes"] = ("100644", ATTRIBUTES)
    tree["gen/.gitattributes"] = ("100644", NESTED_ATTRIBUTES)
    return tree


class Doer:
    """Does things to a tree, as the seed says."""

    def __init__(
        self,
        chance: random.Random,
        tag: str,
        deeds: tuple[Callable[[Doer, Tree], None], ...] = (),
    ) -> None:
        self._chance, self._tag, self._deeds = chance, tag, deeds or DEEDS

    def do(self, tree: Tree) -> str:
        """One thing; its name."""
        deed = self._chance.choice(self._deeds)
        deed(self, tree)
        return deed.__name__

    def _file(self, tree: Tree, suffix: str = "") -> str | None:
        names = [
            path for path, (mode, _) in sorted(tree.items())
            if mode.startswith("100") and path.endswith(suffix) and "attributes" not in path
        ]  # fmt: skip
        return self._chance.choice(names) if names else None

    def edit(self, tree: Tree) -> None:
        path = self._file(tree)
        if path is not None:
            mode, content = tree[path]
            lines = content.split(b"\n")
            at = self._chance.randrange(len(lines))
            lines[at : at + self._chance.randint(0, 2)] = [f"{self._tag} was here".encode()]
            tree[path] = (mode, b"\n".join(lines))

    def edit_near_the_top(self, tree: Tree) -> None:
        path = self._chance.choice(("app.py", "lib/one.py", "docs/notes.md", "gen/out.gen"))
        if path in tree:
            mode, content = tree[path]
            lines = content.split(b"\n")
            at = self._chance.randrange(4)
            lines[at] = f"{self._tag} line {at}".encode()
            tree[path] = (mode, b"\n".join(lines))

    def space(self, tree: Tree) -> None:
        path = self._file(tree)
        if path is not None:
            mode, content = tree[path]
            tree[path] = (mode, content.replace(b" line", b"  line", 3))

    def append(self, tree: Tree) -> None:
        path = self._file(tree)
        if path is not None:
            mode, content = tree[path]
            tree[path] = (mode, content + f"{self._tag}\n".encode())

    def add(self, tree: Tree) -> None:
        folder = self._chance.choice(("", "lib/", "old/", "old/", "docs/", "solo/", "new/"))
        name = self._chance.choice(("x.txt", "y.txt", f"{self._tag}.txt"))
        if not any(path.startswith(f"{folder}{name}/") for path in tree) and (
            not folder or folder[:-1] not in tree
        ):
            tree[folder + name] = ("100644", text(self._chance.choice(("same", self._tag))))

    def delete(self, tree: Tree) -> None:
        path = self._file(tree)
        if path is not None and len(tree) > 4:
            del tree[path]

    def rename(self, tree: Tree) -> None:
        path = self._file(tree)
        target = self._chance.choice(("moved.py", "lib/moved.py", "solo/x.txt", f"{self._tag}.py"))
        if path is not None and target not in tree and _is_free(tree, target):
            tree[target] = tree.pop(path)

    def rename_and_edit(self, tree: Tree) -> None:
        self.rename(tree)
        self.edit(tree)

    def rename_folder(self, tree: Tree) -> None:
        old = self._chance.choice(("old", "solo", "lib", "lib/deep", "docs"))
        new = self._chance.choice(("fresh", "moved", f"{old}-{self._tag}", "lib/sub"))
        mine = [path for path in tree if path.startswith(f"{old}/")]
        if mine and not new.startswith(f"{old}/") and _is_free(tree, new):
            for path in mine:
                tree[new + path.removeprefix(old)] = tree.pop(path)

    def move_all_down(self, tree: Tree) -> None:
        for path in [path for path in tree if "/" not in path and not path.startswith(".")]:
            tree[f"below/{path}"] = tree.pop(path)

    def file_to_folder(self, tree: Tree) -> None:
        path = self._file(tree)
        if path is not None:
            tree[f"{path}/inside.txt"] = tree.pop(path)

    def folder_to_file(self, tree: Tree) -> None:
        folder = self._chance.choice(("solo", "old", "lib/deep"))
        mine = [path for path in tree if path.startswith(f"{folder}/")]
        for path in mine:
            del tree[path]
        if mine:
            tree[folder] = ("100644", text(folder))

    def mode(self, tree: Tree) -> None:
        path = self._file(tree)
        if path is not None:
            mode, content = tree[path]
            tree[path] = ("100755" if mode == "100644" else "100644", content)

    def link(self, tree: Tree) -> None:
        if "link" in tree:
            tree["link"] = ("120000", self._tag.encode())

    def binary(self, tree: Tree) -> None:
        if "logo.png" in tree:
            tree["logo.png"] = ("100644", b"\x89PNG\0" + self._tag.encode() + bytes(range(200)))

    def submodule(self, tree: Tree) -> None:
        if "vendor" in tree:
            number = self._chance.choice("234")
            tree["vendor"] = ("160000", number.encode() * 40)


DEEDS: tuple[Callable[[Doer, Tree], None], ...] = (
    Doer.edit, Doer.edit, Doer.edit_near_the_top, Doer.edit_near_the_top, Doer.space, Doer.append,
    Doer.add, Doer.add, Doer.delete, Doer.rename, Doer.rename_and_edit, Doer.rename_folder,
    Doer.rename_folder, Doer.move_all_down, Doer.file_to_folder, Doer.folder_to_file, Doer.mode,
    Doer.link, Doer.binary, Doer.submodule,
)  # fmt: skip


def _is_free(tree: Tree, target: str) -> bool:
    """Whether a file or a folder may come to be there."""
    above = {"/".join(target.split("/")[:n]) for n in range(1, target.count("/") + 2)}
    return not above & set(tree) and not any(path.startswith(f"{target}/") for path in tree)


class Stream:
    """What fast-import reads; every commit is held by a branch `c<its mark>`."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._marks = 0

    def commit(self, tree: Tree, parents: list[int]) -> int:
        self._marks += 1
        mark = self._marks
        who = f"committer Ann <ann@example.org> {1_700_000_000 + mark} +0000\n"
        out = [f"commit refs/heads/c{mark}\nmark :{mark}\n{who}data 1\nx\n".encode()]
        out += [f"{'merge' if n else 'from'} :{each}\n".encode() for n, each in enumerate(parents)]
        out.append(b"deleteall\n")
        for path, (mode, content) in tree.items():
            if mode == "160000":
                out.append(f"M {mode} {content.decode()} {path}\n".encode())
            else:
                out.append(f"M {mode} inline {path}\ndata {len(content)}\n".encode() + content)
                out.append(b"\n")
        self.parts += out
        return mark


def make_history(stream: Stream, seed: int, branches: int) -> History:
    """Some commits on main, and branches of one or two commits begun at some of them."""
    chance = random.Random(seed)
    tree = first_tree()
    trees = [dict(tree)]
    found = History()
    found.main.append(stream.commit(tree, []))
    for number in range(chance.choice((0, 0, 1, 2))):
        found.done.append(f"main: {Doer(chance, f'main{number}').do(tree)}")
        found.main.append(stream.commit(tree, [found.main[-1]]))
        trees.append(dict(tree))
    for number in range(branches):
        start = chance.randrange(len(found.main))
        mine = dict(trees[start])
        tip = found.main[start]
        for _ in range(chance.randint(1, 2)):
            doer = Doer(chance, f"b{number}")
            done = [doer.do(mine) for _ in range(chance.randint(1, 2))]
            found.done.append(f"b{number} at {start}: {' '.join(done)}")
            tip = stream.commit(mine, [tip])
        found.branches.append(tip)
        found.starts.append(start)
    return found
