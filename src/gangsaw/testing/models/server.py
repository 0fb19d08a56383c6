"""The server: what it has seen, its gates, its tries, and the connections."""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from gangsaw.testing.models.anthropic import Anthropic
from gangsaw.testing.models.chat import Chat
from gangsaw.testing.models.faults import BROKEN, SILENT, Fault, FaultKind, fault_in
from gangsaw.testing.models.gemini import Gemini
from gangsaw.testing.models.responses import Responses
from gangsaw.testing.models.script import SIDE, Choice, Scenarios, Step, checked, chosen, step_of
from gangsaw.testing.models.tools import NoTool, calls_of, text_of
from gangsaw.testing.models.wire import Asked, Dialect, Json, Refusal, Reply, Usage

DIALECTS: tuple[Dialect, ...] = (Anthropic(), Responses(), Chat(), Gemini())

# A gate that no test opens, and an answer that never comes, let go by themselves, so that no
# process is left behind for ever.
WAIT_MAX_S = 600.0
# How soon the end is noticed: what every use of the server takes longer than need be.
POLL_S = 0.02
REQUEST_BYTES_MAX = 256 * 1024 * 1024
SIDE_ANSWER = "Scripted work"
MALFORMED = 'data: {"type": "scripted", "cut": [1, 2\n\n'


@dataclass(frozen=True, slots=True)
class Seen:
    """One request: which scenario and step it was answered with (`None`, -1: a side request), the
    how manieth try of that step it was (from 1), the fault it met, if any, its session header, and
    the whole body."""

    number: int
    dialect: str
    path: str
    scenario: str | None
    step: int
    tries: int
    fault: str
    session: str
    model: str
    body: Mapping[str, Any]

    @property
    def told(self) -> str:
        """All that the model was told, besides the list of tools: JSON, for looking for words."""
        kept = {key: value for key, value in self.body.items() if key != "tools"}
        return json.dumps(kept, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: an answer, whole or as events, or a refusal; and how it is broken."""

    refusal: Refusal | None = None
    whole: Json | None = None
    events: tuple[str, ...] = ()
    broken: FaultKind | None = None


class ModelServer:
    """The server. Use it as a context manager; `url` is what the agent is pointed at. Raises
    `ValueError` for scenarios it does not understand."""

    def __init__(self, scenarios: Scenarios, port: int = 0) -> None:
        self.scenarios = checked(scenarios)
        self._changed = threading.Condition()
        self._log: list[Seen] = []
        self._tries: dict[Any, int] = {}
        self._resets: dict[Any, float] = {}
        self._open: set[str] = set()
        self._standing: list[str] = []
        self._closing = False
        self._http = _Listener(("127.0.0.1", port), _Exchange)
        self._http.model = self
        self._thread = threading.Thread(target=self.serve, daemon=True)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """The base address to hand to the agent; some want `/v1` after it."""
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
        self._http.serve_forever(POLL_S)

    # --- what a test asks ----------------------------------------------------------------------

    def log(self, scenario: str | None = None) -> list[Seen]:
        """The requests so far, oldest first; those of one scenario where it is named."""
        with self._changed:
            return [one for one in self._log if scenario in (None, one.scenario)]

    def waiting(self) -> list[str]:
        """The gates at which requests stand now."""
        with self._changed:
            return list(self._standing)

    def wait_for_gate(self, name: str, timeout_s: float = 120.0) -> bool:
        """Wait until a request stands at the gate; false if none came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: name in self._standing, timeout_s)

    def wait_for_fault(self, scenario: str, timeout_s: float = 120.0) -> bool:
        """Wait until a request of the scenario has met a fault; false if none did in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: any(one.fault and one.scenario == scenario for one in self._log), timeout_s
            )

    def open_gate(self, name: str) -> None:
        """Let pass what stands at the gate, and all that comes later."""
        with self._changed:
            self._open.add(name)
            self._changed.notify_all()

    def wait_for_closing(self) -> None:
        """Until the server closes; an answer that never comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, WAIT_MAX_S)

    # --- what a request gets -------------------------------------------------------------------

    def answer(self, dialect: Dialect, path: str, asked: Asked, body: Json) -> Answer:
        """The answer to a request, once its gate is open; the request is in the log before."""
        choice = chosen(asked)
        side = choice.scenario is None
        step: Step | None = (
            {"say": SIDE_ANSWER, "usage": {"input": 0, "output": 0}}
            if side
            else step_of(self.scenarios, choice)
        )
        fault = None if step is None else fault_in(step)
        with self._changed:
            number = len(self._log) + 1
            tries = self._tries[choice.key] = self._tries.get(choice.key, 0) + (not side)
            fault = self._met(fault, choice, tries)
            seen = Seen(
                number, dialect.name, path, choice.scenario, choice.step, tries,
                fault.kind.value if fault else "", asked.session, asked.model, body,
            )  # fmt: skip
            self._log.append(seen)
            self._changed.notify_all()
        if step is None:
            return _wrong(dialect, f"no scenario {choice.scenario!r}")
        if "gate" in step:
            self._stand_at(step["gate"])
        return _said(dialect, asked, step, fault, choice, number)

    def refuse_stranger(self, dialect: Dialect, path: str, asked: Asked, body: Json) -> Answer:
        """The answer to a request without any key."""
        fault = Fault(FaultKind.UNAUTHORIZED)
        with self._changed:
            number = len(self._log) + 1
            kind, session = fault.kind.value, asked.session
            self._log.append(
                Seen(number, dialect.name, path, None, -1, 0, kind, session, asked.model, body)
            )
            self._changed.notify_all()
        return Answer(dialect.refusal(fault))

    def _met(self, fault: Fault | None, choice: Choice, tries: int) -> Fault | None:
        """The fault if this try meets it, with the moment of its reset."""
        if fault is None or (fault.times is not None and tries > fault.times):
            return None
        now = time.time()
        if fault.resets_in_s is None:
            return replace(fault, now=now)
        reset = self._resets.setdefault(choice.key, now + fault.resets_in_s)
        return replace(fault, resets_at=reset, now=now) if now < reset else None

    def _stand_at(self, gate: str) -> None:
        with self._changed:
            self._standing.append(gate)
            self._changed.notify_all()
            self._changed.wait_for(lambda: gate in self._open or self._closing, WAIT_MAX_S)
            self._standing.remove(gate)


