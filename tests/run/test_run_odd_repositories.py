"""Runs on repositories as people really have them: what is asked for lands right, or is refused
with a remedy before an agent starts, and the checkout stays as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import SETTINGS, Playground

Figure = Callable[[str, object], None]
FILE_SUBMODULES = {
    "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.file.allow",
    "GIT_CONFIG_VALUE_0": "always",
}  # fmt: skip
COMMIT = "git add -A; git commit -qm {0}\n"


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    return Playground(tmp_path)


def task(name: str, script: str, **fields: Any) -> dict[str, Any]:
    """A task whose agent runs the script and commits."""
    return {"id": name, "title": name, "prompt": script + COMMIT.format(name), **fields}


def pair(first: str = "echo a > a.txt\n", second: str = "cat a.txt > b.txt\n") -> list[Any]:
    """Two tasks, the second of which needs what the first has made."""
    return [task("a", first), task("b", second, needs=["a"])]


def checkout_of(folder: Path) -> dict[str, str]:
    """Path → digest, kind and mode of everything below the folder but `.git`; names as bytes."""
    found = {}
    for root, folders, files in os.walk(os.fsencode(folder)):
        folders[:] = [name for name in folders if name != b".git"]
        for name in files:
            path = os.path.join(root, name)
            mode = os.lstat(path).st_mode
            text = (
                os.readlink(path) if os.path.islink(path) else Path(os.fsdecode(path)).read_bytes()
            )
            found[os.fsdecode(path)] = f"{mode:o} {hashlib.sha256(text).hexdigest()}"
    return found


def state_of(pg: Playground, at: Path | None = None) -> tuple[object, ...]:
    """The checkout's files, its index and its HEAD."""
    at = at or pg.repo
    return (
        checkout_of(at),
        pg.git("ls-files", "--stage", cwd=at),
        pg.git("rev-parse", "HEAD", cwd=at),
    )


def landed(pg: Playground, status: dict[str, Any]) -> None:
    assert {each["id"]: each["status"] for each in status["tasks"]} == {
        "a": "landed",
        "b": "landed",
    }
    assert pg.git("fsck", "--no-dangling", "--no-progress", "--connectivity-only") == ""


def delivered(pg: Playground) -> None:
    """What landed is in the checkout, which is clean."""
    assert pg.git("rev-parse", "main") == pg.git("rev-parse", "gangsaw/run/r1")
    assert pg.git("status", "--porcelain") == ""
    assert (pg.repo / "b.txt").read_text() == "a\n"


def refused(pg: Playground, *said: str, plan: Path | None = None, code: int = 2) -> None:
    """The run is refused with these words, before any agent starts, and nothing was touched."""
    ran = [task("a", 'echo ran >> "$LEDGER"\n')]
    done = pg.call("run", plan or pg.plan(ran))
    assert done.returncode == code, done.stderr + done.stdout
    for words in said:
        assert words in done.stderr
    assert pg.ledger_lines() == []


# --- where it is run from ------------------------------------------------------------------------


def test_from_within_a_linked_worktree(pg: Playground) -> None:
    linked = pg.root / "linked"
    pg.git("worktree", "add", "-q", "-b", "topic", str(linked))
    before = state_of(pg)
    done = pg.call("run", pg.plan(pair()), "--json", cwd=linked)
    assert done.returncode == 0, done.stderr
    assert (linked / "b.txt").read_text() == "a\n"
    assert pg.git("status", "--porcelain", cwd=linked) == ""
    assert state_of(pg) == before
    assert pg.git("rev-parse", "topic") == pg.git("rev-parse", "gangsaw/run/r1")


def test_a_bare_repository_with_a_worktree_beside_it(pg: Playground) -> None:
    bare = pg.root / "bare.git"
    pg.git("clone", "-q", "--bare", str(pg.repo), str(bare))
    done = pg.call("run", pg.plan(pair()), "--json", cwd=bare)
    if done.returncode:
        assert done.returncode == 2
        assert "; try " in done.stderr
    else:
        assert pg.git("show", "main:b.txt", cwd=bare) == "a"
    tree = pg.root / "tree"
    pg.git("worktree", "add", "-q", "-b", "topic", str(tree), "main", cwd=bare)
    done = pg.call(
        "run", "--new", pg.plan(pair("echo 2 > a.txt\n", "cat a.txt > b.txt\n")), cwd=tree
    )
    assert done.returncode == 0, done.stderr
    assert (tree / "b.txt").read_text() == "2\n"
    assert pg.git("status", "--porcelain", cwd=tree) == ""


