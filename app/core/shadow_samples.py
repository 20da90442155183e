"""A sample as shadow scoring holds it: its exchange, what speaks for choosing it, what it may be held to."""

from collections.abc import Iterable, Mapping

import numpy as np
from msgspec import Struct

from app.core.curation_pool import item_id, stakes_of, tells_something
from app.core.fixedpoint import SCALES, Floats, restore, unpack
from app.core.places import lies_in
from app.core.reference import Reference, uncovered
from app.core.sampling import References
from app.core.scorers.nearest import Nearest
from app.core.selection import stratum_of
from schemas.evalsets import EvalItem, Stake
from schemas.readings import Place, Reading
from schemas.ticks import Sample

REDACTED, UNANSWERED = "nothing is left after redaction", "there was no response"


class Held(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sample with its exchange.  `item` is the eval item that it asks, `near` one that is like it."""

    id: str
    application: str
    time: float
    inclusion: float  # of the exchange; of a window that was too full, smaller
    reason: str  # why it is worth a score
    prompt: str
    response: str | None = None
    prompt_cut: bool = False
    response_cut: bool = False
    leaks: bool | None = None
    language: str | None = None
    finish_reason: str | None = None
    turns: int | None = None
    stratum: str | None = None  # cluster of the eval set; None: not covered, or no eval set
    item: str | None = None
    near: str | None = None
    evalset: str | None = None  # version that both are of
    deployment_id: str | None = None
    variant: str | None = None
    model: str | None = None

    @property
    def problem(self) -> str | None:
        """Why nobody can score the response; None where somebody can."""
        if self.response is None:
            return UNANSWERED
        if not tells_something(self.prompt) or (self.response.strip() and not tells_something(self.response)):
            return REDACTED
        return None

    @property
    def may_be_asked(self) -> bool:
        """Whether another model can be asked the same: the whole prompt is here, and nothing came before."""
        return tells_something(self.prompt) and not self.prompt_cut and (self.turns or 1) <= 1


class Expected:
    """Items of an eval set that have an expected answer: by id, by their words, by likeness.

    Args: version, of the set; nearest, in the order of `items`, None where their vectors are not known.
    """

    def __init__(self, version: str, items: Iterable[EvalItem], nearest: Nearest | None = None) -> None:
        self.version = version
        self.items: Mapping[str, EvalItem] = {item.id: item for item in items}
        self._order = tuple(self.items)
        self._by_words = {item_id(item.prompt): item.id for item in self.items.values()}
        self.nearest = nearest

    def asked(self, prompt: str, named: str | None) -> str | None:
        """The item that an interaction names, else the one of the same words."""
        return named if named in self.items else self._by_words.get(item_id(prompt))

    def near(self, wording: Floats) -> str | None:
        """The item that is near enough to speak for a prompt, by its unit vector (d,)."""
        at = None if self.nearest is None else self.nearest.find(wording)
        return None if at is None else self._order[at]

    def likeness(self, item: str, response: Floats) -> float | None:
        """Cosine of a response (d,) and the expected answer of an item, in [0, 1]."""
        if self.nearest is None or item not in self.items:
            return None
        return self.nearest.likeness(self._order.index(item), response)


NOTHING_EXPECTED = Expected("", ())


def held_of(
    sample: Sample,
    *,
    known: References,
    places: Iterable[Place] = (),
    stakes: Iterable[Stake] = (),
    expected: Expected = NOTHING_EXPECTED,
) -> Held | None:
    """The sample as it is held; None where it carries no exchange.

    Args: known, the references of its application; places, of what grew, or the eval set hardly has.
    Cost: a product of one row with the eval set's spectrum.
    """
    said = sample.exchange
    if said is None:
        return None
    row = unpack(sample.wording, "<i2").astype(np.int16)
    wording = restore(row, SCALES["wording"])
    evalset = _fitting(known.evalset, wording)
    outside = evalset is not None and bool(uncovered(evalset, wording[None])[0])
    reason = stratum_of(
        sample,
        drifted=lies_in(places, row),
        high_stakes=bool(stakes_of(said.prompt, sample.segments, stakes)),
        uncovered=outside,
    )
    return Held(
        id=sample.id,
        application=sample.application,
        time=sample.time,
        inclusion=said.inclusion,
        reason=reason,
        prompt=said.prompt,
        response=said.response,
        prompt_cut=said.prompt_cut,
        response_cut=said.response_cut,
        leaks=said.leaks,
        language=sample.language,
        finish_reason=said.finish_reason,
        turns=said.turns,
        stratum=None if evalset is None or outside else _cluster(evalset, wording),
        item=expected.asked(said.prompt, said.item_id),
        near=expected.near(wording),
        evalset=expected.version or None,
        deployment_id=sample.deployment_id,
        variant=sample.variant,
        model=sample.model,
    )


def places_of(reading: Reading) -> list[Place] | None:
    """Where it says that something grew, or the eval set has hardly anything; None: it says neither.

    Raised by an episode of the monitor `change`, and gone with it; by each look at the gap.
    """
    if reading.segment is not None:
        return None
    if reading.monitor == "gap":
        return None if reading.scarce is None else reading.scarce.places
    if reading.monitor != "change":
        return None
    return reading.places if reading.state in ("pending", "alarm") else []


def _fitting(reference: Reference | None, wording: Floats) -> Reference | None:
    """The reference, unless the sample was seen by another encoder."""
    if reference is None or reference.rows.wording.shape[1] != wording.shape[0]:
        return None
    return reference


def _cluster(reference: Reference, wording: Floats) -> str:
    return reference.clusters.names[int(reference.clusters.assign(wording[None])[0])]
