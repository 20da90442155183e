"""What a reviewer decides of a proposed version: items dropped, mended, answered."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from app.core.curation import version_id
from app.core.curation_pool import tells_something
from schemas.evalsets import CuratedItem, Manifest, Retired, Shortfall

DROPPED = "dropped in review"
Cell = tuple[str, str | None, str]


class BadDecision(ValueError):
    """A decision cannot be carried out; the message names item, field and remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a reviewer says of one item; texts are as he leaves them."""

    keep: bool
    reason: str = ""
    prompt: str
    expected: str | None = None
    verified: bool = False


def reviewed(
    manifest: Manifest, items: Sequence[CuratedItem], decisions: Mapping[str, Decision]
) -> tuple[Manifest, tuple[CuratedItem, ...]]:
    """The version that a review makes of a draft; an item without a decision stays as it is.

    What a dropped item stood for goes to the others of its stratum; a stratum worth a slot that has none left
    is underfilled, and so is a high-stakes stratum below its floor.
    Raises: BadDecision.
    """
    known = {item.id for item in items}
    foreign = sorted(set(decisions) - known)
    if foreign:
        remedy = "name the version that was reviewed, or take the line out"
        raise BadDecision(f"{foreign[0]}: is no item of {manifest.id}; {remedy}")
    kept = [_mended(item, decisions.get(item.id)) for item in items if _stays(decisions.get(item.id))]
    gone = [item for item in items if not _stays(decisions.get(item.id))]
    if not any(item.layer == "core" for item in kept):
        raise BadDecision("every item of the core is dropped; nothing would be left")
    whole = _reweighed(kept, gone) if gone else tuple(kept)
    retired = [
        Retired(id=item.id, reason=f"{DROPPED}: {decisions[item.id].reason or 'no reason given'}")
        for item in gone
    ]
    return (
        msgspec.structs.replace(
            manifest,
            id=version_id(whole),
            draft=manifest.id,
            items=len(whole),
            underfilled=_underfilled(manifest, whole, gone),
            retired=[*manifest.retired, *retired],
        ),
        whole,
    )


def _stays(decision: Decision | None) -> bool:
    return decision is None or decision.keep


def _mended(item: CuratedItem, decision: Decision | None) -> CuratedItem:
    if decision is None:
        return item
    if not tells_something(decision.prompt):
        raise BadDecision(f"{item.id}: prompt: nothing is left of it; write one, or drop the item")
    if decision.verified and not decision.expected:
        raise BadDecision(f"{item.id}: verified: there is no expected answer; write one, or set it to false")
    return msgspec.structs.replace(
        item,
        prompt=decision.prompt,
        cut=item.cut and decision.prompt == item.prompt,
        expected=decision.expected or None,
        verified=decision.verified,
    )


def _cell(item: CuratedItem) -> Cell:
    return item.cluster, item.language, item.task


def _reweighed(kept: Sequence[CuratedItem], gone: Sequence[CuratedItem]) -> tuple[CuratedItem, ...]:
    held, lost = defaultdict[Cell, float](float), defaultdict[Cell, float](float)
    for items, sums in ((kept, held), (gone, lost)):
        for item in items:
            sums[_cell(item)] += item.weight or 0.0
    factors = {cell: 1 + lost[cell] / weight for cell, weight in held.items() if weight}
    total = sum(factors[cell] * weight for cell, weight in held.items() if weight)
    return tuple(
        item
        if item.weight is None
        else msgspec.structs.replace(item, weight=round(item.weight * factors[_cell(item)] / total, 12))
        for item in kept
    )


def _underfilled(
    manifest: Manifest, items: Sequence[CuratedItem], gone: Sequence[CuratedItem]
) -> list[Shortfall]:
    """Those that were so before and still are, and those that the review emptied."""
    out = [s for s in manifest.underfilled if not s.name.startswith("stakes: ")]
    for stake in manifest.plan.stakes:
        found = sum(f"stakes: {stake.name}" in item.reasons for item in items)
        if found < stake.items:
            out.append(Shortfall(name=f"stakes: {stake.name}", wanted=stake.items, found=found))
    left = {_cell(item) for item in items if item.layer == "core"}
    emptied = {_cell(item) for item in gone if item.layer == "core"} - left
    for stratum in manifest.strata:
        wanted = round(stratum.share * manifest.plan.size)
        if wanted >= 1 and (stratum.cluster, stratum.language, stratum.task) in emptied:
            name = " / ".join(filter(None, (stratum.cluster, stratum.language, stratum.task)))
            out.append(Shortfall(name=name, wanted=wanted, found=0))
    return out