def test_a_detached_head_needs_a_target(pg: Playground) -> None:
    pg.git("checkout", "-q", "--detach")
    before = state_of(pg)
    refused(pg, "HEAD is detached", "gangsaw run --target BRANCH")
    assert state_of(pg) == before
    landed(pg, pg.run(pg.plan(pair()), "--target", "main"))
    assert state_of(pg) == before
    assert pg.git("show", "main:b.txt") == "a"


def test_no_commit_yet(tmp_path: Path) -> None:
    pg = Playground(tmp_path)
    pg.git("checkout", "-q", "--orphan", "fresh")
    pg.git("update-ref", "-d", "refs/heads/main")
    before = checkout_of(pg.repo)
    refused(pg, "no commit yet", "git commit --allow-empty")
    assert checkout_of(pg.repo) == before
    assert pg.git("for-each-ref") == ""


def test_an_unborn_branch_beside_others(pg: Playground) -> None:
    pg.git("checkout", "-q", "--orphan", "fresh")
    index = pg.git("ls-files", "--stage")
    refused(pg, "cannot find the target branch 'fresh'", "; try")
    assert pg.git("ls-files", "--stage") == index


def test_a_merge_in_progress(pg: Playground) -> None:
    pg.git("checkout", "-q", "-b", "side")
    pg.write("README.md", "theirs\n")
    pg.git("commit", "-qam", "theirs")
    pg.git("checkout", "-q", "main")
    pg.write("README.md", "mine\n")
    pg.git("commit", "-qam", "mine")
    pg.git("merge", "-q", "side", ok=False)
    before = (checkout_of(pg.repo), pg.git("ls-files", "--stage"), pg.git("rev-parse", "HEAD"))
    status = pg.run(pg.plan(pair()), expect=3)
    landed(pg, status)
    assert "a merge is in progress" in status["delivery_blocked"]
    assert before == (
        checkout_of(pg.repo),
        pg.git("ls-files", "--stage"),
        pg.git("rev-parse", "HEAD"),
    )
    pg.git("merge", "--abort")
    assert pg.call("run").returncode == 0
    delivered(pg)


# --- kinds of repositories -----------------------------------------------------------------------


def test_object_names_of_sha256(tmp_path: Path) -> None:
    pg = Playground(tmp_path)
    other = tmp_path / "sha256"
    pg.git("init", "-q", "-b", "main", "--object-format=sha256", str(other), cwd=tmp_path)
    pg.repo = other
    pg.write("gangsaw.toml", SETTINGS.format(agent="sh", max_agents=2))
    pg.git("add", "-A")
    pg.git("commit", "-qm", "first")
    pg.settings('[landing]\nhistory = "squash"\n')
    landed(pg, pg.run(pg.plan(pair())))
    delivered(pg)
    assert len(pg.git("rev-parse", "main")) == 64
    assert pg.call("undo", "b").returncode == 0
    pg.call("run")
    assert not (pg.repo / "b.txt").exists()


@pytest.mark.parametrize("filtered", [False, True])
def test_a_shallow_or_partial_clone(pg: Playground, filtered: bool) -> None:
    for number in range(3):
        pg.write("kept.txt", f"{number}\n")
        pg.git("add", "-A")
        pg.git("commit", "-qm", f"kept {number}")
    pg.git("config", "uploadpack.allowFilter", "true")
    source, pg.repo = pg.repo, pg.root / "clone"
    how = "--filter=blob:none" if filtered else "--depth=1"
    pg.git("clone", "-q", how, f"file://{source}", str(pg.repo), cwd=pg.root)
    text = (pg.repo / "gangsaw.toml").read_text()
    (pg.repo / "gangsaw.toml").write_text(text.replace("[run]\n", '[run]\nremote = "origin"\n'))
    pg.git("commit", "-qam", "remote")
    pg.git("switch", "-q", "--detach", "main", cwd=source)
    change = "sed s/2/3/ kept.txt > k && mv k kept.txt; echo a > a.txt\n"
    status = pg.run(pg.plan(pair(change)))
    assert {each["status"] for each in status["tasks"]} == {"landed"}
    delivered(pg)
    assert (pg.repo / "kept.txt").read_text() == "3\n"
    assert pg.git("rev-parse", "main", cwd=source) == pg.git("rev-parse", "main")
    assert pg.git("fsck", "--no-dangling", "--no-progress", "--connectivity-only", cwd=source) == ""


