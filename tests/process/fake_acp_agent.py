"""A small agent of the Agent Client Protocol that does what its prompt says, for tests.

Words of the prompt, each on a line: `say TEXT`, `write PATH TEXT` (asks for permission first),
`look PATH` (asks to read), `flood BYTES` (a tool's output), `noise` (lines that are no messages),
`ask-client` (a request the client does not know), `fail CODE TEXT` (an error as the answer),
`stop REASON`, `hang` (until cancelled), `die CODE`, `kill`, `child` (leaves a process behind),
`stubborn` (ignores TERM and the end of its input), `usage IN OUT`. Options: `--no-load`,
`--signed-out`, `--version N`, `--late-past`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

STORE = Path(os.environ.get("HOME", "/nonexistent")) / "acp-sessions.json"
MODES = {"currentModeId": "work", "availableModes": [{"id": "work"}, {"id": "x#plan"}]}
MODELS = [{"value": "m1", "name": "M1"}, {"group": "g", "options": [{"value": "m2"}]}]


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def receive() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        if "stubborn" in sys.argv:
            signal.pause()
        sys.exit(0)
    message: dict[str, Any] = json.loads(line)
    return message


class Agent:
    """One connection."""

    def __init__(self) -> None:
        self.session = ""
        self.asked = 0
        self.usage: dict[str, int] = {}

    def update(self, told: str, /, **fields: Any) -> None:
        params = {"sessionId": self.session, "update": {"sessionUpdate": told, **fields}}
        send({"method": "session/update", "params": params})

    def say(self, text: str) -> None:
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            self.update("agent_message_chunk", content={"type": "text", "text": piece})

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        send({"id": f"a{self.asked}", "method": method, "params": params})
        while True:
            message = receive()
            if message.get("id") == f"a{self.asked}":
                return message

    def permitted(self, call: dict[str, Any]) -> bool:
        options = [
            {"optionId": "yes!", "name": "Always", "kind": "allow_always"},
            {"optionId": "yes", "name": "Once", "kind": "allow_once"},
            {"optionId": "no", "name": "No", "kind": "reject_once"},
        ]
        params = {"sessionId": self.session, "toolCall": call, "options": options}
        outcome = self.ask("session/request_permission", params)["result"]["outcome"]
        return bool(outcome == {"outcome": "selected", "optionId": "yes"})

    def tool(self, kind: str, path: str, text: str = "") -> None:
        self.asked += 1
        call = {"toolCallId": f"t{self.asked}", "title": f"{kind} it", "kind": kind,
                "status": "pending", "locations": [{"path": os.path.abspath(path)}]}  # fmt: skip
        self.update("tool_call", **call)
        if not self.permitted(call):
            self.update("tool_call_update", toolCallId=call["toolCallId"], status="failed")
            return
        if kind == "edit":
            Path(path).write_text(text + "\n")
        self.update("tool_call_update", toolCallId=call["toolCallId"], status="completed")

    def prompt(self, id_: object, text: str) -> None:
        stop = "end_turn"
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            first, _, second = rest.partition(" ")
            match word:
                case "say":
                    self.say(rest)
                case "write":
                    self.tool("edit", first, second)
                case "look":
                    self.tool("read", first)
                case "flood":
                    content = [
                        {"type": "content", "content": {"type": "text", "text": "x" * int(rest)}}
                    ]
                    self.update("tool_call", toolCallId="f", title="flood", content=content)
                case "noise":
                    sys.stdout.buffer.write(
                        b"a log line\n\xff\xfe\n[1, 2]\n" + b"[" * 100_000 + b"\n"
                    )
                case "ask-client":
                    self.say(str(self.ask("fs/read_text_file", {"path": "/x"})["error"]["code"]))
                case "usage":
                    sent, out = int(first), int(second)
                    self.usage = {
                        "inputTokens": sent,
                        "outputTokens": out,
                        "totalTokens": sent + out,
                    }
                case "fail":
                    send({"id": id_, "error": {"code": int(first), "message": second}})
                    return
                case "stop":
                    stop = rest
                case "child":
                    null = subprocess.DEVNULL
                    child = subprocess.Popen(["sleep", "600"], stdout=null, stderr=null)
                    self.say(f"child {child.pid}")
                case "hang":
                    self.say("hanging")
                    while receive().get("method") != "session/cancel":
                        pass
                    stop = "cancelled"
                case "stubborn":
                    sys.argv.append("stubborn")
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    self.say("stubborn")
                    signal.pause()
                case "die":
                    sys.stderr.write("dying as told\n")
                    sys.exit(int(rest))
                case "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
        self.remember(text)
        send({"id": id_, "result": {"stopReason": stop, "usage": self.usage or None}})

    def remember(self, text: str) -> None:
        kept = json.loads(STORE.read_text()) if STORE.exists() else {}
        kept.setdefault(self.session, []).append(text)
        STORE.write_text(json.dumps(kept))

    def answer(self, message: dict[str, Any]) -> None:
        id_, params = message.get("id"), message.get("params", {})
        result: dict[str, Any] = {}
        match message.get("method"):
            case "initialize":
                keeps = "--no-load" not in sys.argv
                version = 2 if "--version" in sys.argv else params["protocolVersion"]
                result = {"protocolVersion": version, "agentCapabilities": {"loadSession": keeps},
                          "agentInfo": {"name": "fake", "version": "1.0"}}  # fmt: skip
            case "session/new" | "session/load" if "--signed-out" in sys.argv:
                error = {"code": -32000, "message": "Authentication required"}
                send({"id": id_, "error": error})
                return
            case "session/new":
                self.session = f"fake-{os.getpid()}"
                option = {"id": "model", "category": "model", "type": "select",
                          "currentValue": "m1", "options": MODELS}  # fmt: skip
                result = {"sessionId": self.session, "modes": MODES, "configOptions": [option]}
            case "session/load":
                self.session = params["sessionId"]
                kept = json.loads(STORE.read_text()) if STORE.exists() else {}
                if self.session not in kept:
                    send({"id": id_, "error": {"code": -32603, "message": "Internal error"}})
                    return
                if "--late-past" in sys.argv:
                    send({"id": id_, "result": {"modes": MODES}})
                for text in kept[self.session]:
                    self.say(f"past: {text}")
                if "--late-past" in sys.argv:
                    return
                result = {"modes": MODES}
            case "session/set_mode" | "session/set_config_option":
                self.say(f"set {params.get('modeId') or params.get('value')}")
            case "session/prompt":
                self.prompt(id_, params["prompt"][0]["text"])
                return
            case "session/cancel":
                return
        send({"id": id_, "result": result})


if __name__ == "__main__":
    agent = Agent()
    while True:
        agent.answer(receive())
