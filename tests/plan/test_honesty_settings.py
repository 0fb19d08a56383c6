"""The `[honesty]` table of the settings."""

from __future__ import annotations

import pytest

from gangsaw.core.honesty import Honesty
from gangsaw.plan.config import read_config


def rules_of(text: str) -> Honesty:
    read = read_config(text, "gangsaw.toml")
    assert read.settings is not None, read.errors
    return read.settings.limits.honesty


def test_without_the_table_the_defaults_hold() -> None:
    assert rules_of("") == Honesty()
    assert rules_of("[honesty]\n") == Honesty()


def test_what_it_says() -> None:
    text = """
[honesty]
outside_scope = "block"
binary = "off"
large_kb = 50
allow = ["docs/**: binary", "./a//b :any"]
"""
    assert rules_of(text) == Honesty(
        (("outside_scope", "block"), ("binary", "off")), 50,
        (("docs/**", "binary"), ("a/b", "any")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('secret = "maybe"', "must be one of off, warn, review, block"),
        ('secrets = "warn"', "unknown key"),
        ("large_kb = 0", "must be 1 or more"),
        ('allow = ["docs"]', "names no kind"),
        ('allow = ["docs: secrets"]', "no kind is called"),
        ('allow = ["/etc: any"]', "is not below the repository"),
    ],
)
def test_what_is_wrong_in_it_is_said_with_its_line(line: str, said: str) -> None:
    read = read_config(f"[honesty]\n{line}\n", "gangsaw.toml")
    assert read.settings is None
    assert said in read.errors[0].text
    assert read.errors[0].line == 2