def test_a_sparse_checkout_stays_as_narrow_as_it_is(pg: Playground) -> None:
    for name in ("in/kept.txt", "out/kept.txt"):
        pg.write(name, "one\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "folders")
    pg.git("sparse-checkout", "set", "--cone", "in")
    assert not (pg.repo / "out").exists()
    # Files out there are left uncommitted: git refuses them to an agent's plain `git add`.
    script = "echo a > a.txt; echo two > in/kept.txt; mkdir -p out; echo two > out/new.txt\n"
    outside = {"id": "a", "title": "a", "prompt": script}
    landed(pg, pg.run(pg.plan([outside, pair()[1]])))
    delivered(pg)
    assert not (pg.repo / "out").exists(), "the checkout has become wider"
    assert (pg.repo / "in/kept.txt").read_text() == "two\n"
    names = pg.git("ls-tree", "-r", "--name-only", "main").split("\n")
    assert "out/kept.txt" in names, "what is left out was taken for deleted"
    assert "out/new.txt" in names


def test_many_packed_refs_and_borrowed_objects(pg: Playground, record_property: Figure) -> None:
    tip = pg.git("rev-parse", "main")
    borrower = pg.root / "borrower"
    pg.git("clone", "-q", "--shared", str(pg.repo), str(borrower), cwd=pg.root)
    lines = "".join(f"create refs/tags/t{number} {tip}\n" for number in range(3000))
    subprocess.run(
        ["git", "update-ref", "--stdin"], cwd=borrower, input=lines, text=True, check=True
    )
    pg.git("pack-refs", "--all", cwd=borrower)
    pg.repo = borrower
    pg.git("config", "user.name", "Ann")
    landed(pg, pg.run(pg.plan(pair())))
    delivered(pg)
    assert len(pg.git("tag").split("\n")) == 3000
    record_property("figure", "3000 packed refs and borrowed objects: landed, nothing lost")


# --- submodules and large files ------------------------------------------------------------------


@pytest.mark.parametrize("initialised", [True, False])
def test_a_submodule_keeps_its_commit(pg: Playground, initialised: bool) -> None:
    pg.env |= FILE_SUBMODULES
    library = pg.root / "library"
    pg.git("init", "-q", "-b", "main", str(library))
    (library / "lib.txt").write_text("lib\n")
    pg.git("add", "-A", cwd=library)
    pg.git("commit", "-qm", "lib", cwd=library)
    pg.git("submodule", "--quiet", "add", str(library), "lib")
    pg.git("commit", "-qm", "library")
    if not initialised:
        pg.git("submodule", "--quiet", "deinit", "-f", "lib")
    pointer = pg.git("ls-tree", "main", "lib")
    inside = checkout_of(pg.repo / "lib")
    landed(pg, pg.run(pg.plan(pair())))
    delivered(pg)
    assert pg.git("ls-tree", "main", "lib") == pointer
    assert checkout_of(pg.repo / "lib") == inside
    assert bool(inside) == initialised


def test_a_task_moves_a_submodule_forward(pg: Playground) -> None:
    pg.env |= FILE_SUBMODULES
    pg.settings('[honesty]\nallow = ["lib: agent_settings"]\n')
    library = pg.root / "library"
    pg.git("init", "-q", "-b", "main", str(library))
    pg.git("commit", "-q", "--allow-empty", "-m", "one", cwd=library)
    pg.git("submodule", "--quiet", "add", str(library), "lib")
    pg.git("commit", "-qm", "library")
    pg.git("commit", "-q", "--allow-empty", "-m", "two", cwd=library)
    newer = pg.git("rev-parse", "main", cwd=library)
    first = (
        f"git update-index --cacheinfo 160000,{newer},lib; git commit -qm moved\n"
        "echo a > a.txt; git add a.txt; git commit -qm a\n"
    )
    second = task("b", "cat a.txt > b.txt\n", needs=["a"])
    plan = pg.plan([{"id": "a", "title": "a", "prompt": first}, second])
    status = pg.run(plan)
    landed(pg, status)
    assert pg.git("ls-tree", "main", "lib").split()[2] == newer
    # The submodule's own files are the user's to update, as after any `git merge`.
    assert pg.git("status", "--porcelain").strip() in ("M lib", "")


def test_pointers_of_large_files_stay_pointers(pg: Playground) -> None:
    """Without git-lfs, as git itself would leave them: an absent filter does nothing."""
    pointer = (
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"
    )
    pg.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    pg.write("big.bin", pointer)
    pg.git("add", "-A")
    pg.git("commit", "-qm", "large")
    first = f"printf '%s' '{pointer.replace('12345', '54321')}' > big.bin; echo a > a.txt\n"
    landed(pg, pg.run(pg.plan(pair(first))))
    delivered(pg)
    assert pg.git("show", "main:big.bin") + "\n" == pointer.replace("12345", "54321")
    assert (pg.repo / "big.bin").read_text() == pointer.replace("12345", "54321")


def test_a_filter_of_the_users_is_run_as_git_would(pg: Playground) -> None:
    """Clean and smudge, as git-lfs has: content is stored cleaned and checked out smudged."""
    pg.git("config", "filter.rot.clean", "tr a-z n-za-m")
    pg.git("config", "filter.rot.smudge", "tr a-z n-za-m")
    pg.git("config", "filter.rot.required", "true")
    pg.write(".gitattributes", "*.rot filter=rot\n")
    pg.write("kept.rot", "hello\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "filtered")
    assert pg.git("show", "main:kept.rot") == "uryyb"
    first = "grep -q hello kept.rot; echo abc > new.rot; echo a > a.txt\n"
    landed(pg, pg.run(pg.plan(pair(first))))
    delivered(pg)
    assert pg.git("show", "main:new.rot") == "nop"
    assert (pg.repo / "new.rot").read_text() == "abc\n"


# --- ends of lines, names, modes -----------------------------------------------------------------


@pytest.mark.parametrize("autocrlf", ["true", "input"])
def test_ends_of_lines_are_as_configured(pg: Playground, autocrlf: str) -> None:
    pg.write(".gitattributes", "*.sh text eol=lf\n*.bat text eol=crlf\n*.dat -text\n")
    pg.write("kept.txt", "one\ntwo\n")
    pg.write("run.sh", "echo\n")
    (pg.repo / "kept.dat").write_bytes(b"raw\r\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "files")
    pg.git("config", "core.autocrlf", autocrlf)
    pg.git("rm", "-q", "-r", "--cached", ".")
    pg.git("reset", "-q", "--hard")
    before = (pg.repo / "kept.txt").read_bytes()
    assert before == (b"one\r\ntwo\r\n" if autocrlf == "true" else b"one\ntwo\n")
    first = "printf 'one\\ntwo\\nthree\\n' > kept.txt; printf 'x\\r\\n' > new.bat; echo a > a.txt\n"
    landed(pg, pg.run(pg.plan(pair(first, "printf 'a\\n' > b.txt; printf 'r\\r\\n' > kept.dat\n"))))
    assert pg.git("rev-parse", "main") == pg.git("rev-parse", "gangsaw/run/r1")
    assert pg.git("status", "--porcelain") == ""
    end = b"\r\n" if autocrlf == "true" else b"\n"
    assert (pg.repo / "kept.txt").read_bytes() == end.join((b"one", b"two", b"three", b""))
    assert (pg.repo / "run.sh").read_bytes() == b"echo\n"
    assert (pg.repo / "new.bat").read_bytes() == b"x\r\n"
    assert (pg.repo / "kept.dat").read_bytes() == b"r\r\n"
    sizes = pg.git("ls-tree", "-r", "-l", "main", "kept.txt", "new.bat", "kept.dat")
    assert [line.split()[3] for line in sizes.split("\n")] == ["3", "14", "2"]


ODD_NAMES = (
    b"-leading", b" space ", b"new\nline", b"quote\"'", b"b\xe4d-\xff", "ü/ß".encode(), b"*?[x]",
    b"tab\t", b":(top)x", b"a\\b",
)  # fmt: skip


@pytest.mark.parametrize("history", ["merge", "linear"])
def test_odd_names_of_files(pg: Playground, history: str) -> None:
    pg.settings(f'[landing]\nhistory = "{history}"\n')
    writer = pg.root / "writer.py"
    writer.write_text(
        "import os\n"
        f"for name in {ODD_NAMES!r}:\n"
        "    os.makedirs(os.path.dirname(name) or b'.', exist_ok=True)\n"
        "    open(name, 'wb').write(name)\n"
        "os.chmod(b'-leading', 0o755)\n"
        "os.symlink(b'new\\nline', b'link\\n')\n"
        "open('a.txt', 'w').write('a\\n')\n"
    )
    landed(pg, pg.run(pg.plan(pair(f"python3 {writer}\n"))))
    delivered(pg)
    for name in ODD_NAMES:
        path = os.path.join(os.fsencode(pg.repo), name)
        assert Path(os.fsdecode(path)).read_bytes() == name
    assert os.access(pg.repo / "-leading", os.X_OK)
    assert os.readlink(os.path.join(os.fsencode(pg.repo), b"link\n")) == b"new\nline"
    # A change of the user's to such a file is seen, and waited for.
    odd = Path(os.fsdecode(os.path.join(os.fsencode(pg.repo), b"b\xe4d-\xff")))
    odd.write_bytes(b"mine")
    again = [task("a", "printf x > -leading; echo y > a.txt\n"), task("b", "echo y > b.txt\n")]
    status = pg.run(pg.plan(again), "--new", expect=3)
    assert "uncommitted changes" in status["delivery_blocked"]
    assert odd.read_bytes() == b"mine"


def test_names_that_differ_in_case_only(pg: Playground) -> None:
    """Both are there where the file system tells them apart; git config says whether it does."""
    first = "echo 1 > Name.txt; echo 2 > name.txt; echo a > a.txt\n"
    landed(pg, pg.run(pg.plan(pair(first))))
    delivered(pg)
    assert pg.git("show", "main:Name.txt") == "1"
    assert pg.git("show", "main:name.txt") == "2"


def test_executable_bits_and_links_arrive(pg: Playground) -> None:
    pg.write("tool", "#!/bin/sh\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "tool")
    first = "chmod +x tool; ln -s tool link; echo a > a.txt\n"
    second = "cat a.txt > b.txt; test -x tool; test -L link; rm link; echo file > link\n"
    landed(pg, pg.run(pg.plan(pair(first, second))))
    delivered(pg)
    assert os.access(pg.repo / "tool", os.X_OK)
    assert not (pg.repo / "link").is_symlink()


# --- hooks, signing, rights ----------------------------------------------------------------------


@pytest.mark.parametrize("what", ["refuses", "rewrites"])
def test_a_pre_commit_hook_of_the_user(pg: Playground, what: str) -> None:
    """It runs when an agent commits, as always, and never for what we do ourselves."""
    folder = pg.repo / "hooks"
    folder.mkdir()
    hook = folder / "pre-commit"
    body = {
        "refuses": "test ! -e forbidden.txt || { echo forbidden >&2; exit 1; }\n",
        "rewrites": "for f in *.txt; do tr a-z A-Z < $f > t && mv t $f; done; git add -A\n",
    }[what]
    hook.write_text("#!/bin/sh\n" + body)
    hook.chmod(0o755)
    pg.git("add", "-A")
    pg.git("commit", "-qm", "hooks")
    pg.git("config", "core.hooksPath", "hooks")
    if what == "refuses":
        stubborn = task("a", "echo x > forbidden.txt; echo a > a.txt; git add -A\n"
                        "git commit -qm a && exit 1; rm forbidden.txt\n")  # fmt: skip
        landed(pg, pg.run(pg.plan([stubborn, pair()[1]])))
        delivered(pg)
    else:
        landed(pg, pg.run(pg.plan(pair())))
        assert (pg.repo / "b.txt").read_text() == "A\n"
        assert pg.git("status", "--porcelain") == ""


@pytest.fixture
def gpg_home() -> Iterator[Path]:
    """A short path, since gpg's agent has a socket there; the agent is ended afterwards."""
    if shutil.which("gpg") is None or shutil.which("gpgconf") is None:
        pytest.skip("gpg is not installed")
    with tempfile.TemporaryDirectory(prefix="gpg") as folder:
        yield Path(folder)
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "gpg-agent"], check=True)


@pytest.mark.parametrize(("format", "history"), [("ssh", "linear"), ("openpgp", "merge")])
def test_where_commits_must_be_signed_ours_are(
    pg: Playground, gpg_home: Path, format: str, history: str
) -> None:
    _sign_with(pg, format, gpg_home)
    pg.settings(f'[landing]\nhistory = "{history}"\n')
    first = pg.git("rev-parse", "main")
    two = "echo 1 > one.txt; git add -A; git commit -qm one; echo a > a.txt\n"
    landed(pg, pg.run(pg.plan(pair(two))))
    delivered(pg)
    commits = pg.git("rev-list", f"{first}..main").split("\n")
    assert len(commits) == (5 if history == "merge" else 3)
    for commit in commits:
        pg.git("verify-commit", commit)


def _sign_with(pg: Playground, format: str, gpg_home: Path) -> None:
    """Make the user's git sign commits with a key of their own, made here."""
    env = pg.environment()
    if format == "ssh":
        key = pg.root / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)],
                       check=True, capture_output=True, env=env)  # fmt: skip
        allowed = pg.root / "allowed"
        allowed.write_text("* " + key.with_suffix(".pub").read_text())
        pg.git("config", "gpg.ssh.allowedSignersFile", str(allowed))
        pg.git("config", "user.signingkey", f"{key}.pub")
    else:
        gpg = pg.root / "gpg"
        gpg.write_text(f'#!/bin/sh\nexec gpg --homedir {gpg_home} "$@"\n')
        gpg.chmod(0o755)
        make = "--batch --pinentry-mode loopback --passphrase= --quick-gen-key"
        subprocess.run([gpg, *make.split(), "Ann <ann@example.org>", "ed25519", "sign", "never"],
                       check=True, capture_output=True, env=env)  # fmt: skip
        pg.git("config", "gpg.program", str(gpg))
        pg.git("config", "user.signingkey", "ann@example.org")
    pg.git("config", "gpg.format", format)
    pg.git("config", "commit.gpgsign", "true")


