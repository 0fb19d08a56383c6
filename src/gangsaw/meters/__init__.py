"""Readings of the machine: values only, no decision."""

from gangsaw.meters.machine import Reading, read_machine

__all__ = ["Reading", "read_machine"]
