"""A roadmap whose group E has five tracks: at most four are worked on at once, and what all of them
made is pushed together."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.guides.stage import Stage

FIRST = ("E-1", "E-2", "E-3", "E-4")
GROUP = (*FIRST, "E-5")
CLAIMED = """
n=0
until grep -q "Track ${GANGSAW_TASK#E-}:.*IN PROGRESS" "$ROOT/ROADMAP.md"; do
  n=$((n + 1)); [ $n -lt 2000 ] || exit 8; sleep 0.02
done
"""
LATER = {
    "F-1": GROUP,
    "F-2": GROUP,
    "G-1": ("F-1", "F-2"),
    "H-1": ("G-1",),
    "I-1": ("H-1",),
    "J-1": ("I-1",),
    "K-1": ("J-1",),
}


def marked(text: str, *letters: str) -> bytes:
    """The roadmap with these groups and their tracks marked as done, in its own way."""
    parts = text.split("### **Group ")
    for n, part in enumerate(parts):
        if part[0] in letters:
            lines = part.replace("🔄 **[IN PROGRESS]**", "⏳").split("\n")
            lines[0] = lines[0].replace("⏳", "✅ **[DONE]**")
            parts[n] = "\n".join(f"{line} ✅ **[DONE]**" if ". **Track" in line else line for line
                                 in lines)  # fmt: skip
    return "### **Group ".join(parts).encode()


def test_group_e_of_a_roadmap_is_run_by_four_agents_and_pushed_once(tmp_path: Path) -> None:
    """Who works on a track waits until the file says so, and the first four for one another."""
    stage = Stage(
        tmp_path, "roadmap", together=FIRST, before=CLAIMED,
        run_settings='remote = "origin"\ndeliver = "end"\n', settings='[landing]\npush = "end"\n',
    )  # fmt: skip
    there = tmp_path / "there.git"
    stage.ground.git("init", "-q", "--bare", str(there))
    stage.ground.git("config", "core.logAllRefUpdates", "always", cwd=there)
    stage.ground.git("remote", "add", "origin", str(there))
    stage.ground.git("push", "-q", "origin", "main")
    stage.run("--from", "roadmap", "--epic", "E", "--max-agents", "4")
    stage.require_order(dict.fromkeys(GROUP, ()))
    assert stage.most_at_once() == 4
    assert stage.changed() == {"ROADMAP.md": marked(stage.at_first["ROADMAP.md"].decode(), "E")}
    again = stage.run("--from", "roadmap", "--epic", "E")
    assert "nothing to do: all of E is done" in again.stdout + again.stderr
    moves = stage.ground.git("reflog", "show", "main", cwd=there).splitlines()
    assert len(moves) == 2, "the first push was ours, before the run"
    assert stage.ground.git("rev-parse", "main", cwd=there) == stage.ground.git("rev-parse", "main")


def test_a_roadmap_is_run_group_by_group(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "roadmap")
    stage.run("--from", "roadmap", "--max-agents", "4")
    stage.require_order({**dict.fromkeys(GROUP, ()), **LATER})
    assert stage.most_at_once() <= 4
    text = stage.at_first["ROADMAP.md"].decode()
    assert stage.changed() == {"ROADMAP.md": marked(text, *"EFGHIJK")}
