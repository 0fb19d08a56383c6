"""Policies: one question per file, each a pure function of state and time."""
