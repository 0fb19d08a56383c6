"""A scripted model on loopback: Anthropic's Messages API, deterministic, with no model behind it.

It lets the real, unmodified Claude Code CLI run in tests. Which answer a request gets follows
from the request alone, so retries, parallel agents and a resume after a kill need no state:

- The prompt carries a marker, `[[scenario:NAME key=value …]]`; the last one in the conversation
  counts. `{key}` in the scenario's texts is replaced by the marker's values.
- The step is the number of tool-result rounds after that marker.
- Tools are abstract: a step says `write` or `bash` and is answered with the name that the
  request's own tool list has for it.
- A request that offers no shell tool is a side request (titles, summaries): fixed text.

A scenario file is JSON, name → list of steps. A step is an object with any of

    {"say": "text"}                          words of the model, before its tool call if any
    {"write": {"path": "a.txt", "content": "…"}}     a relative path is taken from the worktree
    {"bash": "git add -A && git commit -m x"}
    {"usage": {"input": 1200, "output": 25, "cached": 300, "cache_write": 0}}
    {"gate": "name"}                         the answer waits until the test opens the gate
    {"error": {"status": 529, "type": "overloaded_error", "message": "…", "headers": {…}}}

A conversation that goes on beyond its scenario gets the last step's words again, without tools.

Control (also over HTTP, for use from another process): `GET /__log` lists the requests seen,
`GET /__waiting` the gates at which requests stand, `POST /__open/NAME` opens a gate for good.

    python -m gangsaw.testing.model_server --scenarios FILE --port 0      prints its port
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Step = Mapping[str, Any]
Scenarios = Mapping[str, Sequence[Step]]

# A gate that no test opens lets go by itself, so that no process is left behind for ever.
GATE_WAIT_MAX_S = 600.0
REQUEST_BYTES_MAX = 256 * 1024 * 1024
SIDE_ANSWER = "Scripted work"

_MARKER = re.compile(r"\[\[scenario:([\w.-]+)((?:\s+[\w.-]+=[^\s\]]+)*)\s*\]\]")
_WORKDIR = re.compile(r"(?:[Ww]orking directory|cwd)\s*:\s*(\S[^\n<]*)")

_TOOL_NAMES = {
    "write": ("Write", "write_file", "write"),
    "bash": ("Bash", "run_shell_command", "bash", "shell"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One request: which scenario and step it was answered with (`None`, -1: a side request),
    the session header, and the whole body."""

    number: int
    path: str
    scenario: str | None
    step: int
    session: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Choice:
    """The scenario a request belongs to, the step reached in it and the marker's values."""

    scenario: str | None
    step: int
    values: Mapping[str, str]


class ModelServer:
    """The server. Use it as a context manager; `url` is what the CLI is pointed at."""

    def __init__(self, scenarios: Scenarios, port: int = 0) -> None:
        self.scenarios = scenarios
        self._changed = threading.Condition()
        self._log: list[Seen] = []
        self._open: set[str] = set()
        self._standing: list[str] = []
        self._closing = False
        self._http = _Listener(("127.0.0.1", port), _Exchange)
        self._http.model = self
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """The base address to hand to the CLI."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def serve(self) -> None:
        """Serve in this thread until interrupted."""
        self._http.serve_forever()

    # --- what a test asks ----------------------------------------------------------------------

    def log(self) -> list[Seen]:
        """The requests so far, oldest first."""
        with self._changed:
            return list(self._log)

    def waiting(self) -> list[str]:
        """The gates at which requests stand now."""
        with self._changed:
            return list(self._standing)

    def wait_for_gate(self, name: str, timeout_s: float = 120.0) -> bool:
        """Wait until a request stands at the gate; false if none came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: name in self._standing, timeout_s)

    def open_gate(self, name: str) -> None:
        """Let pass what stands at the gate, and all that comes later."""
        with self._changed:
            self._open.add(name)
            self._changed.notify_all()

    # --- what a request gets -------------------------------------------------------------------

    def answer(self, path: str, session: str, body: Mapping[str, Any]) -> Step:
        """The step for a request, once its gate is open; the request is in the log before."""
        tools = {tool.get("name") for tool in body.get("tools", ()) if isinstance(tool, dict)}
        side = not tools.intersection(_TOOL_NAMES["bash"])
        choice = _Choice(None, -1, {}) if side else chosen(body)
        with self._changed:
            number = len(self._log) + 1
            self._log.append(Seen(number, path, choice.scenario, choice.step, session, body))
            self._changed.notify_all()
        if choice.scenario is None:
            return {"say": SIDE_ANSWER}
        steps = self.scenarios.get(choice.scenario)
        if not steps:
            return {"error": {"status": 400, "message": f"no scenario {choice.scenario!r}"}}
        if choice.step >= len(steps):
            return {"say": _filled(steps[-1].get("say", "Done."), choice.values)}
        step: Step = _filled(steps[choice.step], choice.values)
        if "gate" in step:
            self._stand_at(step["gate"])
        return step

    def _stand_at(self, gate: str) -> None:
        with self._changed:
            self._standing.append(gate)
            self._changed.notify_all()
            self._changed.wait_for(lambda: gate in self._open or self._closing, GATE_WAIT_MAX_S)
            self._standing.remove(gate)


