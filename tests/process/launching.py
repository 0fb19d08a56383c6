"""Run by any Python that can import `gangsaw.procs`: launches turns as it is told, as an engine
would, and lives until its input ends. One JSON object per line in and out.

In: `folder`, `argv`, `env`, `mark`, `grace_s`, `fault` and `executable` (both may be empty).
Out: what `launch` answered, the shim's pid and the nursery's (0: there is none).
Argument 1 is "nursery" or "direct".
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from gangsaw import procs
from gangsaw.core.launch import LaunchSpec
from gangsaw.procs import shim


def carry_out(order: dict[str, Any], nursery: procs.Nursery | None) -> dict[str, object]:
    """Launch one turn; the fault is set for this one only."""
    own = sys.executable
    os.environ[shim.FAULT_VARIABLE] = order["fault"]
    sys.executable = order["executable"] or own
    try:
        spec = LaunchSpec(tuple(order["argv"]), "/", tuple(order["env"].items()))
        grace_s = float(order["grace_s"])
        answer = procs.launch(Path(order["folder"]), spec, mark=order["mark"], grace_s=grace_s)
    except OSError as error:
        return {"answer": "OSError", "text": str(error), "pid": 0, "nursery": 0}
    finally:
        sys.executable = own
        del os.environ[shim.FAULT_VARIABLE]
        procs.reap()
    pid = answer.shim_pid if isinstance(answer, procs.Started) else 0
    begun = (nursery.pid or 0) if nursery is not None else 0
    return {"answer": type(answer).__name__, "pid": pid, "nursery": begun}


def main() -> None:
    """Obey until the end of the input."""
    wanted = procs.Nursery() if sys.argv[1] == "nursery" else nullcontext()
    with wanted as nursery:
        for line in sys.stdin:
            print(json.dumps(carry_out(json.loads(line), nursery)), flush=True)


if __name__ == "__main__":
    main()
