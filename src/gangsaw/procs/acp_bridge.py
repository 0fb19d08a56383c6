"""A client of the Agent Client Protocol (version 1) for one turn of one agent.

    python -I acp_bridge.py [options] -- AGENT ARGUMENT…          (this turn's prompt on stdin)

    --session ID          go on in this session instead of beginning one
    --model ID            tell the agent to use this model
    --mode ID             tell it to work in this mode
    --readonly            permit nothing that may write
    --readonly-mode ID    … and tell it to work in this mode, instead of one known to be so
    --login ID            sign in by this method of the agent's before anything else

It stands between the shim and an agent that speaks JSON-RPC on its standard streams, because a
turn is a process that reads a file and writes a file. Started as a script of its own; standard
library only. It prints one JSON object a line:

    {"type": "agent", "name": …, "version": …, "keeps_sessions": true}
    {"type": "session", "id": …, "model": …, "mode": …}
    {"type": "update", "update": {…}}                   what the agent tells, long texts cut
    {"type": "permission", "call": {…}, "granted": true}
    {"type": "unheeded", "what": "model", "wanted": …}  the agent cannot be told so
    {"type": "error", "at": "session/new", "code": -32000, "message": …, "detail": …, "exit": null}
    {"type": "end", "stop": "end_turn", "usage": {…}, "meta": {…}}

Exit codes: 0 when the agent ended its turn by itself, 1 for any other end, 127 when the agent
cannot be started, 128 + signal when it was told to stop. It asks the agent to cancel then, and
waits for it a moment. The agent is its child and in its process group, and goes with it: by the
end of its input, then TERM, then KILL; where the kernel can, also when the bridge is killed.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from typing import Any

PROTOCOL = 1
LINE_BYTES_MAX = 16 * 1024 * 1024
READ_BYTES = 1 << 16
# What a tool read, wrote or printed is shown, not archived.
TOOL_TEXT_MAX = 2_000
DETAIL_MAX = 4_000
CANCEL_MAX_S = 3.0
# Some agents repeat a session's past only after they have said that it is loaded.
QUIET_S = 0.3
# Some agents save a session only as they end.
EOF_MAX_S = 10.0
STOPPED_EOF_MAX_S = 1.0
TERM_MAX_S = 1.0

METHOD_NOT_FOUND = -32601
EXIT_NOT_STARTED = 127
SIGNAL_EXIT_BASE = 128
_SET_PARENT_DEATH_SIGNAL = 1

# Kinds of tools which only look; every other kind, and none at all, may write.
LOOKING = frozenset({"read", "search", "think", "fetch"})
# Modes in which an agent only looks, by the last part of their id, best first.
LOOKING_MODES = ("plan", "read-only", "readonly", "ask")


class Refused(Exception):
    """The agent answered a request with an error."""

    def __init__(self, at: str, error: object) -> None:
        fields = error if isinstance(error, dict) else {}
        super().__init__(at)
        self.at = at
        self.code = fields.get("code")
        self.message = str(fields.get("message") or "an error without a message")
        self.detail = fields.get("data")


class Ended(Exception):
    """The agent's output ended while an answer of it was still due."""

    def __init__(self, at: str) -> None:
        super().__init__(at)
        self.at = at


class Stopped(Exception):
    """We were told to stop, and the agent had its moment."""


# --- the line to the agent ---------------------------------------------------------------------