def chosen(body: Mapping[str, Any]) -> _Choice:
    """Scenario, step and values of a request, from its messages alone."""
    name: str | None = None
    values: dict[str, str] = {}
    step = 0
    for message in body.get("messages", ()):
        if message.get("role") != "user":
            continue
        texts, has_results = _content(message.get("content"))
        step += has_results
        for found in (match for text in texts for match in _MARKER.finditer(text)):
            name = found[1]
            values = dict(pair.split("=", 1) for pair in found[2].split())
            step = 0
    return _Choice(name, step, values)


def _content(content: object) -> tuple[list[str], bool]:
    """The user's own texts of a message, and whether it carries tool results. What a tool
    printed is not looked through for markers: it may quote an old prompt."""
    if isinstance(content, str):
        return [content], False
    items = content if isinstance(content, list) else []
    blocks = [block for block in items if isinstance(block, dict)]
    texts = [str(block.get("text", "")) for block in blocks if block.get("type") == "text"]
    return texts, any(block.get("type") == "tool_result" for block in blocks)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """`value` with `{key}` replaced in all its strings."""
    if isinstance(value, str):
        for key, text in values.items():
            value = value.replace("{" + key + "}", text)
        return value
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, values) for item in value]
    return value


# --- Anthropic's wire format -------------------------------------------------------------------


def message_of(step: Step, body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The answer to a request as one message object; the ids follow from the request's number."""
    blocks: list[dict[str, Any]] = []
    if step.get("say"):
        blocks.append({"type": "text", "text": step["say"]})
    for abstract in ("write", "bash"):
        if abstract in step:
            name, arguments = _tool_call(abstract, step[abstract], body)
            call_id = f"toolu_{number:06d}"
            blocks.append({"type": "tool_use", "id": call_id, "name": name, "input": arguments})
    usage = step.get("usage", {})
    return {
        "id": f"msg_{number:06d}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "scripted"),
        "content": blocks or [{"type": "text", "text": "Done."}],
        "stop_reason": "tool_use" if any(b["type"] == "tool_use" for b in blocks) else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.get("input", 100),
            "output_tokens": usage.get("output", 10),
            "cache_read_input_tokens": usage.get("cached", 0),
            "cache_creation_input_tokens": usage.get("cache_write", 0),
        },
    }


