"""Pushing a delivered commit: never by force, and what the remote says told apart by its cause."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.git.refs import branch_ref, delete_ref, read_ref
from gangsaw.git.repository import Repository
from gangsaw.git.runner import PUSH_TIMEOUT_S, GitTimedOut, Output

FETCHED = "refs/gangsaw/fetched"
REASON_MAX = 600

_STATUS = re.compile(rb"^([ +\-*!=])\t[^\t\n]*\t(.*)$", re.MULTILINE)
_MOVED = ("(non-fast-forward)", "(fetch first)", "(needs force)", "(stale info)")
_RACED = ("cannot lock ref", "failed to update ref", "incorrect old value", "failed to lock")
_PROTECTED = re.compile(
    r"protected branch|protected ref|GH006|GH013|rule violation|pull request|merge request"
    r"|not allowed to push|review required|branch restriction",
    re.IGNORECASE,
)
_SIGN_IN = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|access denied"
    r"|host key verification failed|terminal prompts disabled|returned error: 40[13]"
    r"|not authorized|denied to|invalid credentials|publickey",
    re.IGNORECASE,
)
_NOISE = re.compile(r"^(error: failed to push some refs|hint: |To |Everything up-to-date)")


class Refusal(StrEnum):
    """Why a remote did not take a push."""

    UNREACHABLE = "unreachable"
    SIGN_IN = "sign-in"
    PROTECTED = "protected"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Pushed:
    """The remote's branch contains the commit, by us now or by somebody before."""

    commit: str


@dataclass(frozen=True, slots=True)
class RemoteMoved:
    """The remote's branch is at `commit`, which is here now, and has what we have not."""

    commit: str


@dataclass(frozen=True, slots=True)
class PushRejected:
    """The remote did not take it; `reason` is what git and the remote's hooks say."""

    refusal: Refusal
    reason: str


def push(
    repo: Repository, remote: str, branch: str, commit: str, *, run: str
) -> Pushed | RemoteMoved | PushRejected:
    """Have the remote's branch contain the commit, by fast-forward only. Hooks do not run.

    Where the remote has moved, its commits are fetched, and held by a ref of the run's until a push
    succeeds. Repeatable after a kill at any point.
    """
    try:
        out = durable("git.push", lambda: _push(repo, remote, branch, commit))
        found = _read(out)
        if found is None:
            _let_go(repo, run)
            return Pushed(commit)
        if isinstance(found, PushRejected):
            return found
        return _moved(repo, remote, branch, commit, run)
    except GitTimedOut as error:
        return PushRejected(Refusal.UNREACHABLE, error.stderr)


def require_remote(repo: Repository, remote: str) -> None:
    """`UserError` for a remote that is neither configured nor an address, or an address that holds
    a password: settings and what is written of them are no place for one."""
    if re.match(r"[a-z+]+://[^/@]*:[^/@]*@", remote):
        raise UserError(
            "cannot push to an address with a password in it; try: git remote add NAME URL, "
            'remote = "NAME", and a credential helper of git'
        )
    known = repo.git("remote", place=repo.here).text.split("\n")
    if remote in known or "/" in remote or ":" in remote:
        return
    names = ", ".join(name for name in known if name)
    remedy = f"one of: {names}" if names else f"git remote add {remote} URL"
    raise UserError(
        f"cannot push to '{remote}', which remote = … in your settings names: there is no such "
        f"remote; try {remedy}"
    )


def _push(repo: Repository, remote: str, branch: str, commit: str) -> Output:
    return repo.git(
        "push", "--porcelain", "--no-verify", "--no-follow-tags", "--", remote,
        f"{commit}:{branch_ref(branch)}",
        place=repo.here, timeout_s=PUSH_TIMEOUT_S, ok=(0, 1, 128),
    )  # fmt: skip


def _read(out: Output) -> PushRejected | tuple[str, ...] | None:
    """What came of a push: `None` for done, `_MOVED` where the remote has moved."""
    if out.code == 0:
        return None
    statuses = [
        (flag, text.decode("utf-8", "replace")) for flag, text in _STATUS.findall(out.stdout)
    ]
    refused = next((text for flag, text in statuses if flag == b"!"), "")
    if any(words in refused for words in (*_MOVED, *_RACED)):
        return _MOVED
    reason = _reason(out, refused)
    if refused and "remote failure" not in refused:
        kind = Refusal.PROTECTED if _PROTECTED.search(reason) else Refusal.REFUSED
        return PushRejected(kind, reason)
    sign_in = _SIGN_IN.search(reason)
    return PushRejected(Refusal.SIGN_IN if sign_in else Refusal.UNREACHABLE, reason)


def _reason(out: Output, refused: str) -> str:
    """What the remote's hooks printed, or else what git did; then how git calls it."""
    lines = [line.strip() for line in out.trouble.split("\n")]
    told = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    own = [line for line in lines if not line.startswith("remote:") and not _NOISE.match(line)]
    said = "; ".join(line for line in (told if any(told) else own) if line)[:REASON_MAX]
    bracket = re.search(r"\((.*)\)\s*$", refused)
    called = bracket[1] if bracket else refused.strip("[] ")
    if not said or not called or called in said:
        return said or called or "git push failed without a word"
    return f"{said} ({called})"


def _moved(
    repo: Repository, remote: str, branch: str, commit: str, run: str
) -> Pushed | RemoteMoved | PushRejected:
    """Fetch where the remote's branch is now."""
    ref = f"{FETCHED}/{run}"
    out = durable(
        "git.fetch",
        lambda: repo.git(
            "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
            "--no-recurse-submodules", "--", remote, f"+{branch_ref(branch)}:{ref}",
            place=repo.here, timeout_s=PUSH_TIMEOUT_S, ok=(0, 1, 128),
        ),
    )  # fmt: skip
    tip = read_ref(repo, ref) if out.code == 0 else None
    if tip is None:
        reason = _reason(out, "")
        return PushRejected(
            Refusal.SIGN_IN if _SIGN_IN.search(reason) else Refusal.UNREACHABLE, reason
        )
    if repo.is_ancestor(commit, tip):
        _let_go(repo, run)
        return Pushed(commit)
    if repo.is_ancestor(tip, commit):
        return PushRejected(Refusal.UNREACHABLE, "another push came in between")
    return RemoteMoved(tip)


def _let_go(repo: Repository, run: str) -> None:
    ref = f"{FETCHED}/{run}"
    held = read_ref(repo, ref)
    if held is not None:
        delete_ref(repo, ref, held)
