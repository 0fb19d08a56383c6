"""The program: `gangsaw` and `python -m gangsaw`. Light: `--version` imports nothing more."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the command line `argv` (without the program's name)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--version"]:
        from gangsaw import __version__

        print(f"gangsaw {__version__}")
        return 0
    from gangsaw.cli.main import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
