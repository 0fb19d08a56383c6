"""Readings of the machine and of what process trees use: values only, no decision."""

from gangsaw.meters.machine import (
    Disk,
    ProcessorTime,
    Reading,
    core_count,
    disk_free_mb,
    read_disk,
    read_machine,
)
from gangsaw.meters.pressure import Stall, Stalls
from gangsaw.meters.trees import Process, Root, Survey, Tree, exact, survey

__all__ = [
    "Disk",
    "Process",
    "ProcessorTime",
    "Reading",
    "Root",
    "Stall",
    "Stalls",
    "Survey",
    "Tree",
    "core_count",
    "disk_free_mb",
    "exact",
    "read_disk",
    "read_machine",
    "survey",
]