def test_a_repository_of_another_user(pg: Playground) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    for path in (pg.repo, pg.repo / ".git"):
        os.chown(path, 12345, 12345)
    refused(pg, "belongs to another user", "git config --global --add safe.directory")
    pg.git("config", "--global", "--add", "safe.directory", str(pg.repo))
    landed(pg, pg.run(pg.plan(pair())))
    delivered(pg)


# --- where the git folder lies, and what git hides -----------------------------------------------


def test_a_git_folder_kept_elsewhere(pg: Playground) -> None:
    pg.git("init", "-q", "--separate-git-dir", str(pg.root / "kept"))
    landed(pg, pg.run(pg.plan(pair())))
    delivered(pg)
    assert not (pg.root / "kept" / "b.txt").exists(), "files were written into the git folder"
    # From a linked worktree nothing names the main one: its branch is not moved under its feet.
    linked = pg.root / "linked"
    pg.git("worktree", "add", "-q", "-b", "topic", str(linked))
    before = state_of(pg)
    plan = pg.plan([task("a", "echo 2 > a.txt\n"), task("b", "echo 2 > b.txt\n", needs=["a"])])
    done = pg.call("run", "--new", plan, "--target", "main", "--json", cwd=linked)
    assert done.returncode == 3, done.stderr
    assert "run gangsaw there" in done.stderr
    assert state_of(pg) == before
    assert pg.call("run").returncode == 0
    assert (pg.repo / "b.txt").read_text() == "2\n"
    assert pg.git("status", "--porcelain") == ""


