"""A program with the face of Claude Code that writes a torrent: run by its path, as an agent.

It prints about as many megabytes as `TORRENT_MB` says, in lines of every size: a session, messages
with usage, results of tools, one line of `TORRENT_LINE_MB`, lines that are no UTF-8, and at the end
the figures that count. `TORRENT_HOLE_MB` makes its output so much longer in no time, by a hole in
the file. It changes one file and keeps its own memory small.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

MB = 1 << 20
PIECE = b"x" * MB
SESSION = "0d1f6f0a-0000-4000-8000-00000000f10d"
TOKENS_IN, TOKENS_OUT, COST_USD = 123_456, 7_890, 1.25


def event(kind: str, **fields: object) -> bytes:
    return json.dumps({"type": kind, "session_id": SESSION, **fields}).encode() + b"\n"


def message(number: int) -> bytes:
    content = [{"type": "text", "text": f"step {number}: " + "words " * 50}]
    usage = {"input_tokens": 2, "output_tokens": 3}
    return event("assistant", message={"id": f"m{number}", "content": content, "usage": usage})


def tool_result(size: int) -> bytes:
    return event(
        "user", message={"content": [{"type": "tool_result", "content": "🪵" + "y" * size}]}
    )


def torrent(size: int, line: int) -> Iterator[bytes]:
    """Pieces of the stream; `size` and `line` in bytes."""
    yield event("system", subtype="init", model="m", tools=[])
    fifth = (size - line) // 5
    for number in range(2 * fifth // len(message(10**6))):
        yield message(number)
    for _ in range(fifth // (2 * MB)):
        yield tool_result(2 * MB)
    yield b'{"type": "assistant", "message": "'
    for _ in range(line // MB):
        yield PIECE
    yield b'"}\n'
    garbage = b"\xff\xfe{\xc3\x28}" * (MB // 6) + b"\n"
    for _ in range(2 * fifth // len(garbage)):
        yield garbage
    for _ in range(3):
        yield b"not JSON at all\n"


def main() -> int:
    out = sys.stdout.buffer
    sizes = [int(float(os.environ[name]) * MB) for name in ("TORRENT_MB", "TORRENT_LINE_MB")]
    for piece in torrent(*sizes):
        out.write(piece)
    subprocess.run(["sh", "-c", "echo torrent > torrent.txt"], check=True)
    if hole := int(os.environ.get("TORRENT_HOLE_MB", "0")):
        out.flush()
        os.ftruncate(1, os.fstat(1).st_size + hole * MB)
        os.lseek(1, 0, os.SEEK_END)
        out.write(b"\n")
    usage = {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT}
    ending = {"subtype": "success", "is_error": False, "result": "all written"}
    # Without the session, which is told at the beginning only.
    out.write(
        b'{"type": "result", '
        + json.dumps({**ending, "usage": usage, "total_cost_usd": COST_USD}).encode()[1:]
        + b"\n"
    )
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
