"""From samples to a proposed version of the eval set: encoded alike, curated, with its coverage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from app.adapters.build import build_reference
from app.adapters.describe import describe
from app.adapters.redaction import redact
from app.adapters.samples import Kept
from app.core.curation import NothingToAsk, Prior, curate, version_id
from app.core.curation_pool import Pool, pool_of, tells_something
from app.core.curation_review import DROPPED
from app.core.curation_signals import Signals
from app.core.effect import Z95, wilson_limits
from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.reference import MINIMUM_UNITS, uncovered
from app.errors import InputError
from app.ports import Encoder
from schemas.evalsets import CuratedItem, EvalItem, Manifest, Plan, Retired
from schemas.readings import Uncovered

WRITTEN = 20_000  # characters of a prompt or an answer that a person wrote


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a version is built on: items, and whose they are; none at the very beginning."""

    version: str | None = None
    items: tuple[CuratedItem, ...] = ()
    retired: tuple[Retired, ...] = ()


def by_hand(items: Sequence[EvalItem]) -> Before:
    """An eval set that people wrote, as what a first version is built on.

    Raises: InputError where two items share an id.
    """
    out: dict[str, CuratedItem] = {}
    for item in items:
        if item.id in out:
            raise InputError(f"--previous: two items have the id {item.id!r}; give each its own")
        text = redact(item.prompt, limit=WRITTEN)
        described = describe(text)
        out[item.id] = CuratedItem(
            id=item.id,
            prompt=text,
            layer="core",
            cluster="",
            language=described.language,
            task=" ".join(["code", *filter(None, [described.programming])]) if described.code else "text",
            expected=None if item.expected is None else redact(item.expected, limit=WRITTEN),
            verified=item.expected is not None,
            category=item.category,
            stakes=item.stakes,
        )
    return Before(items=tuple(item for item in out.values() if tells_something(item.prompt)))


def propose(  # noqa: PLR0913  the parts of a version
    kept: Kept,
    plan: Plan,
    *,
    application: str,
    before: Before,
    signals: Signals,
    encoder: Encoder,
    seed: int,
) -> tuple[Manifest, tuple[CuratedItem, ...]]:
    """A version, proposed.  What a review dropped before is not proposed again.

    Cost: about 15 s at 10,000 samples.  Raises: InputError where no sample holds a question.
    """
    dropped = [r for r in before.retired if r.reason.startswith(DROPPED)]
    refused = {r.id for r in dropped}
    pool = pool_of(
        kept.samples,
        _vectors([s.text for s in kept.samples], encoder),
        plan,
        failures=signals.failures,
        expected=kept.responses,
    )
    wanted = [i for i, question in enumerate(pool.questions) if question.id not in refused]
    pool = Pool(tuple(pool.questions[i] for i in wanted), pool.vectors[wanted], pool.unusable)
    prior = Prior(before.items, _vectors([item.prompt for item in before.items], encoder))
    try:
        draft = curate(pool, plan, seed=seed, prior=prior)
    except NothingToAsk:
        raise InputError(
            f"no sample of {application!r} holds a question ({len(kept.samples):,} were read); check "
            "--application, and that traffic was measured"
        ) from None
    times = [sample.time for sample in kept.samples]
    manifest = Manifest(
        id=version_id(draft.items),
        application=application,
        plan=plan,
        seed=seed,
        items=len(draft.items),
        encoder=encoder.fingerprint,
        previous=before.version,
        samples=len(kept.samples),
        unusable=round(pool.unusable, 9),
        since=datetime.fromtimestamp(min(times), UTC),
        until=datetime.fromtimestamp(max(times), UTC),
        uncovered_before=_uncovered(before.items, pool, encoder, seed),
        uncovered_after=_uncovered(draft.items, pool, encoder, seed),
        scarce_before=draft.scarce[0],
        scarce_after=draft.scarce[1],
        strata=list(draft.strata),
        underfilled=list(draft.underfilled),
        retired=[*draft.retired, *dropped],
    )
    return manifest, draft.items


def as_eval_items(items: Sequence[CuratedItem]) -> list[EvalItem]:
    """Items as every reader of eval sets knows them."""
    return [
        EvalItem(id=i.id, prompt=i.prompt, expected=i.expected, category=i.category, stakes=i.stakes)
        for i in items
    ]


def _vectors(texts: Sequence[str], encoder: Encoder) -> Floats:
    return restore(encoder.encode(texts).wording, WORDING_SCALE)


def _uncovered(items: Sequence[CuratedItem], pool: Pool, encoder: Encoder, seed: int) -> Uncovered | None:
    """Share of live traffic that items do not cover, those that are in themselves aside.

    Wilson's interval at Kish's (1965) effective number of questions.  None where items are too few.
    """
    own = {item.id for item in items}
    others = [i for i, question in enumerate(pool.questions) if question.id not in own]
    if len(items) < MINIMUM_UNITS or not others:
        return None
    try:
        reference = build_reference(as_eval_items(items), encoder=encoder, seed=seed)
    except InputError:  # too few that an eye can read
        return None
    weights = np.array([pool.questions[i].weight for i in others])
    share = float(weights @ uncovered(reference, pool.vectors[others]) / weights.sum())
    low, high = wilson_limits(share, float(weights.sum() ** 2 / np.square(weights).sum()), Z95)
    return Uncovered(share=share, low=low, high=high)
