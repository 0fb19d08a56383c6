"""Abstract tools, said with what a request offers.

A step says `write` or `bash`; agents call their tools by many names and give the arguments many
names. Both are found in the request's own list; what else a tool requires is filled in from its
schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gangsaw.testing.models.wire import Asked, Call, Json, Tool

SHELL_NAMES = (
    *("Bash", "run_shell_command", "bash", "exec_command", "shell_command", "shell"),
    *("local_shell", "run_commands", "run_terminal_cmd", "execute_command"),
)
READ_NAMES = ("Read", "read_file", "read", "view")
WRITE_NAMES = ("Write", "write_file", "write", "create", "create_file", "write_to_file")
PATCH_NAME = "apply_patch"
PATH_NAMES = ("file_path", "filePath", "path", "filename", "target_file")
CONTENT_NAMES = ("content", "contents", "file_text", "text")
COMMAND_NAMES = ("command", "cmd", "script", "commands")
HERE = "SCRIPTED_EOF"
FINAL_WORD = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""An agent with nothing but a shell ends when a command prints this first."""

_WORKDIRS = (
    re.compile(r"<cwd>([^<]+)</cwd>"),
    re.compile(r"Workspace Directories:\**\s*-\s*([^\s<`]+)"),
    re.compile(r"[Ww]orking directory\**\s*:\s*([^\s<`]+)"),
    re.compile(r"working in the (?:following )?director(?:y|ies)\s*:\s*(?:-\s*)?([^\s<`]+)"),
    re.compile(r"\bcwd\s*[:=]\s*([^\s<`,}]+)"),
)
_FORMATS = {"SEARCH/REPLACE": "diff", "*file listing*": "whole"}


class NoTool(LookupError):
    """The request offers nothing that the step could be done with."""


def shell_of(asked: Asked) -> Tool | None:
    """The tool that runs commands, if the request offers one."""
    return _first(asked, SHELL_NAMES)


def works_in(asked: Asked) -> bool:
    """Whether the request offers tools for work: a shell or, where an agent may only look, one
    that reads files."""
    return _first(asked, (*SHELL_NAMES, *READ_NAMES)) is not None


def edit_format_of(asked: Asked) -> str:
    """How a request without tools wants its edits: `diff`, `whole`, or nothing of the kind."""
    return next((form for words, form in _FORMATS.items() if words in asked.system), "")


def _first(asked: Asked, names: Sequence[str]) -> Tool | None:
    offered = {tool.name: tool for tool in asked.tools}
    return next((offered[name] for name in names if name in offered), None)


def calls_of(step: Mapping[str, Any], asked: Asked, values: Mapping[str, str]) -> list[Call]:
    """The tool calls of a step. Raises `NoTool`."""
    calls: list[Call] = []
    if "write" in step:
        calls.append(_write(step["write"], asked, values.get("cwd") or workdir_of(asked)))
    if "apply_patch" in step:
        calls.append(_apply_patch(step["apply_patch"], asked))
    if "bash" in step:
        calls.append(_shell(step["bash"], asked))
    if "call" in step:
        calls.append(_named(step["call"], asked))
    if not calls and asked.tools and _ends_by_command(asked):
        said = step.get("say", "Done.")
        calls.append(_shell(f"echo {FINAL_WORD}; cat <<'{HERE}'\n{said}\n{HERE}", asked))
    return calls


def _ends_by_command(asked: Asked) -> bool:
    """Whether this is an agent that takes words alone for a mistake."""
    words = [asked.system, *(text for message in asked.messages for text in message.texts)]
    return len(asked.tools) == 1 and any(FINAL_WORD in text for text in words)


def _write(wanted: Mapping[str, str], asked: Asked, workdir: str) -> Call:
    """A file written by whatever writes files here: a tool of its own, a patch, or the shell."""
    path, content = wanted["path"], wanted["content"]
    whole = path if path.startswith("/") or not workdir else f"{workdir}/{path}"
    tool = _first(asked, WRITE_NAMES)
    if tool is not None and whole.startswith("/"):
        known = {_name_in(tool, PATH_NAMES): whole, _name_in(tool, CONTENT_NAMES): content}
        return Call(tool.name, _with_required(tool, known))
    if _first(asked, (PATCH_NAME,)) is not None:
        added = "".join(f"+{line}\n" for line in content.splitlines())
        return _apply_patch(f"*** Begin Patch\n*** Add File: {path}\n{added}*** End Patch", asked)
    tail = "" if content.endswith("\n") else "\n"
    return _shell(f"cat > '{whole}' <<'{HERE}'\n{content}{tail}{HERE}", asked)


