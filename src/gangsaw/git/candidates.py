"""Candidates: the target plus a piece of work as a commit, made without any checkout."""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.git.files import write_synced
from gangsaw.git.refs import read_ref, set_ref
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S, GitFailed

CANDIDATES = "refs/gangsaw/candidates"


@dataclass(frozen=True, slots=True)
class Merged:
    """The two sides merge cleanly into this tree."""

    tree: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """The two sides do not merge; `text` is git's account of why, one message a line."""

    paths: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """`commit` has `onto` as its first parent and the work, if any, as its second; `tree` is what
    is to be checked."""

    commit: str
    tree: str
    onto: str


def merge_tree(repo: Repository, ours: str, theirs: str) -> Merged | Conflict:
    """What comes out of merging two commits, worked out in the object store only."""
    out = repo.git(
        *_attributes(repo, ours),
        "merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs,
        timeout_s=WRITE_TIMEOUT_S, ok=(0, 1),
    )  # fmt: skip
    fields = out.fields
    if out.code == 0:
        return Merged(fields[0])
    end = fields.index("", 1)
    return Conflict(tuple(dict.fromkeys(fields[1:end])), "\n".join(_messages(fields[end + 1 :])))


def _attributes(repo: Repository, commit: str) -> tuple[str, ...]:
    """Options that make the `.gitattributes` at the top of `commit` count (union, binary, -merge).

    merge-tree reads attributes from a checkout only, and there is none. Can go when git 2.41, which
    has `--attr-source`, is the oldest git we work with; those in subfolders are not read yet.
    """
    out = repo.git("rev-parse", "--verify", "-q", f"{commit}:.gitattributes", ok=(0, 1, 128))
    if out.code != 0:
        return ()
    file = repo.control_dir / "attributes" / out.text
    if not file.exists():
        write_synced(file, repo.git("cat-file", "blob", out.text).stdout)
    return ("-c", f"core.attributesFile={file}")


def _messages(fields: tuple[str, ...]) -> list[str]:
    """Blocks of: number of paths, the paths, the short type, the message."""
    messages: list[str] = []
    start = 0
    while start < len(fields):
        start += 1 + int(fields[start])
        kind, text = fields[start], fields[start + 1]
        if kind != "Auto-merging":
            messages.append(text.strip())
        start += 2
    return messages


def commit_tree(
    repo: Repository,
    tree: str,
    parents: tuple[str, ...],
    message: str,
    at: int | None = None,
    *,
    sign: bool | None = None,
) -> str:
    """The id of a new commit. With `at` (epoch seconds), the same call gives the same id, unless
    commits are signed. Signed when the user's configuration asks for it, or as `sign` says."""
    args = ["commit-tree", tree]
    for parent in parents:
        args += ["-p", parent]
    if repo.signs if sign is None else sign:
        args.append("-S")
    out = repo.git(
        *args,
        stdin=message.encode("utf-8", "surrogateescape"),
        env=repo.identity.environment(at),
        timeout_s=WRITE_TIMEOUT_S,
    )
    return out.text


def prove_signing(repo: Repository) -> None:
    """Make one signed commit that nothing refers to, where the user's configuration wants commits
    signed; `UserError` with the signer's words when that fails."""
    if not repo.signs:
        return
    try:
        commit_tree(repo, repo.tree_of("HEAD"), (), "gangsaw: can this be signed?", at=0)
    except GitFailed as error:
        raise UserError(
            "cannot sign commits, which commit.gpgsign in your git configuration asks for: "
            f"{error.stderr}; try signing one yourself (git commit --allow-empty -S), or "
            "git config commit.gpgsign false",
            exit_code=1,
        ) from error


def candidate_ref(run: str, attempt: str) -> str:
    """The private ref that pins an attempt's newest candidate against garbage collection."""
    return f"{CANDIDATES}/{run}/{attempt}"


def build_candidate(
    repo: Repository, onto: str, work: str, message: str, at: int, *, run: str, attempt: str
) -> Candidate | Conflict:
    """The candidate that puts `work` on `onto`, pinned; or the conflict.

    `at` (epoch seconds) dates it, so that doing it again gives the same commit.
    """
    merged = durable("git.merge_tree", lambda: merge_tree(repo, onto, work))
    if isinstance(merged, Conflict):
        return merged
    return _pinned(repo, candidate_ref(run, attempt), merged.tree, (onto, work), message, at)


def join(repo: Repository, onto: str, tip: str, message: str, at: int) -> str:
    """The commit with the tree of `tip` that has `onto` as its first parent and `tip`, with all
    that was built up to it, as its second. `at` as for `build_candidate`."""
    tree = repo.tree_of(tip)
    return durable("git.join_commit", lambda: commit_tree(repo, tree, (onto, tip), message, at))


def joined_before(repo: Repository, ref: str, onto: str, tip: str) -> str | None:
    """The commit by which `tip` was joined to `onto` on the branch `ref`, if it was: the branch is
    there, or was built upon since."""
    found = read_ref(repo, ref)
    if found is None or found == onto or not repo.is_ancestor(onto, found):
        return None
    out = repo.git("rev-list", "--first-parent", "--parents", "--reverse", f"{onto}..{found}")
    first = out.text.split("\n", 1)[0].split()
    return first[0] if first[1:] == [onto, tip] else None


def build_undo(
    repo: Repository, onto: str, landed: str, message: str, at: int, *, run: str, name: str
) -> Candidate | Conflict:
    """The candidate that takes back, on top of `onto`, what the landing `landed` brought; or the
    conflict. One commit with one parent, as `git revert -m 1` would make it.

    `at` as for `build_candidate`. The reverse of the landing is a commit that nothing refers to:
    it has the landing as its parent, so that merging it with `onto` changes what that brought and
    nothing else.
    """
    before = repo.tree_of(f"{landed}^1")
    reverse = durable(
        "git.reverse_commit",
        lambda: commit_tree(repo, before, (landed,), message, at, sign=False),
    )
    merged = durable("git.merge_tree", lambda: merge_tree(repo, onto, reverse))
    if isinstance(merged, Conflict):
        return merged
    return _pinned(repo, candidate_ref(run, name), merged.tree, (onto,), message, at)


def _pinned(
    repo: Repository, ref: str, tree: str, parents: tuple[str, ...], message: str, at: int
) -> Candidate:
    """The candidate with that tree and those parents, pinned."""
    if repo.signs:
        # A signature carries its own time: the one that is pinned must be taken again.
        pinned = read_ref(repo, ref)
        if pinned is not None and _is(repo, pinned, tree, parents):
            return Candidate(pinned, tree, parents[0])
    commit = durable("git.candidate_commit", lambda: commit_tree(repo, tree, parents, message, at))
    set_ref(repo, ref, commit)
    return Candidate(commit, tree, parents[0])


def _is(repo: Repository, commit: str, tree: str, parents: tuple[str, ...]) -> bool:
    out = repo.git("log", "-1", "--no-walk", "--format=%T %P", commit)
    return out.text == " ".join((tree, *parents))