def test_within_a_submodule(pg: Playground) -> None:
    pg.env |= FILE_SUBMODULES
    top = pg.root / "top"
    pg.git("init", "-q", "-b", "main", str(top))
    pg.git("submodule", "--quiet", "add", str(pg.repo), "lib", cwd=top)
    pg.git("commit", "-qm", "library", cwd=top)
    pg.repo = top / "lib"
    landed(pg, pg.run(pg.plan(pair())))
    delivered(pg)
    assert pg.git("status", "--porcelain", cwd=top) == "M lib", "more than the submodule changed"
    assert not (top / ".git/modules/lib/b.txt").exists()


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_a_change_that_git_hides_is_not_written_over(pg: Playground, flag: str) -> None:
    pg.write("conf.txt", "one\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "conf")
    pg.git("update-index", f"--{flag}", "conf.txt")
    pg.write("conf.txt", "mine\n")
    before = state_of(pg)
    status = pg.run(pg.plan(pair("echo theirs > conf.txt; echo a > a.txt\n")), expect=3)
    landed(pg, status)
    assert "conf.txt" in status["delivery_blocked"]
    assert "git update-index --no-assume-unchanged --no-skip-worktree" in status["delivery_blocked"]
    assert state_of(pg) == before
    pg.git("update-index", f"--no-{flag}", "conf.txt")
    pg.git("stash", "-q")
    assert pg.call("run").returncode == 0
    delivered(pg)
    assert (pg.repo / "conf.txt").read_text() == "theirs\n"
