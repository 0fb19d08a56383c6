"""Serve the scenarios of a file; the port is the first line printed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from gangsaw.testing.models.server import ModelServer


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 fine, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="gangsaw.testing.models")
    parser.add_argument("--scenarios", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args(arguments)
    server = ModelServer(json.loads(options.scenarios.read_text("utf-8")), options.port)
    print(server.port, flush=True)
    try:
        server.serve()
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
