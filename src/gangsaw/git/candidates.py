"""Candidates: the target plus a piece of work as a commit, made without any checkout."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.core.model import History
from gangsaw.git.attributes import place_for_merging
from gangsaw.git.refs import read_ref, set_ref
from gangsaw.git.repository import Repository
from gangsaw.git.resolving import Means, resolve
from gangsaw.git.runner import WRITE_TIMEOUT_S, GitFailed
from gangsaw.git.shapes import Author, Draft, Step, length, replayed, squashed, steps_of

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
    """`commit` stands on `onto` and has `tree`, which is what is to be checked. A merge has `onto`
    as its first parent and the work as its second; what is no merge has one parent, and only
    where the agent's commits were replayed are there others between it and `onto`. `resolved` names
    the ways by which a conflict was resolved without anybody, if there was one, in `paths`."""

    commit: str
    tree: str
    onto: str
    resolved: str = ""
    paths: tuple[str, ...] = ()


def merge_tree(repo: Repository, ours: str, theirs: str) -> Merged | Conflict:
    """What comes out of merging two commits, worked out in the object store only, with the
    attributes of the first."""
    out = repo.git(
        "merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs,
        place=place_for_merging(repo, ours), timeout_s=WRITE_TIMEOUT_S, ok=(0, 1),
    )  # fmt: skip
    fields = out.fields
    if out.code == 0:
        return Merged(fields[0])
    end = fields.index("", 1)
    return Conflict(tuple(dict.fromkeys(fields[1:end])), "\n".join(_messages(fields[end + 1 :])))


def _messages(fields: tuple[str, ...]) -> list[str]:
    """Blocks of: number of paths, the paths, the short type, the message. After a conflict of a
    submodule, git's advice about it follows them."""
    messages: list[str] = []
    start = 0
    while start < len(fields) and fields[start].isdigit():
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
    author: Author | None = None,
) -> str:
    """The id of a new commit. With `at` (epoch seconds), the same call gives the same id, unless
    commits are signed. Signed when the user's configuration asks for it, or as `sign` says. The
    author is the user, unless another one is given."""
    args = ["commit-tree", tree]
    for parent in parents:
        args += ["-p", parent]
    if repo.signs if sign is None else sign:
        args.append("-S")
    out = repo.git(
        *args,
        stdin=message.encode("utf-8", "surrogateescape"),
        env=repo.identity.environment(at) | (author.environment() if author else {}),
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
    repo: Repository,
    onto: str,
    work: str,
    message: str,
    at: int,
    *,
    run: str,
    attempt: str,
    history: History = History.MERGE,
    means: Means | None = None,
) -> Candidate | Conflict:
    """The candidate that puts `work` on `onto`, in that shape of history, pinned; or the conflict,
    if `means` do not resolve it.

    `at` (epoch seconds) dates it, so that doing it again gives the same commits. Commits that
    cannot be replayed one by one are squashed, and the message says why.
    """
    merged = durable("git.merge_tree", lambda: merge_tree(repo, onto, work))
    ref = candidate_ref(run, attempt)
    if not isinstance(merged, Conflict):
        return _shaped(repo, ref, onto, work, merged.tree, message, at, history)
    found = durable("git.resolve", lambda: resolve(repo, onto, work, means)) if means else None
    if found is None:
        return merged
    ways = ", ".join(found.ways)
    message = with_trailer(message, ways)
    made = _shaped(repo, ref, onto, work, found.tree, message, at, history)
    return replace(made, resolved=ways, paths=found.paths)


def _shaped(
    repo: Repository,
    ref: str,
    onto: str,
    work: str,
    tree: str,
    message: str,
    at: int,
    history: History,
) -> Candidate:
    """The candidate of that tree in the shape of the history."""
    if history is History.MERGE:
        return _pinned(repo, ref, tree, (onto, work), message, at)
    steps = steps_of(repo, onto, work)
    drafts = _drafts(repo, onto, work, tree, message, at, steps, history)
    return _pinned_row(repo, ref, onto, drafts, at)


def _drafts(
    repo: Repository,
    onto: str,
    work: str,
    tree: str,
    message: str,
    at: int,
    steps: tuple[Step, ...],
    history: History,
) -> tuple[Draft, ...]:
    if history is History.SQUASH:
        return (squashed(tree, message, work, steps),)

    def pick(before: str, step: Step) -> str | None:
        return _picked(repo, before, step, at)

    row = replayed(repo, onto, tree, message, work, steps, pick)
    if isinstance(row, str):
        return (squashed(tree, message, work, steps, f"Squashed, for {row}."),)
    return row


def _picked(repo: Repository, before: str, step: Step, at: int) -> str | None:
    """The tree of the step's change done on the tree `before`; `None` where they conflict.

    A commit of that tree on the step's own parent is merged with the step: what the two have in
    common is then exactly that parent. Nothing refers to it.
    """
    beside = commit_tree(
        repo, before, (step.parents[0],), "beside\n\nGangsaw-Kept: beside\n", at, sign=False
    )
    merged = merge_tree(repo, beside, step.commit)
    return merged.tree if isinstance(merged, Merged) else None


def with_trailer(message: str, ways: str) -> str:
    """The message of a candidate, which ends in trailers, with one that says how a conflict was
    resolved."""
    return f"{message.rstrip()}\nGangsaw-Resolved: {ways}\n"


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
    """The candidate that takes back, on top of `onto`, what the landing `landed` brought, all its
    commits if it was a row of them; or the conflict. One commit with one parent, as
    `git revert -m 1` would make it.

    `at` as for `build_candidate`. The reverse of the landing is a commit that nothing refers to:
    it has the landing as its parent, so that merging it with `onto` changes what that brought and
    nothing else.
    """
    before = repo.tree_of(f"{landed}~{length(repo, landed)}")
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


def _pinned_row(
    repo: Repository, ref: str, onto: str, drafts: tuple[Draft, ...], at: int
) -> Candidate:
    """The candidate that is these commits, one on the other, from `onto` on; pinned."""
    tree = drafts[-1].tree
    pinned = read_ref(repo, ref) if repo.signs else None
    if pinned is not None and _is_row(repo, pinned, onto, drafts):
        return Candidate(pinned, tree, onto)
    commit = onto
    for draft in drafts:
        commit = _drafted(repo, draft, commit, at)
    set_ref(repo, ref, commit)
    return Candidate(commit, tree, onto)


def _drafted(repo: Repository, draft: Draft, parent: str, at: int) -> str:
    return durable(
        "git.candidate_commit",
        lambda: commit_tree(repo, draft.tree, (parent,), draft.message, at, author=draft.author),
    )


def _is_row(repo: Repository, tip: str, onto: str, drafts: tuple[Draft, ...]) -> bool:
    """Whether the commits from `onto` to `tip` are these, whenever they were signed."""
    out = repo.git("log", "-z", "--reverse", "--format=%T%n%B", f"-{len(drafts) + 1}", tip)
    wanted = [f"{draft.tree}\n{draft.message}" for draft in drafts]
    found = [text.rstrip("\n") + "\n" for text in out.fields]
    base = repo.git("rev-parse", "--verify", "-q", f"{tip}~{len(drafts)}", ok=(0, 1, 128)).text
    return base == onto and found[-len(drafts) :] == wanted


def _is(repo: Repository, commit: str, tree: str, parents: tuple[str, ...]) -> bool:
    out = repo.git("log", "-1", "--no-walk", "--format=%T %P", commit)
    return out.text == " ".join((tree, *parents))
