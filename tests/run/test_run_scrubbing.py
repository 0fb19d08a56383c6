"""Secrets in the output files of ended programs: overwritten, in place, however often it is cut
short."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.core.faults import set_probe
from gangsaw.core.launch import OutcomeKind, QuestionNoted, TurnOutcome
from gangsaw.core.observations import LaunchExited, Noted, WorkspaceAt
from gangsaw.core.redaction import Redactor
from gangsaw.core.settings import AgentSettings, Settings, WorktreeSettings
from gangsaw.engine.scrubbing import CHUNK_BYTES, MARKER, Scrubber, scrub
from gangsaw.engine.secrets import Secrets

SECRET = "s3cret-value-of-some-length"
REDACTOR = Redactor([("API_KEY", SECRET)])


def folder_with(root: Path, out: bytes, err: bytes = b"") -> Path:
    folder = root / "turn-1"
    folder.mkdir()
    (folder / "out").write_bytes(out)
    (folder / "err").write_bytes(err)
    return folder


def test_secrets_across_the_borders_of_pieces_are_found(tmp_path: Path) -> None:
    raw = SECRET.encode()
    offsets = [0, CHUNK_BYTES - 1, 2 * CHUNK_BYTES - len(raw), 3 * CHUNK_BYTES - 9, 4 * CHUNK_BYTES]
    out = bytearray(b"." * (4 * CHUNK_BYTES + 100))
    for offset in offsets:
        out[offset : offset + len(raw)] = raw
    folder = folder_with(tmp_path, bytes(out), raw)
    scrub(folder, REDACTOR)
    found = (folder / "out").read_bytes()
    assert len(found) == len(out)
    assert raw not in found
    assert found.count(b"[secret-") == len(offsets)
    assert found.replace(b".", b"").count(b"]") == len(offsets)
    assert (folder / "err").read_bytes() == b"[secret" + b"-" * (len(raw) - 8) + b"]"


def test_what_was_cut_short_is_done_again_and_what_is_done_is_not(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, SECRET.encode(), SECRET.encode())
    (folder / "out").write_bytes(REDACTOR.blank(SECRET.encode()))  # it got as far as this
    passed: list[str] = []
    set_probe(lambda point, side: passed.append(f"{point} {side}"))
    try:
        scrub(folder, REDACTOR)
        scrub(folder, REDACTOR)
    finally:
        set_probe(None)
    assert passed == ["engine.scrub before", "engine.scrub after"]
    assert SECRET.encode() not in (folder / "out").read_bytes() + (folder / "err").read_bytes()
    assert (folder / MARKER).exists()


def test_what_a_program_puts_beside_its_prompt_is_scrubbed_too(tmp_path: Path) -> None:
    """A trajectory, or a history that later turns go on with; but not what a later turn writes."""
    first = folder_with(tmp_path, b"")
    second = tmp_path / "turn-2"
    second.mkdir()
    names = ("prompt-1.md.aider.md", "prompt-2.md.traj.json", "prompt-1.md", "task-prompt")
    for name in names:
        (tmp_path / name).write_text(f"said {SECRET}")
    scrub(first, REDACTOR)
    kept = [name for name in names if SECRET in (tmp_path / name).read_text()]
    assert kept == ["prompt-2.md.traj.json", "prompt-1.md", "task-prompt"]
    (tmp_path / "prompt-1.md.aider.md").write_text(f"said {SECRET} again")
    scrub(second, REDACTOR)
    kept = [name for name in names if SECRET in (tmp_path / name).read_text()]
    assert kept == ["prompt-1.md", "task-prompt"]


def test_without_secrets_nothing_is_touched(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, b"out")
    scrub(folder, Redactor())
    assert sorted(path.name for path in folder.iterdir()) == ["err", "out"]


def test_a_link_in_the_place_of_an_output_is_not_followed(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, b"")
    elsewhere = tmp_path / "mine"
    elsewhere.write_text(SECRET)
    (folder / "out").unlink()
    (folder / "out").symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        scrub(folder, REDACTOR)
    assert elsewhere.read_text() == SECRET
    scrubber = Scrubber(Secrets(None, {"API_KEY": SECRET}))
    scrubber.later(folder)  # is tried again later, and stops nothing
    scrubber.close()
    assert not (folder / MARKER).exists()


# --- what is a secret, and where it is taken out --------------------------------------------------


def test_secrets_are_learned_from_everywhere_and_never_forgotten(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A_TOKEN=from-dotenv-1\nPLAIN=just-a-word\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/x.ini").write_text("password = from-copied-2\n")
    (tmp_path / "more.cfg").write_text("B_KEY=from-included-3\n")
    (tmp_path / "big.cfg").write_text("B_KEY=too-big-to-be-one\n" + "#" * 300_000)
    agent = AgentSettings(
        "a", "command", env=(("C_SECRET", "from-agent-4"), ("MODE", "quick-mode"))
    )
    settings = Settings(agents=(agent,), worktree=WorktreeSettings(copy=("conf", "gone")))
    secrets = Secrets(settings, {"D_TOKEN": "from-environ-5", "LANG": "C.UTF-8-long"})
    secrets.learn(tmp_path, ("more.cfg", "big.cfg"))
    words = "from-dotenv-1 from-copied-2 from-included-3 from-agent-4 from-environ-5"
    assert secrets.text(words) == " ".join(["[secret]"] * 5)
    plain = "just-a-word too-big-to-be-one quick-mode C.UTF-8-long"
    assert secrets.text(plain) == plain
    (tmp_path / ".env").unlink()
    secrets.learn(tmp_path)
    assert secrets.text("from-dotenv-1") == "[secret]"


def test_observations_lose_words_and_keep_names() -> None:
    secrets = Secrets(None, {"POSTGRES_PASSWORD": "postgres"})
    outcome = TurnOutcome(OutcomeKind.FAILED, "cannot reach postgres")
    ended = LaunchExited("postgres.1", 1, outcome, 1, None)
    assert secrets.out_of(ended) == LaunchExited(
        "postgres.1", 1, TurnOutcome(OutcomeKind.FAILED, "cannot reach [secret]"), 1, None
    )
    noted = Noted("postgres.1", 1, QuestionNoted("is it postgres?"))
    assert secrets.out_of(noted) == Noted("postgres.1", 1, QuestionNoted("is it [secret]?"))
    place = WorkspaceAt("a.1", "/home/postgres/worktrees/a.1")
    assert secrets.out_of(place) == place