def _said(
    dialect: Dialect, asked: Asked, step: Step, fault: Fault | None, choice: Choice, number: int
) -> Answer:
    """The step in the vendor's words, or the fault's."""
    if fault is not None and fault.kind not in BROKEN:
        silent = fault.kind in SILENT
        return Answer(broken=fault.kind) if silent else Answer(dialect.refusal(fault))
    try:
        calls = () if choice is SIDE or not asked.tools else calls_of(step, asked, choice.values)
    except NoTool as missing:
        return _wrong(dialect, str(missing))
    text = step.get("say", "") if asked.tools else text_of(step, asked)
    text = text if text or calls else "Done."
    reply = Reply(number, asked.model, text, tuple(calls), Usage(**step.get("usage", {})))
    broken = fault.kind if fault else None
    if asked.stream:
        return Answer(events=tuple(dialect.events(reply)), broken=broken)
    return Answer(whole=dialect.whole(reply), broken=broken)


def _wrong(dialect: Dialect, message: str) -> Answer:
    """The scenario does not fit the request: said as an error that no agent tries again."""
    return Answer(dialect.refusal(Fault(FaultKind.STATUS, status=400, message=message)))


def _has_key(headers: Mapping[str, str]) -> bool:
    """Whether a request carries a key at all, in any vendor's header; which one is no matter."""
    bearer = headers.get("authorization", "").removeprefix("Bearer").strip()
    return bool(bearer or headers.get("x-api-key") or headers.get("x-goog-api-key"))


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    model: ModelServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are gone are what some tests do; anything else is a bug and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Exchange(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_GET(self) -> None:
        model = self.server.model
        pages: dict[str, Callable[[], Any]] = {
            "/__log": lambda: [asdict(seen) for seen in model.log()],
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
        path = urlsplit(self.path).path
        if path.startswith("/__open/"):
            self.server.model.open_gate(path.removeprefix("/__open/"))
            self._send_json(200, {})
            return
        dialect = next((one for one in DIALECTS if one.serves(path)), None)
        if dialect is None:
            self._send_json(404, {"error": f"nothing at {path}"})
            return
        body = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = dialect.read(path, headers, body)
        if _has_key(headers):
            answer = self.server.model.answer(dialect, self.path, asked, body)
        else:
            answer = self.server.model.refuse_stranger(dialect, self.path, asked, body)
        try:
            self._send_answer(answer)
        except OSError:
            # The client was killed while it waited: just what some tests do.
            self.close_connection = True

    def _send_answer(self, answer: Answer) -> None:
        if answer.refusal is not None:
            refusal = answer.refusal
            self._send_json(refusal.status, refusal.body, refusal.headers)
        elif answer.broken is FaultKind.HANG:
            self.server.model.wait_for_closing()
            self.close_connection = True
        elif answer.broken is FaultKind.DROP:
            self.close_connection = True
        elif answer.whole is not None:
            self._send_halves(json.dumps(answer.whole), "application/json", answer.broken)
        elif answer.broken is FaultKind.MALFORMED:
            events = [*answer.events]
            events[len(events) // 2] = MALFORMED
            self._send(200, "".join(events).encode(), {"content-type": "text/event-stream"})
        else:
            self._send_events(answer.events, answer.broken)

    def _send_events(self, events: tuple[str, ...], broken: FaultKind | None) -> None:
        """The stream; a broken one is cut between two events, after the first of them."""
        whole = "".join(events)
        first = "".join(events[: max(1, len(events) // 2)])
        self._send_halves(whole, "text/event-stream", broken, len(first.encode()))

    def _send_halves(
        self, text: str, content_type: str, broken: FaultKind | None, half: int | None = None
    ) -> None:
        """The body, or its first half and then nothing more, however long the client waits."""
        raw = text.encode()
        half = len(raw) // 2 if half is None else half
        if broken is FaultKind.MALFORMED:
            raw = raw[:half]
        self._head(200, {"content-type": content_type, "content-length": str(len(raw))})
        if broken not in (FaultKind.CUT, FaultKind.STALL):
            self.wfile.write(raw)
            return
        self.wfile.write(raw[: min(half, len(raw) - 1)])
        self.wfile.flush()
        if broken is FaultKind.STALL:
            self.server.model.wait_for_closing()
        self.close_connection = True

    def _send_json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        named = {"content-type": "application/json", **(headers or {})}
        self._send(status, json.dumps(value).encode(), named)

    def _send(self, status: int, raw: bytes, headers: Mapping[str, str]) -> None:
        self._head(status, {**headers, "content-length": str(len(raw))})
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _body(self) -> bytes:
        """The request's body, by length or in chunks, unpacked; no more than
        `REQUEST_BYTES_MAX` of it."""
        raw = self._raw_body()
        packed = self.headers.get("content-encoding", "") == "gzip"
        return gzip.decompress(raw) if packed else raw

    def _raw_body(self) -> bytes:
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
