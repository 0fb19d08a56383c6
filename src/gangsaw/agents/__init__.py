"""Agents: one module per coding program; launch specs out, output bytes in, notes out.

Rules: no I/O here, no process is started, no file opened (package data excepted). Only
`agents/<kind>.py` knows a given program. What an agent says of itself is a note, never proof.
"""

from __future__ import annotations

from gangsaw.agents.environment import allowed_environment
from gangsaw.agents.lines import plain_text
from gangsaw.agents.prompts import (
    LandedParent,
    continue_values,
    default_template,
    fix_values,
    render,
    resolve_values,
    task_values,
)
from gangsaw.agents.protocol import Adapter, Reader, TurnBrief
from gangsaw.agents.registry import KINDS, adapter_for, program_of

__all__ = [
    "KINDS",
    "Adapter",
    "LandedParent",
    "Reader",
    "TurnBrief",
    "adapter_for",
    "allowed_environment",
    "continue_values",
    "default_template",
    "fix_values",
    "plain_text",
    "program_of",
    "render",
    "resolve_values",
    "task_values",
]
