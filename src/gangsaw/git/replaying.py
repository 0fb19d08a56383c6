"""Resolutions that landed, recorded and replayed by git's own `rerere`.

It runs in a git folder of our own below the control folder, which borrows the repository's objects:
neither the user's `rr-cache` nor any worktree takes part. Only the files in conflict are laid out,
in a temporary folder. A recorded resolution is found again by the lines in conflict, whatever the
file around them has become since.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.clashes import Clash, Clashes, read_clashes
from gangsaw.git.files import write_synced
from gangsaw.git.locks import held
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S, Output, Place, run_git

MERGES_MAX = 20
"""How many merges of one piece of work are learned from."""
_RERERE = ("-c", "rerere.enabled=true", "-c", "rerere.autoUpdate=false")
_OK_ANY = (0, 1, 128)
_BENCH = "bench-"


@dataclass(frozen=True, slots=True)
class _Bench:
    """Where the files of a conflict are laid out: `place` has an index and a folder of its own."""

    place: Place
    folder: Path
    paths: tuple[str, ...]

    def rerere(self, *args: str) -> Output:
        return run_git([*_RERERE, "rerere", *args], self.place, ok=_OK_ANY)


def replay(repo: Repository, found: Clashes, wanted: Sequence[Clash]) -> dict[str, bytes]:
    """The content of those of the wanted paths whose conflict has been resolved before.

    What is not known stays out; nothing is recorded.
    """
    textual = [clash for clash in wanted if clash.is_textual]
    cache = _memory(repo) / "rr-cache"
    if not textual or not cache.is_dir() or not any(cache.iterdir()):
        return {}
    with _laid_out(repo, found.tree, textual) as bench:
        marked = {path: (bench.folder / path).read_bytes() for path in bench.paths}
        bench.rerere()
        now = {path: (bench.folder / path).read_bytes() for path in bench.paths}
        bench.rerere("clear")
    return {
        path: content
        for path, content in now.items()
        if content != marked[path] and not has_markers(content)
    }


def learn(repo: Repository, base: str, work: str) -> int:
    """Record how the merges in `work`, since `base`, resolved their conflicts; how many files.

    Learning the same again changes nothing.
    """
    out = repo.git(
        "rev-list", "--first-parent", "--merges", "--parents", f"--max-count={MERGES_MAX}",
        work, f"^{base}", timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    learned = 0
    for line in out.text.split("\n") if out.text else ():
        merge, *parents = line.split(" ")
        if len(parents) == 2:
            learned += learn_merge(repo, merge, parents[0], parents[1])
    return learned


def learn_merge(repo: Repository, merge: str, ours: str, theirs: str) -> int:
    """The same for one commit, as the resolution of merging these two."""
    found = read_clashes(repo, ours, theirs)
    contents = _resolved_files(repo, merge, found)
    textual = [clash for clash in found.clashes if clash.path in contents]
    if not textual:
        return 0
    with _laid_out(repo, found.tree, textual) as bench:

        def record() -> None:
            bench.rerere()
            for path, content in contents.items():
                (bench.folder / path).write_bytes(content)
            bench.rerere()
            bench.rerere("gc")

        durable("git.resolution_learned", record)
    return len(textual)


def _resolved_files(repo: Repository, merge: str, found: Clashes) -> Mapping[str, bytes]:
    """What the merge has made of the files in conflict, where it still has them."""
    contents: dict[str, bytes] = {}
    for clash in found.clashes:
        if not clash.is_textual:
            continue
        content = read_file(repo, merge, clash.path)
        if content is not None and not has_markers(content):
            contents[clash.path] = content
    return contents


def read_file(repo: Repository, commit: str, path: str) -> bytes | None:
    """The bytes of a file in a commit or tree; `None` where there is no such file."""
    out = repo.git("cat-file", "blob", f"{commit}:{path}", ok=_OK_ANY)
    return out.stdout if out.code == 0 else None


def has_markers(content: bytes) -> bool:
    """Whether conflict markers stand in it."""
    return any(line.startswith((b"<<<<<<< ", b">>>>>>> ")) for line in content.split(b"\n"))


# -- the bench -----------------------------------------------------------------------------------


def _memory(repo: Repository) -> Path:
    """The git folder that holds what was learned."""
    return repo.control_dir / "resolutions"


def _open_memory(repo: Repository) -> Path:
    """The same, made where it is missing; a making that was cut short is made anew."""
    memory = _memory(repo)
    pointer = memory / "objects" / "info" / "alternates"
    wanted = os.fsencode(repo.common_dir / "objects") + b"\n"
    if not pointer.exists() or pointer.read_bytes() != wanted:
        form = repo.git("rev-parse", "--show-object-format").text
        args = ["init", "-q", "--bare", "--template=", f"--object-format={form}", str(memory)]
        run_git(args, Place(None, cwd=repo.common_dir))
        write_synced(pointer, wanted)
    return memory


@contextmanager
def _laid_out(repo: Repository, tree: str, clashes: Sequence[Clash]) -> Iterator[_Bench]:
    """The files with their markers in a folder, their sides in an index, and nothing else."""
    with held(repo.control_dir / "locks" / "resolutions.lock"):
        memory = _open_memory(repo)
        (memory / "rr-cache").mkdir(exist_ok=True)
        for left in repo.control_dir.glob(f"{_BENCH}*"):
            shutil.rmtree(left, ignore_errors=True)  # of a former life: the lock is ours
        # git's own lock files of that life lay in its bench, not in what is learned.
        folder = Path(tempfile.mkdtemp(prefix=_BENCH, dir=repo.control_dir))
        try:
            yield _lay_out(repo, memory, folder, tree, clashes)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _lay_out(
    repo: Repository, memory: Path, folder: Path, tree: str, clashes: Sequence[Clash]
) -> _Bench:
    admin, files = folder / "git", folder / "files"
    admin.mkdir()
    files.mkdir()
    (admin / "HEAD").write_text("ref: refs/heads/none\n")
    place = Place(admin, memory, files, index=folder / "index", cwd=files)
    lines = b"".join(
        f"{side.mode} {side.blob} {side.number}\t".encode() + os.fsencode(clash.path) + b"\0"
        for clash in clashes
        for side in clash.sides
    )
    run_git(["update-index", "-z", "--index-info"], place, stdin=lines)
    for clash in clashes:
        target = files / clash.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(read_file(repo, tree, clash.path) or b"")
    return _Bench(place, files, tuple(clash.path for clash in clashes))