def _tool_call(abstract: str, wanted: Any, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The request's own name of an abstract tool, with arguments as that tool's schema has them."""
    offered = [tool.get("name", "") for tool in body.get("tools", ())]
    name = next((name for name in _TOOL_NAMES[abstract] if name in offered), None)
    if name is None:
        raise LookupError(f"the request offers no tool for {abstract!r}: {offered}")
    if abstract == "bash":
        return name, {"command": wanted, "description": "scripted command"}
    path = wanted["path"]
    if not path.startswith("/"):
        path = f"{_working_directory(body)}/{path}"
    return name, {"file_path": path, "content": wanted["content"]}


def _working_directory(body: Mapping[str, Any]) -> str:
    """The folder that the CLI told the model it works in."""
    told = json.dumps([body.get("system"), body.get("messages")])
    found = _WORKDIR.search(told.replace(r"\n", "\n"))
    if found is None:
        raise LookupError("the request names no working directory; use an absolute path")
    return found[1].strip().rstrip('"\\')


def stream_of(message: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The message as the server-sent events of a streaming answer."""
    usage = message["usage"]
    start = {
        **message,
        "content": [],
        "stop_reason": None,
        "usage": {**usage, "output_tokens": 1},
    }
    events: list[tuple[str, dict[str, Any]]] = [("message_start", {"message": start})]
    opening: dict[str, Any]
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            opening = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            opening = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events.append(("content_block_start", {"index": index, "content_block": opening}))
        events.append(("content_block_delta", {"index": index, "delta": delta}))
        events.append(("content_block_stop", {"index": index}))
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append(("message_delta", {"delta": ending, "usage": usage}))
    events.append(("message_stop", {}))
    return [(name, {"type": name, **fields}) for name, fields in events]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    model: ModelServer


class _Exchange(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_GET(self) -> None:
        model = self.server.model
        pages: dict[str, Callable[[], Any]] = {
            "/__log": lambda: [
                {name: getattr(seen, name) for name in Seen.__slots__} for seen in model.log()
            ],
            "/__waiting": model.waiting,
        }
        page = pages.get(self.path)
        if page is None:
            self._send_json(404, {"error": f"nothing at {self.path}"})
        else:
            self._send_json(200, page())

    def do_HEAD(self) -> None:
        self._send_json(200, {})

    def do_POST(self) -> None:
        raw = self._body()
        if self.path.startswith("/__open/"):
            self.server.model.open_gate(self.path.removeprefix("/__open/"))
            self._send_json(200, {})
        elif self.path.partition("?")[0] == "/v1/messages":
            self._messages(json.loads(raw))
        else:
            self._send_json(404, {"error": f"nothing at {self.path}"})

    def _messages(self, body: dict[str, Any]) -> None:
        model = self.server.model
        session = self.headers.get("x-claude-code-session-id", "")
        step = model.answer(self.path, session, body)
        if "error" in step:
            self._send_error(step["error"])
            return
        try:
            message = message_of(step, body, len(model.log()))
        except LookupError as error:
            self._send_error({"status": 400, "message": str(error)})
            return
        if not body.get("stream"):
            self._send_json(200, message)
            return
        events = "".join(
            f"event: {name}\ndata: {json.dumps(fields)}\n\n" for name, fields in stream_of(message)
        )
        self._send(200, events.encode(), {"content-type": "text/event-stream"})

    def _send_error(self, error: Mapping[str, Any]) -> None:
        kind = error.get("type", "invalid_request_error")
        detail = {"type": kind, "message": error.get("message", "scripted error")}
        self._send_json(
            error.get("status", 500), {"type": "error", "error": detail}, error.get("headers", {})
        )

    def _send_json(self, status: int, value: Any, headers: Mapping[str, Any] | None = None) -> None:
        content: dict[str, Any] = {"content-type": "application/json", **(headers or {})}
        self._send(status, json.dumps(value).encode(), content)

    def _send(self, status: int, raw: bytes, headers: Mapping[str, Any]) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, str(value))
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(raw)
        except (BrokenPipeError, ConnectionResetError):
            # The client was killed while it waited: just what some tests do.
            self.close_connection = True

    def _body(self) -> bytes:
        """The request's body, by length or in chunks; cut off at `REQUEST_BYTES_MAX`."""
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            length = min(int(self.headers.get("content-length", 0)), REQUEST_BYTES_MAX)
            return self.rfile.read(length)
        raw = b""
        while len(raw) < REQUEST_BYTES_MAX:
            length = int(self.rfile.readline().split(b";")[0], 16)
            raw += self.rfile.read(length)
            self.rfile.readline()
            if length == 0:
                break
        return raw

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: `/__log` has it all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the scenarios of a file; the port is the first line printed."""
    parser = argparse.ArgumentParser(prog="gangsaw.testing.model_server")
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