def _apply_patch(patch: str, asked: Asked) -> Call:
    tool = _first(asked, (PATCH_NAME,))
    if tool is None:
        return _shell(f"apply_patch <<'{HERE}'\n{patch}\n{HERE}", asked)
    if tool.freeform:
        return Call(tool.name, patch)
    return Call(tool.name, _with_required(tool, {_name_in(tool, ("input", "patch")): patch}))


def _shell(command: str, asked: Asked) -> Call:
    tool = shell_of(asked)
    if tool is None:
        raise NoTool(f"the request offers no shell: {[one.name for one in asked.tools]}")
    name = _name_in(tool, COMMAND_NAMES)
    lists = tool.properties.get(name, {}).get("type") == "array"
    words: Any = command
    if lists:
        words = [command] if name == "commands" else ["bash", "-lc", command]
    return Call(tool.name, _with_required(tool, {name: words}))


def _named(wanted: Mapping[str, Any], asked: Asked) -> Call:
    """Any tool by name: the first one offered whose name is, or ends with, the one wanted; one
    that is not offered at all, if that is said."""
    name = wanted["name"]
    if wanted.get("unoffered"):
        return Call(name, dict(wanted.get("arguments", {})))
    offered = [tool for tool in asked.tools if tool.name == name]
    offered += [tool for tool in asked.tools if tool.name.endswith(name)]
    if not offered:
        raise NoTool(f"the request offers no {name!r}: {[one.name for one in asked.tools]}")
    given = wanted.get("arguments", {})
    return Call(offered[0].name, given if isinstance(given, str) else dict(given))


def _name_in(tool: Tool, names: Sequence[str]) -> str:
    return next((name for name in names if name in tool.properties), names[0])


def _with_required(tool: Tool, known: Json) -> Json:
    """The arguments with the further ones that the schema requires."""
    required = tool.schema.get("required")
    names = required if isinstance(required, list) else []
    more = {name: _sample(tool.properties.get(name, {})) for name in names if name not in known}
    return {**known, **more}


def _sample(schema: Mapping[str, Any]) -> Any:
    """A value of a schema: its default, its first choice, or the plainest of its type."""
    if "default" in schema:
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    plain: dict[str, Any] = {"boolean": False, "integer": 1, "number": 1, "array": [], "object": {}}
    return plain.get(str(schema.get("type", "string")).lower(), "scripted")


def workdir_of(asked: Asked) -> str:
    """The folder that the agent told the model it works in; empty if it told none."""
    told = [text for message in asked.messages for text in message.texts]
    for text in (asked.system, *reversed(told)):
        for pattern in _WORKDIRS:
            found = pattern.findall(text)
            if found:
                return str(found[-1]).strip().rstrip("\"'.,")
    return ""


def text_of(step: Mapping[str, Any], asked: Asked) -> str:
    """The whole answer to a request that offers no tools: `text` as it is, else the words and the
    `edit` (or the `write`) in the format that the request asks for."""
    if "text" in step:
        return str(step["text"])
    said = step.get("say", "")
    wanted = step.get("edit", step.get("write"))
    if not isinstance(wanted, Mapping):
        return said or "Done."
    path, content = wanted["path"], wanted["content"]
    if edit_format_of(asked) == "whole":
        return f"{said}\n\n{path}\n```\n{content}```\n"
    present = _shown_file(asked, path)
    return (
        f"{said}\n\n{path}\n```\n<<<<<<< SEARCH\n{present}=======\n{content}>>>>>>> REPLACE\n```\n"
    )


def _shown_file(asked: Asked, path: str) -> str:
    """What the request shows of a file, last of all; empty for one that it does not show."""
    pattern = re.compile(rf"(?:^|\n){re.escape(path)}\n```[^\n]*\n(.*?)```", re.DOTALL)
    told = [text for message in asked.messages if message.role == "user" for text in message.texts]
    found = [text for one in told for text in pattern.findall(one) if "<<<<<<<" not in text]
    return str(found[-1]) if found else ""
