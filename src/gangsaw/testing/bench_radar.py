"""What the overlap radar costs: snapshots, a whole matrix, one branch that moved.

The yardstick of a matrix is a git of its own for each pair.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import tempfile
from functools import partial
from itertools import combinations
from pathlib import Path

from gangsaw.git import LiveWork, Radar, Repository, open_repository
from gangsaw.git.quarantine import make_object_folder, objects_of
from gangsaw.git.snapshots import Snapshots
from gangsaw.testing.bench_figures import Cost, Figure, measure

FOLDERS, FILES, LINES = 40, 50, 60
BRANCHES, EDITS, HOT = 64, 6, 120
ROUNDS = 5
PAIRS_BY_HAND = 60


def radar_costs(quick: bool) -> list[Figure]:
    """Repository with 2,000 files, agents that split a feature between them."""
    branches = 16 if quick else BRANCHES
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        root = Path(folder) / "repo"
        tips = _repository(root, branches)
        repo = open_repository(root)
        main = tips.pop("main")
        before = _objects(repo)
        figures = [*_matrix(repo, tips, main), *_snapshots(repo, root, Path(folder))]
        left = _objects(repo) - before
        figures.append(Figure("radar, objects left in the user's store", left, "objects"))
        return [*figures, *_one_moved(repo, root, tips, main)]


def _matrix(repo: Repository, tips: dict[str, str], main: str) -> list[Figure]:
    works = [LiveWork(name, None, tip) for name, tip in tips.items()]
    count = len(works) * (len(works) - 1) // 2
    costs: list[Cost] = []
    found = 0
    for _ in range(ROUNDS):
        radar = Radar(repo)
        costs.append(measure(partial(radar.sweep, works, main)))
        found = len(radar.sweep(works, main).overlaps)
        radar.close()
    pairs = list(combinations(tips.values(), 2))[:PAIRS_BY_HAND]
    with tempfile.TemporaryDirectory() as folder:
        place = make_object_folder(Path(folder) / "objects", (objects_of(repo),))
        by_hand = measure(lambda: _by_hand(repo, place, pairs))
    cpu_s, wall_s = _least(costs)
    each = by_hand.cpu_s * 1000 / len(pairs)
    ratio = cpu_s * 1000 / count / each
    return [
        Figure(f"radar, {count} pairs ({found} overlaps), cold: CPU", cpu_s, "s"),
        Figure(f"radar, {count} pairs, cold", count / wall_s, "pairs/s"),
        Figure("one git merge-tree for each pair: CPU", each, "ms/pair"),
        Figure("radar: CPU", cpu_s * 1000 / count, "ms/pair", "one git each", ratio),
    ]


def _one_moved(repo: Repository, root: Path, tips: dict[str, str], main: str) -> list[Figure]:
    radar = Radar(repo)
    works = [LiveWork(name, None, tip) for name, tip in tips.items()]
    radar.sweep(works, main)
    costs: list[Cost] = []
    for number in range(ROUNDS):
        moved = _commit(root, works[0].commit, random.Random(number), f"again{number}")
        works[0] = LiveWork(works[0].name, None, moved)
        costs.append(measure(partial(radar.sweep, works, main)))
    radar.close()
    return [Figure(f"radar, one of {len(works)} moved: CPU", _least(costs)[0] * 1000, "ms")]


def _snapshots(repo: Repository, root: Path, folder: Path) -> list[Figure]:
    """Eight edited and three new files, as an agent leaves them between two looks."""
    path = folder / "worktree"
    _git(root, "worktree", "add", "-q", "--detach", str(path))
    place = folder / "quarantine"
    place.mkdir()
    objects = make_object_folder(place / "objects", (objects_of(repo),))
    fresh: list[Cost] = []
    kept: list[Cost] = []
    snapshots = Snapshots(repo, place, objects)
    for number in range(ROUNDS):
        _write(path, number)
        snapshots.forget(path)
        fresh.append(measure(lambda: snapshots.take(path)))
        _write(path, number + 100)
        kept.append(measure(lambda: snapshots.take(path)))
    status = [measure(lambda: _git(path, "--no-optional-locks", "status", "-s")) for _ in range(5)]
    base = _least(status)[0] * 1000
    return [
        Figure("git status of that worktree: CPU", base, "ms"),
        _beside("radar, first snapshot of a worktree: CPU", fresh, base),
        _beside("radar, another one: CPU", kept, base),
    ]


def _beside(name: str, costs: list[Cost], base: float) -> Figure:
    value = statistics.median(cost.cpu_s for cost in costs) * 1000
    return Figure(name, value, "ms", "git status", value / base if base else None)


def _least(costs: list[Cost]) -> tuple[float, float]:
    """The least of CPU and wall seconds: what others did meanwhile only adds."""
    return min(cost.cpu_s for cost in costs), min(cost.wall_s for cost in costs)


def _by_hand(repo: Repository, place: Path, pairs: list[tuple[str, str]]) -> None:
    env = {"GIT_OBJECT_DIRECTORY": str(place)}
    for ours, theirs in pairs:
        repo.git("merge-tree", "--write-tree", ours, theirs, env=env, ok=(0, 1))


# --- the repository -----------------------------------------------------------------------------


def _repository(root: Path, branches: int) -> dict[str, str]:
    """The commits of main and of branches that each edit some of the same `HOT` files."""
    root.mkdir()
    _git(root, "init", "-q", "-b", "main")
    for key, value in (("user.name", "bench"), ("user.email", "bench@localhost")):
        _git(root, "config", key, value)
    for folder in range(FOLDERS):
        for file in range(FILES):
            path = root / f"package{folder}" / f"module{file}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(f"line {n} of {folder}.{file}\n" for n in range(LINES)))
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "first")
    base = _git(root, "rev-parse", "HEAD")
    tips = {"main": base}
    for number in range(branches):
        tips[f"b{number}"] = _commit(root, base, random.Random(number), f"b{number}")
    _git(root, "checkout", "-q", "-f", "main")
    return tips


def _commit(root: Path, base: str, chance: random.Random, tag: str) -> str:
    """A commit on `base` with edits of a few files, and a new one."""
    _git(root, "checkout", "-q", "-f", "--detach", base)
    for _ in range(EDITS):
        hot = chance.randrange(HOT)
        path = root / f"package{hot % FOLDERS}" / f"module{hot // FOLDERS}.py"
        lines = path.read_text().splitlines(keepends=True)
        at = chance.randrange(len(lines))
        lines[at] = f"{tag} wrote this\n"
        path.write_text("".join(lines))
    (root / f"package{chance.randrange(FOLDERS)}" / f"{tag}.py").write_text(f"{tag}\n")
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", tag)
    return _git(root, "rev-parse", "HEAD")


def _write(path: Path, number: int) -> None:
    for file in range(8):
        (path / f"package{file}" / "module1.py").write_text(f"{number}\n" * LINES)
    for file in range(3):
        (path / f"new{file}.py").write_text(f"{number}\n")


def _objects(repo: Repository) -> int:
    """Loose objects of the store."""
    return int(repo.git("count-objects").text.split(" ")[0])


def _git(place: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=place, check=True, capture_output=True, text=True)
    return done.stdout.strip()
