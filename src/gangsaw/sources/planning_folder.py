"""The files that a planning agent leaves, each read for what it is, and which issues there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gangsaw.sources.lines import LineNumbers
from gangsaw.sources.planning_contracts import Block, blocks_of
from gangsaw.sources.planning_merging import Tier, tiers_in
from gangsaw.sources.planning_order import Order, order_in
from gangsaw.sources.planning_owners import Owned, Unowned, owners_in
from gangsaw.sources.planning_sections import Part, Sections, sections_of
from gangsaw.sources.protocol import About, Document, Remark

PLAN, GRAPH, OWNERS, POINTS, MERGING, CONTRACTS = (
    "plan", "graph", "owners", "points", "merging", "contracts",
)  # fmt: skip

NAMES = {
    PLAN: "implementation-plan.md",
    GRAPH: "dependency-graph.md",
    CONTRACTS: "contracts.ts",
    OWNERS: "file-ownership.md",
    POINTS: "verification-checklist.md",
    MERGING: "integration-plan.md",
}
"""What the files are called; `_` may stand for `-`, and large letters for small ones."""

_CONTRACT = re.compile(r"contracts?(?:\.d)?\.[a-z0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Text:
    """One file: its number, what it is, and what it says."""

    number: int
    role: str
    name: str
    path: str
    sections: Sections | None = None
    order: Order | None = None
    owners: tuple[Owned | Unowned, ...] = ()
    tiers: tuple[Tier, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(slots=True)
class Folder:
    """All files, and where each issue is first told of, in the order in which they are run."""

    texts: list[Text]
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def of(self, *roles: str) -> Iterator[Text]:
        """The files that are this, in order of the roles."""
        for role in roles:
            yield from (text for text in self.texts if text.role == role)

    def parts(self, key: str, *roles: str) -> Iterator[tuple[Text, Part]]:
        """What files of these roles say about an issue."""
        for text in self.of(*roles):
            if text.sections is not None and key in text.sections.parts:
                yield text, text.sections.parts[key]

    def where(self, text: Text, line: int) -> str:
        """A place for a sentence."""
        return f"{text.name}:{line}"


def role_of(path: str) -> str:
    """What a file is by its name; empty where that says nothing."""
    name = re.split(r"[/\\]", path)[-1].lower().replace("_", "-").replace(" ", "-")
    if _CONTRACT.fullmatch(name):
        return CONTRACTS
    return next((role for role, known in NAMES.items() if name == known), "")


def folder_of(documents: Sequence[Document]) -> Folder:
    """The files taken in, and the issues that there are."""
    folder = Folder([_text(document, n) for n, document in enumerate(documents)])
    for n, document in enumerate(documents):
        _torn(folder, document, n)
    for text in folder.of(PLAN):
        _planned(folder, text)
    for text in folder.of(POINTS):
        _checked(folder, text)
    if not folder.places:
        for text in folder.of(GRAPH, OWNERS, MERGING):
            _named(folder, text)
    return folder


def _torn(folder: Folder, document: Document, n: int) -> None:
    """Tell of marks that a merge has left: nobody knows which side is meant."""
    torn = re.search(r"^(?:<{7}|>{7}) ", document.text, re.MULTILINE)
    if torn is not None:
        line = LineNumbers(document.text).of(torn.start())
        said = "a merge has left its marks"
        folder.remarks.append(Remark(About.FAULT, line, said, "resolve it", document=n))


def _text(document: Document, n: int) -> Text:
    said = document.text
    role = role_of(document.path) or PLAN
    name = re.split(r"[/\\]", document.path)[-1]
    if role == PLAN:
        sections, order = sections_of(said), order_in(said, n, is_graph=False)
        owners = tuple(owners_in(said, lists=False))
        return Text(n, role, name, document.path, sections, order, owners)
    if role == GRAPH:
        sections, order = sections_of(said), order_in(said, n, is_graph=True)
        return Text(n, role, name, document.path, sections, order)
    if role == OWNERS:
        owners = tuple(owners_in(said, lists=True))
        return Text(n, role, name, document.path, owners=owners)
    if role == POINTS:
        return Text(n, role, name, document.path, sections_of(said, is_checklist=True))
    if role == MERGING:
        sections, tiers = sections_of(said, is_checklist=True), tuple(tiers_in(said))
        return Text(n, role, name, document.path, sections, tiers=tiers)
    return Text(n, role, name, document.path, blocks=tuple(blocks_of(said)))


def _planned(folder: Folder, text: Text) -> None:
    """The issues of an implementation plan: those with a part of their own, and those that it
    names in its phases."""
    assert text.sections is not None
    assert text.order is not None
    found = {key: part.line for key, part in text.sections.parts.items()}
    for group in text.order.groups:
        found |= {key: line for key, line in group.keys.items() if key not in found}
    for key, line in sorted(found.items(), key=lambda each: each[1]):
        folder.places.setdefault(key, (text.number, line))


def _checked(folder: Folder, text: Text) -> None:
    """The issues of a check list, as far as the plan (if there is one) knows of them."""
    assert text.sections is not None
    plans = [plan for plan in folder.of(PLAN) if plan.sections is not None]
    known = {key for plan in plans if plan.sections for key in plan.sections.mentioned}
    for key, part in text.sections.parts.items():
        if known and key not in known:
            said = f"{plans[0].name} does not name {key}; what is said of it here is not read"
            remedy = f"put {key} into {plans[0].name}, or take it out here"
            folder.remarks.append(
                Remark(About.UNREAD, part.line, said, remedy, document=text.number)
            )
        else:
            folder.places.setdefault(key, (text.number, part.line))


def _named(folder: Folder, text: Text) -> None:
    """All issues that a file names, where neither a plan nor a check list says what there is."""
    found: dict[str, int] = {}
    if text.sections is not None:
        found |= {key: part.line for key, part in text.sections.parts.items()}
    if text.order is not None:
        for pair in text.order.pairs:
            found.setdefault(pair.need, pair.line)
            found.setdefault(pair.key, pair.line)
        for group in text.order.groups:
            found |= {key: line for key, line in group.keys.items() if key not in found}
    for owned in text.owners:
        if isinstance(owned, Owned):
            found |= {key: owned.line for key in owned.keys if key not in found}
    for tier in text.tiers:
        found |= {key: tier.line for key in tier.keys if key not in found}
    for key, line in found.items():
        folder.places.setdefault(key, (text.number, line))
