"""Agents: one module per coding program; launch specs out, output bytes in, notes out.

Rules: no I/O here, no process is started, no file opened (package data and adapters that are not
shipped excepted). Only `agents/<kind>.py` knows a given program. What an agent says of itself is a
note, never proof.
"""

from __future__ import annotations

from gangsaw.agents.environment import allowed_environment
from gangsaw.agents.guides import guides_for
from gangsaw.agents.lines import plain_text
from gangsaw.agents.marks import port_variables
from gangsaw.agents.prompts import (
    TESTS_ONLY,
    VARIABLES,
    LandedParent,
    concerns_values,
    continue_values,
    default_template,
    fenced,
    findings_values,
    fix_values,
    pending_text,
    render,
    resolve_values,
    review_values,
    task_values,
    with_role,
)
from gangsaw.agents.protocol import Adapter, Reader, TurnBrief
from gangsaw.agents.registry import KINDS, adapter_for, program_of
from gangsaw.agents.talk import COMMANDS, messages_text

__all__ = [
    "COMMANDS",
    "KINDS",
    "TESTS_ONLY",
    "VARIABLES",
    "Adapter",
    "LandedParent",
    "Reader",
    "TurnBrief",
    "adapter_for",
    "allowed_environment",
    "concerns_values",
    "continue_values",
    "default_template",
    "fenced",
    "findings_values",
    "fix_values",
    "guides_for",
    "messages_text",
    "pending_text",
    "plain_text",
    "port_variables",
    "program_of",
    "render",
    "resolve_values",
    "review_values",
    "task_values",
    "with_role",
]
