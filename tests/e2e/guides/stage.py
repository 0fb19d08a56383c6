"""A repository with the example of one guide, the agents that work on it, and what they saw.

The agent is a command that says in the ledger that it begins and which tasks' files are in its
worktree, waits until those that belong together have begun, too, does its work, and says that it
ends. So the ledger tells what was worked on at once, and on what ground each task stood.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from subprocess import CompletedProcess

from gangsaw.testing.playground import Playground

EXAMPLES = Path(__file__).parent / "examples"

AGENT = """\
seen=$(git ls-files | sed -n 's,^.*/\\([^/]*\\)\\.txt$,\\1,p' | tr '\\n' ' ')
echo "start $GANGSAW_TASK $seen" >> "$LEDGER"
case " $TOGETHER " in *" $GANGSAW_TASK "*)
  for other in $TOGETHER; do
    n=0
    until grep -q "^start $other " "$LEDGER"; do
      n=$((n + 1)); [ $n -lt 2000 ] || exit 9; sleep 0.02
    done
  done;;
esac
{before}
file=$(grep -o "src/[a-z0-9_/]*/$GANGSAW_TASK\\.txt" "$1" | head -n 1)
file=${{file:-work/$GANGSAW_TASK.txt}}
mkdir -p "$(dirname "$file")"
echo "$GANGSAW_TASK" > "$file"
git add -A
git commit -qm "work on $GANGSAW_TASK"
echo "stop $GANGSAW_TASK ${{2:-}}" >> "$LEDGER"
"""

SETTINGS = """
[agents.{name}]
kind = "command"
stdin = "none"
argv = ["sh", "-eu", "{script}", "{{task_prompt_file}}"{argv}]
memory_max_mb = 64
pass_env = ["LEDGER", "TOGETHER", "ROOT"]
"""


@dataclass
class Stage:
    """One example of a guide. `worker` is what its agent is called, `argv` what it is given besides
    its prompt, `before` what it does before its work, in shell; those of `together` wait for one
    another. `settings` are more of these, and `run_settings` more of those in `[run]`."""

    root: Path
    example: str
    worker: str = "worker"
    default: str = "worker"
    together: Sequence[str] = ()
    before: str = ":"
    argv: Sequence[str] = ()
    settings: str = ""
    run_settings: str = ""
    ground: Playground = field(init=False)
    at_first: dict[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.ground = Playground(self.root / "ground", agent=self.default)
        shutil.copytree(EXAMPLES / self.example, self.ground.repo, dirs_exist_ok=True)
        self.ground.env |= {"TOGETHER": " ".join(self.together), "ROOT": str(self.ground.repo)}
        script = self.root / "worker.sh"
        script.write_text(AGENT.format(before=self.before))
        argv = "".join(f', "{word}"' for word in self.argv)
        known = (self.ground.repo / "gangsaw.toml").read_text()
        known = known.replace("[run]\n", f"[run]\n{self.run_settings}")
        self.ground.write("gangsaw.toml", known)
        self.ground.settings(
            SETTINGS.format(name=self.worker, script=script, argv=argv) + self.settings
        )
        self.ground.git("add", "-A")
        self.ground.git("commit", "-q", "-m", "the example of the guide")
        self.at_first = self.files()

    def files(self) -> dict[str, bytes]:
        """The files of the example as they are now, by name."""
        top = EXAMPLES / self.example
        names = sorted(str(each.relative_to(top)) for each in top.rglob("*") if each.is_file())
        return {name: (self.ground.repo / name).read_bytes() for name in names}

    def changed(self) -> dict[str, bytes]:
        """The files of the example that are not as they were."""
        return {name: raw for name, raw in self.files().items() if raw != self.at_first[name]}

    def run(self, *words: str, expect: int = 0) -> CompletedProcess[str]:
        """`gangsaw run …`, which must end so."""
        done = self.ground.call("run", *words, "--plain")
        assert done.returncode == expect, done.stdout + done.stderr
        return done

    # --- what became of it -----------------------------------------------------------------------

    @cached_property
    def landed(self) -> dict[str, str]:
        """What landed, in its order, with the commit."""
        rows = [row for row in self.ground.events() if row["kind"] == "landed"]
        return {row["body"]["task"]: row["body"]["commit"] for row in rows}

    def require_order(self, needs: Mapping[str, Sequence[str]]) -> None:
        """All these landed and nothing else, each after what it needs, and whoever worked on it
        found the files of all that before it began."""
        order = list(self.landed)
        assert sorted(order) == sorted(needs)
        for task, before in needs.items():
            assert all(order.index(other) < order.index(task) for other in before), (task, order)
        starts = [words for words in self.ground.ledger_lines() if words[0] == "start"]
        assert sorted(words[1] for words in starts) == sorted(needs), "each is begun once"
        for _, task, *seen in starts:
            assert set(needs[task]) <= set(seen), (task, seen)

    def most_at_once(self, of: Collection[str] | None = None) -> int:
        """At most so many of these (of all) were worked on at the same time."""
        now = most = 0
        for word, task, *_ in self.ground.ledger_lines():
            if of is None or task in of:
                now += 1 if word == "start" else -1
                most = max(most, now)
        assert now == 0, "all that began have ended"
        return most

    def told(self) -> dict[str, str]:
        """The first further word that the agent of each task was given."""
        lines = self.ground.ledger_lines()
        return {words[1]: words[2] for words in lines if words[0] == "stop"}
