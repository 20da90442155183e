"""From the items of an eval set to a reference: redacted, described, encoded, clustered."""

from collections.abc import Sequence

import numpy as np

from app.adapters.describe import describe
from app.core import clusters, reference
from app.core.fixedpoint import WORDING_SCALE, restore
from app.core.reference import Reference
from app.core.rows import Rows
from app.core.units import canonical
from app.core.watch import Bank
from app.errors import InputError
from app.ports import Encoder, MeaningEncoder
from schemas.evalsets import EvalItem


def build_reference(
    items: Sequence[EvalItem],
    *,
    encoder: Encoder,
    application: str = "*",
    seed: int = 0,
    meaning: MeaningEncoder | None = None,
    bank: Bank | None = None,
) -> Reference:
    """The eval-set reference; exact duplicates and what no eye can read are left out.

    Args: application, "*" for every one that has none of its own; meaning, clusters by the
    transformer instead of by wording; bank, whose watches are looked for in it.
    Cost: about 2 s at 1,000 items, 20 s more with `meaning`.
    Raises: InputError where fewer than reference.MINIMUM_UNITS items are usable.
    """
    rows, prompts = _usable(items, encoder)
    if len(rows) < reference.MINIMUM_UNITS:
        raise InputError(
            f"the eval set has {len(rows):,} usable items (of {len(items):,}, without exact duplicates and "
            f"unreadable texts); at least {reference.MINIMUM_UNITS} are needed, 500 or more are better"
        )
    labels = None
    if meaning is not None:
        vectors = meaning.encode(prompts).astype(np.float64)
        labels = clusters.partition(vectors, reference.cluster_count(len(rows)), seed=seed)
    return reference.build(
        rows,
        application=application,
        kind="evalset",
        fingerprint=encoder.fingerprint,
        seed=seed,
        labels=labels,
        bank=bank,
    )


def strata_of(
    items: Sequence[EvalItem], asked: Sequence[str], *, encoder: Encoder, seed: int = 0
) -> list[str | None]:
    """Cluster of each asked prompt, in the reference that the items become; None where they are too few.

    Cost: about 1 s at 1,000 items.
    """
    rows, _ = _usable(items, encoder)
    if len(rows) < reference.MINIMUM_UNITS:
        return [None] * len(asked)
    views = restore(rows.wording, WORDING_SCALE)
    labels = clusters.partition(views, reference.cluster_count(len(rows)), seed=seed)
    found = clusters.fit(views, rows.texts, labels=labels)
    encoded = encoder.encode(asked)
    at = found.assign(restore(encoded.wording, WORDING_SCALE))
    return [found.names[k] if readable else None for k, readable in zip(at, encoded.readable, strict=True)]


def _usable(items: Sequence[EvalItem], encoder: Encoder) -> tuple[Rows, list[str]]:
    """Distinct items that an eye can read, as rows, and their prompts."""
    distinct: dict[str, str] = {}
    for item in items:
        distinct.setdefault(canonical(item.prompt), item.prompt)
    prompts = list(distinct.values())
    encoded = encoder.encode(prompts)
    described = [describe(prompt) for prompt in prompts]
    rows = Rows(
        wording=encoded.wording,
        shape=encoded.shape,
        texts=tuple(d.text for d in described),
        languages=tuple(d.language for d in described),
        code=tuple(d.code for d in described),
        programming=tuple(d.programming for d in described),
        unknown=encoded.unknown,
        meaning=encoded.meaning,
    )
    kept = np.flatnonzero(encoded.readable).tolist()
    return rows.take(kept), [prompts[i] for i in kept]