class Line:
    """Messages to and from the agent; never blocks in one direction while the other has work."""

    def __init__(self, agent: subprocess.Popen[bytes], wakeup_fd: int) -> None:
        assert agent.stdin is not None
        assert agent.stdout is not None
        self._in, self._out = agent.stdin.fileno(), agent.stdout.fileno()
        self._wakeup = wakeup_fd
        self._unsent = bytearray()
        self._held = bytearray()
        self._skipping = False
        self._received: deque[dict[str, Any]] = deque()
        self._signals: deque[int] = deque()
        self._open = True
        os.set_blocking(self._in, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._selector.register(wakeup_fd, selectors.EVENT_READ)

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message; it leaves while we wait for the next thing to happen."""
        raw = json.dumps({"jsonrpc": "2.0", **message}).encode("ascii") + b"\n"
        if not self._unsent:
            self._selector.register(self._in, selectors.EVENT_WRITE)
        self._unsent += raw

    def drop_past(self) -> None:
        """Drop what comes until nothing comes for a moment."""
        while self._open and not self._signals:
            self._received.clear()
            ready = self._selector.select(QUIET_S)
            if not ready:
                return
            self._serve(ready)

    def next(self) -> dict[str, Any] | int | None:
        """The next message, or the number of a signal that came; `None` at the end of output."""
        while True:
            if self._signals:
                return self._signals.popleft()
            if self._received:
                return self._received.popleft()
            if not self._open:
                return None
            self._serve(self._selector.select())

    def _serve(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        for key, _ in ready:
            if key.fd == self._wakeup:
                self._signals.extend(os.read(key.fd, READ_BYTES))
            elif key.fd == self._in:
                self._write()
            else:
                self._read()

    def _write(self) -> None:
        try:
            sent = os.write(self._in, self._unsent[:READ_BYTES])
        except BrokenPipeError:  # its output will end too, which says more
            sent = len(self._unsent)
        del self._unsent[:sent]
        if not self._unsent:
            self._selector.unregister(self._in)

    def _read(self) -> None:
        chunk = os.read(self._out, READ_BYTES)
        if not chunk:
            self._open = False
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._hold(line)
            self._take(bytes(self._held))
            self._held.clear()
            self._skipping = False
        self._hold(rest)

    def _hold(self, part: bytes) -> None:
        """Keep a part of a line, unless the line became too long to be an honest message."""
        if len(self._held) + len(part) > LINE_BYTES_MAX:
            self._skipping = True
        if self._skipping:
            self._held.clear()
        else:
            self._held += part

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line.decode("utf-8", "replace")) if line.strip() else None
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            self._received.append(message)
        elif line.strip():
            # A log line on the wrong stream: agents do this, and no message is lost by it.
            sys.stderr.write(line[:TOOL_TEXT_MAX].decode("utf-8", "replace") + "\n")


# --- the conversation --------------------------------------------------------------------------


class Client:
    """Our side of the protocol. Offers the agent nothing but answers to its permission requests:
    it reads and writes files, and runs commands, by itself."""

    def __init__(self, line: Line, *, readonly: bool) -> None:
        self._line = line
        self._readonly = readonly
        self._last_id = 0
        self._asked = ""
        self._session = ""
        self._replaying = False
        self._stopped_by: int | None = None

    @property
    def stopped_by(self) -> int | None:
        """The signal by which we were told to stop."""
        return self._stopped_by

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The agent's answer; meanwhile its own requests are answered and its updates printed.
        Raises `Refused`, `Ended`, `Stopped`."""
        self._last_id += 1
        self._asked = method
        self._line.send({"id": self._last_id, "method": method, "params": params})
        while True:
            message = self._line.next()
            if message is None:
                raise Ended(method)
            if isinstance(message, int):
                self._take_signal(message)
            elif "method" in message:
                self._take_word(message)
            elif message.get("id") == self._last_id:
                if message.get("error") is not None:
                    raise Refused(method, message["error"])
                result = message.get("result")
                return result if isinstance(result, dict) else {}

    def _take_signal(self, number: int) -> None:
        if number == signal.SIGCHLD:
            return
        if number == signal.SIGALRM or self._asked != "session/prompt":
            self._stopped_by = self._stopped_by or number
            raise Stopped
        if self._stopped_by is None:
            self._stopped_by = number
            self._line.send({"method": "session/cancel", "params": {"sessionId": self._session}})
            signal.setitimer(signal.ITIMER_REAL, CANCEL_MAX_S)

    def _take_word(self, message: dict[str, Any]) -> None:
        """A notification or a request of the agent's."""
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        if message["method"] == "session/update" and not self._replaying:
            update = params.get("update")
            if isinstance(update, dict):
                show("update", update=_cut_tool(update))
        if "id" not in message:
            return
        answer: dict[str, Any] = {"id": message["id"]}
        if message["method"] == "session/request_permission":
            answer["result"] = {"outcome": self._permit(params)}
        else:
            error = {"code": METHOD_NOT_FOUND, "message": f"no method {message['method']}"}
            answer["error"] = error
        self._line.send(answer)

    def _permit(self, params: dict[str, Any]) -> dict[str, str]:
        call = params.get("toolCall")
        call = call if isinstance(call, dict) else {}
        granted = self._stopped_by is None and (
            not self._readonly or str(call.get("kind")) in LOOKING
        )
        option = None if self._stopped_by else _option(params.get("options"), granted)
        show("permission", call=_cut(call), granted=granted and option is not None)
        if option is None:
            return {"outcome": "cancelled"}
        return {"outcome": "selected", "optionId": option}

    def open_session(self, wanted: str, keeps: bool) -> dict[str, Any]:
        """A new session, or the wanted one with its past; what it offers comes back."""
        place = {"cwd": os.getcwd(), "mcpServers": []}
        if wanted and not keeps:
            raise Refused("session/load", {"message": "the agent keeps no sessions"})
        if wanted:
            self._replaying = True
            offer = self.call("session/load", {"sessionId": wanted, **place})
            self._line.drop_past()
            self._replaying = False
        else:
            offer = self.call("session/new", place)
        self._session = wanted or str(offer.get("sessionId") or "")
        return offer

    def set(self, what: str, wanted: str, offer: dict[str, Any]) -> None:
        """Tell the agent the mode or the model, in the way it offers for that."""
        choice = _choice(offer, what)
        session = {"sessionId": self._session}
        if choice is None:
            show("unheeded", what=what, wanted=wanted)
        elif wanted == choice.current:
            return
        elif choice.config:
            fields = {"configId": choice.config, "value": wanted}
            self.call("session/set_config_option", session | fields)
        else:
            self.call(f"session/set_{what}", session | {f"{what}Id": wanted})

    def prompt(self, text: str) -> dict[str, Any]:
        """The whole turn."""
        prompt = [{"type": "text", "text": text}]
        return self.call("session/prompt", {"sessionId": self._session, "prompt": prompt})

    @property
    def session(self) -> str:
        """The id of the open session."""
        return self._session


class Choice:
    """What can be chosen of modes or models: the ids, the current one, and the id of the option
    by which it is set (empty: by the method of its own)."""

    def __init__(self, ids: list[str], current: str, config: str = "") -> None:
        self.ids = ids
        self.current = current
        self.config = config


def _choice(offer: dict[str, Any], what: str) -> Choice | None:
    options = offer.get("configOptions")
    for option in options if isinstance(options, list) else []:
        if isinstance(option, dict) and what in (option.get("category"), option.get("id")):
            ids = list(_values(option.get("options")))
            return Choice(ids, str(option.get("currentValue")), str(option.get("id")))
    state = offer.get(f"{what}s")
    if not isinstance(state, dict):
        return None
    key = "id" if what == "mode" else "modelId"
    listed = state.get(f"available{what.capitalize()}s")
    ids = [str(one[key]) for one in listed or [] if isinstance(one, dict) and key in one]
    return Choice(ids, str(state.get(f"current{what.capitalize()}Id")))


def _values(options: object) -> list[str]:
    """The values of a select option, whose choices may stand in groups."""
    found: list[str] = []
    for one in options if isinstance(options, list) else []:
        if isinstance(one, dict):
            found += [str(one["value"])] if "value" in one else _values(one.get("options"))
    return found


def _looking_mode(offer: dict[str, Any]) -> str:
    """The id of a mode in which the agent only looks, as far as ids tell; else empty."""
    choice = _choice(offer, "mode")
    for name in LOOKING_MODES:
        for id_ in choice.ids if choice else []:
            if id_.lower().replace("#", "/").rpartition("/")[2] == name:
                return id_
    return ""


def _option(options: object, granted: bool) -> str | None:
    """The id of the option that says it for this once; for good only where there is no other."""
    word = "allow" if granted else "reject"
    for kind in (f"{word}_once", f"{word}_always"):
        for option in options if isinstance(options, list) else []:
            if isinstance(option, dict) and option.get("kind") == kind:
                return str(option.get("optionId"))
    return None


# --- what is printed ---------------------------------------------------------------------------


def show(kind: str, **fields: Any) -> None:
    """Print one line."""
    raw = json.dumps({"type": kind, **fields}).encode("ascii") + b"\n"
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


def show_error(at: str, message: str, **fields: Any) -> None:
    """Print the line of what ended the turn."""
    show("error", **({"at": at, "message": message, "code": None, "detail": None} | fields))


def _cut_tool(update: dict[str, Any]) -> dict[str, Any]:
    """What is told of a tool may quote whole files; of everything else, every word counts."""
    told = str(update.get("sessionUpdate"))
    cut: dict[str, Any] = _cut(update) if told.startswith("tool_call") else update
    return cut


def _cut(value: Any, limit: int = TOOL_TEXT_MAX) -> Any:
    """The value with its texts cut to `limit` characters."""
    if isinstance(value, str):
        return value if len(value) <= limit else value[: limit - 1] + "…"
    if isinstance(value, list):
        return [_cut(one, limit) for one in value]
    if isinstance(value, dict):
        return {name: _cut(one, limit) for name, one in value.items()}
    return value


# --- the turn ----------------------------------------------------------------------------------


def converse(client: Client, options: argparse.Namespace, prompt: str) -> int:
    """The whole conversation; the exit code comes back."""
    hello = client.call(
        "initialize",
        {
            "protocolVersion": PROTOCOL,
            "clientCapabilities": {
                "fs": {"readTextFile": False, "writeTextFile": False},
                "terminal": False,
            },
            "clientInfo": {"name": "gangsaw", "title": "gangsaw", "version": "1"},
        },
    )
    if hello.get("protocolVersion") != PROTOCOL:
        version = hello.get("protocolVersion")
        raise Refused("initialize", {"message": f"it speaks version {version} of the protocol"})
    named = hello.get("agentInfo")
    named = named if isinstance(named, dict) else {}
    able = hello.get("agentCapabilities")
    keeps = isinstance(able, dict) and able.get("loadSession") is True
    show("agent", name=named.get("name"), version=named.get("version"), keeps_sessions=keeps)
    if options.login:
        client.call("authenticate", {"methodId": options.login})
    offer = client.open_session(options.session, keeps)
    mode = options.mode
    if options.readonly:
        mode = options.readonly_mode or _looking_mode(offer)
    if mode:
        client.set("mode", mode, offer)
    if options.model:
        client.set("model", options.model, offer)
    model = _choice(offer, "model")
    show(
        "session",
        id=client.session,
        model=options.model or (model.current if model else ""),
        mode=mode,
    )
    answer = client.prompt(prompt)
    stop = str(answer.get("stopReason"))
    show("end", stop=stop, usage=answer.get("usage"), meta=_cut(answer.get("_meta")))
    return 0 if stop == "end_turn" else 1


def run(options: argparse.Namespace, agent: subprocess.Popen[bytes], wakeup_fd: int) -> int:
    """Converse with a started agent and put every ending into words."""
    client = Client(Line(agent, wakeup_fd), readonly=options.readonly)
    prompt = sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        code = converse(client, options, prompt)
    except Refused as error:
        detail = _cut(error.detail, DETAIL_MAX)
        show_error(error.at, error.message, code=error.code, detail=detail)
        code = 1
    except Ended as error:
        if client.stopped_by is None:
            show_error(error.at, "the agent ended in the middle", exit=exit_of(agent))
        code = 1
    except Stopped:
        code = 1
    if client.stopped_by is not None:
        return SIGNAL_EXIT_BASE + client.stopped_by
    return code


def exit_of(agent: subprocess.Popen[bytes]) -> int | None:
    """How the agent ended, negative for a signal; `None` for one that only closed its output."""
    try:
        return agent.wait(STOPPED_EOF_MAX_S)
    except subprocess.TimeoutExpired:
        return None


def go_with_parent() -> None:
    """In the child: be killed when the bridge is. Only Linux can; elsewhere the end of its input
    has to do."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def end(agent: subprocess.Popen[bytes], eof_max_s: float) -> None:
    """Let the agent end by the end of its input, then make it."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for stream in (agent.stdin, agent.stdout):
        assert stream is not None
        stream.close()
    for patience_s, sign in ((eof_max_s, agent.terminate), (TERM_MAX_S, agent.kill)):
        try:
            agent.wait(patience_s)
        except subprocess.TimeoutExpired:
            sign()
    agent.wait()


def halves(words: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and the agent's command after the first `--`."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def main() -> int:
    """Carry out one turn; the exit code comes back."""
    parser = argparse.ArgumentParser(prog="acp_bridge")
    for name in ("session", "model", "mode", "readonly-mode", "login"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--readonly", action="store_true")
    # Split by hand: what an agent's own arguments look like must not matter.
    ours, agent_argv = halves(sys.argv[1:])
    options = parser.parse_args(ours)
    if not agent_argv:
        parser.error("no agent is named after --")
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, lambda *_: None)
    try:
        agent = subprocess.Popen(
            agent_argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            preexec_fn=go_with_parent,
        )
    except OSError as error:
        show_error("start", str(error), code=error.errno)
        return EXIT_NOT_STARTED
    eof_max_s = STOPPED_EOF_MAX_S
    try:
        code = run(options, agent, reading)
        eof_max_s = EOF_MAX_S if code < SIGNAL_EXIT_BASE else STOPPED_EOF_MAX_S
        return code
    finally:
        end(agent, eof_max_s)


if __name__ == "__main__":
    sys.exit(main())
