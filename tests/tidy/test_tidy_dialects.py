"""Each dialect is known to its own module and to the registry, and to nobody else."""

from __future__ import annotations

from gangsaw.sources import NAMES
from tests.tidy.sources import imports, modules

ROOM = "gangsaw.sources"


def family(name: str) -> str | None:
    """The dialect that a module of the room belongs to: `speckit_words` is `speckit`'s."""
    short = name.removeprefix(f"{ROOM}.")
    return next((each for each in NAMES if short == each or short.startswith(f"{each}_")), None)


def test_only_its_own_modules_know_a_dialect() -> None:
    strangers = {
        f"{module.name} imports {name}"
        for module in modules()
        for name in imports(module)
        if name.startswith(f"{ROOM}.")
        and (dialect := family(".".join(name.split(".")[:3]))) is not None
        and family(module.name) != dialect
    }
    assert not strangers


def test_every_dialect_answers_by_its_name() -> None:
    from gangsaw.sources import dialects

    assert [each.name for each in dialects()] == list(NAMES)
    assert all(each.about and each.homes for each in dialects())
