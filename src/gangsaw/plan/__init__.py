"""The files that users write: `plan.yaml` → `Plan`, `gangsaw.toml` → `Settings`.

Rules: every fault of a file is told at once, each with line, column and remedy; nothing of the
file is repeated at length. The room reads the plan, the prompt files it names and the repository's
roles, and does nothing else: no git, no processes, no clock. The YAML library is imported when YAML
is read, not before.
"""

from gangsaw.plan.complaint import Complaint
from gangsaw.plan.config import ConfigRead, Layer, load_settings, merge_config, read_config
from gangsaw.plan.ids import legal_id
from gangsaw.plan.picture import mermaid, picture, plan_json
from gangsaw.plan.reader import (
    PlanRead,
    WholeRead,
    read_plan,
    read_plan_file,
    read_tree,
    read_whole,
)
from gangsaw.plan.relations import serialised_pairs
from gangsaw.plan.roles import RolesRead, read_role, read_roles
from gangsaw.plan.schema import config_schema, plan_schema

__all__ = [
    "Complaint",
    "ConfigRead",
    "Layer",
    "PlanRead",
    "RolesRead",
    "WholeRead",
    "config_schema",
    "legal_id",
    "load_settings",
    "merge_config",
    "mermaid",
    "picture",
    "plan_json",
    "plan_schema",
    "read_config",
    "read_plan",
    "read_plan_file",
    "read_role",
    "read_roles",
    "read_tree",
    "read_whole",
    "serialised_pairs",
]
