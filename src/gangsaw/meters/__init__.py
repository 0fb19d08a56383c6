"""Readings of the machine: values only, no decision."""

from gangsaw.meters.machine import Reading, disk_free_mb, read_machine

__all__ = ["Reading", "disk_free_mb", "read_machine"]
