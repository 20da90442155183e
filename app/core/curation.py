"""The living eval set: a core that stands for live traffic, and a tail of what matters more than its share.

A function of pool, plan, seed and the version before, and of nothing else: equal inputs give an equal set.
What is live is in `curation_pool`, how the core is drawn in `curation_draw`, the tail in `curation_tail`.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any

import msgspec
import numpy as np

from app.core import clusters
from app.core.curation_draw import Cell, draw, order_of
from app.core.curation_pool import Pool, Question, leaders_of, rank, stakes_of
from app.core.curation_tail import Floor, Offer, top_up
from app.core.fixedpoint import Floats
from app.core.reference import cluster_count
from schemas.evalsets import CuratedItem, Layer, Plan, Retired, Shortfall, Stratum

SCARCE = 0.1  # of its live share: a cluster of which the version before had less is novel to it

MOST_FAILURES = 20  # categories topped up, the most frequent: their names come from outside


class NothingToAsk(ValueError):
    """No sample holds a question."""


@dataclass(frozen=True, slots=True)
class Prior:
    """The n items of the version before and their unit vectors, shape (n, d)."""

    items: tuple[CuratedItem, ...]
    vectors: Floats


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed version: items by id, what they stand for, what is missing, what went.

    `scarce`: share of live traffic in clusters of which the version before (None: there was none), and this
    one, have hardly anything.  A dense new subject is no outlier: the uncovered share need not show it.
    """

    items: tuple[CuratedItem, ...]
    strata: tuple[Stratum, ...]
    underfilled: tuple[Shortfall, ...]
    retired: tuple[Retired, ...]
    scarce: tuple[float | None, float]


def curate(pool: Pool, plan: Plan, *, seed: int, prior: Prior | None = None) -> Draft:
    """Propose a version.  Cost: about 10 s at 10,000 questions.  Raises: NothingToAsk."""
    if not pool.questions:
        raise NothingToAsk("no sample holds a question")
    before = prior or Prior((), np.zeros((0, pool.vectors.shape[1])))
    distinct, twins = _met(pool, before)
    return _Curation(distinct, plan, seed=seed, prior=before, twins=twins).draft()


def version_id(items: Sequence[CuratedItem]) -> str:
    """Identity of a version: a hash of its items."""
    digest = hashlib.blake2b(digest_size=8)
    for item in sorted(items, key=lambda item: item.id):
        digest.update(msgspec.json.encode(item) + b"\n")
    return f"evalset-{digest.hexdigest()}"


class _Curation:
    """One build.  Questions are numbered: those of the version before first, then those of the pool."""

    def __init__(self, pool: Pool, plan: Plan, *, seed: int, prior: Prior, twins: Mapping[int, int]) -> None:
        self.pool, self.plan, self.seed, self.prior = pool, plan, seed, prior
        self.old = len(prior.items)
        self.weights = np.array([q.weight for q in pool.questions])
        self.total = float(self.weights.sum())
        texts = [q.text for q in pool.questions]
        labels = clusters.partition(pool.vectors, cluster_count(len(texts)), seed=seed)
        found = clusters.fit(pool.vectors, texts, labels=labels)
        names = [found.names[k] for k in found.assign(pool.vectors)]
        before = [found.names[k] for k in found.assign(prior.vectors)] if self.old else []
        self.cells: list[Cell] = [
            *((name, item.language, item.task) for name, item in zip(before, prior.items, strict=True)),
            *((name, q.language, q.task) for name, q in zip(names, pool.questions, strict=True)),
        ]
        self.live = defaultdict[str, float](float)
        for name, weight in zip(names, self.weights, strict=True):
            self.live[name] += float(weight) / self.total
        counted = {name: count / len(before) for name, count in Counter(before).items()}
        self.novel = self._scarce(counted) if before else set()
        self.twins = {self.old + i: twin for i, twin in twins.items()}
        self.reasons = self._reasons()

    def _scarce(self, held: Mapping[str, float]) -> set[str]:
        """Clusters worth a slot of which a set with these shares has hardly anything."""
        slot = 1 / self.plan.size
        return {n for n, share in self.live.items() if share >= slot and held.get(n, 0.0) < SCARCE * share}

    def _reasons(self) -> list[set[str]]:
        named = {f"stakes: {stake.name}" for stake in self.plan.stakes}
        out: list[set[str]] = []
        for item in self.prior.items:
            told = {r for r in item.reasons if r in named or r.startswith("failure: ")}
            own = {f"stakes: {item.stakes}"} & named
            out.append(told | own | set(stakes_of(item.prompt, (), self.plan.stakes)))
        out += [set(question.reasons) for question in self.pool.questions]
        for i, cell in enumerate(self.cells):
            if cell[0] in self.novel:
                out[i].add(f"novel: {cell[0]}")
        for i, twin in self.twins.items():  # what is learned of a question that the set holds already
            out[twin] |= out[i]
        return out

    def draft(self) -> Draft:
        """Core, then tail, then the accounts."""
        order = order_of(self.cells[self.old :], self.pool.questions, self.seed)
        picks = draw(self.weights, order, slots=self.plan.size, seed=self.seed)
        shares = {self.old + i: share for i, share in picks.items()}
        anchors = self._anchors(shares)
        core = {anchors.get(i, i): (share, self.cells[i]) for i, share in shares.items()}
        tail, short = top_up(
            self._floors(),
            [sorted(reasons) for reasons in self.reasons],
            core=list(core),
            offer=Offer(
                [p for p in self._by_rank() if p not in core],
                [i for i in (self.old + k for k in order) if i not in core and i not in self.twins],
                self.plan.keep,
            ),
            seed=self.seed,
        )
        if len(core) < self.plan.size:
            short = [Shortfall(name="core", wanted=self.plan.size, found=len(core)), *short]
        items = [self._item(i, "core", cell, share) for i, (share, cell) in core.items()]
        items += [self._item(i, "tail", self.cells[i], None) for i in tail]
        return Draft(
            tuple(sorted(items, key=lambda item: item.id)),
            tuple(self._strata(core)),
            tuple(short),
            tuple(self._retired({*core, *tail}, {cell for _, cell in core.values()})),
            self._left_out(core),
        )

    def _left_out(self, core: Mapping[int, tuple[float, Cell]]) -> tuple[float | None, float]:
        """Share of live traffic in clusters that the version before, and this one, hardly have."""
        held = defaultdict[str, float](float)
        for share, cell in core.values():
            held[cell[0]] += share
        before, after = (sum(self.live[n] for n in names) for names in (self.novel, self._scarce(held)))
        return (round(min(before, 1.0), 9) if self.old else None), round(min(after, 1.0), 9)

    def _by_rank(self) -> list[int]:
        """Items of the version before, verified ones first, in an order that stays the same over versions."""
        items = self.prior.items
        return sorted(range(self.old), key=lambda p: (not items[p].verified, rank(items[p].id, self.seed)))

    def _anchors(self, shares: Mapping[int, float]) -> dict[int, int]:
        """Drawn question -> the item of the version before that takes its place, in the same stratum.

        Always where it is the same question, else up to the share that the plan keeps.
        """
        out = {i: self.twins[i] for i in shares if i in self.twins}
        used, carry = set(out.values()), 0.0
        spare: dict[Cell, list[int]] = {}
        for p in self._by_rank():
            if p not in used:
                spare.setdefault(self.cells[p], []).append(p)
        slot = min(shares.values()) * (1 + 1e-9)
        members: dict[Cell, list[int]] = {}
        for i in sorted(shares, key=lambda i: (str(self.cells[i]), rank(self._question(i).id, self.seed))):
            members.setdefault(self.cells[i], []).append(i)
        for cell, drawn in members.items():
            carry += self.plan.keep * len(drawn) - sum(i in out for i in drawn)
            free = [i for i in drawn if i not in out and shares[i] <= slot]
            pairs = list(zip(free, spare.get(cell, ()), strict=False))[: max(floor(carry), 0)]
            out |= dict(pairs)
            carry -= len(pairs)
        return out

    def _floors(self) -> list[Floor]:
        stakes = [Floor(f"stakes: {s.name}", s.items, firm=True) for s in self.plan.stakes]
        told = Counter(reason for reasons in self.reasons for reason in sorted(reasons))
        failed = sorted((r for r in told if r.startswith("failure: ")), key=lambda r: (-told[r], r))
        failures = [Floor(r, self.plan.failures, firm=False) for r in failed[:MOST_FAILURES]]
        novel = [Floor(f"novel: {name}", self.plan.novel, firm=False) for name in sorted(self.novel)]
        return [*stakes, *failures, *novel]

    def _question(self, i: int) -> Question:
        return self.pool.questions[i - self.old]

    def _item(self, i: int, layer: Layer, cell: Cell, share: float | None) -> CuratedItem:
        placed: dict[str, Any] = dict(zip(("cluster", "language", "task"), cell, strict=True))
        placed |= {"layer": layer, "reasons": sorted(self.reasons[i])}
        placed["weight"] = None if share is None else round(share, 12)
        if i < self.old:
            return msgspec.structs.replace(self.prior.items[i], anchor=True, **placed)
        question = self._question(i)
        return CuratedItem(
            id=question.id,
            prompt=question.text,
            cut=question.cut,
            interaction_id=question.interaction_id,
            expected=question.expected,
            **placed,
        )

    def _strata(self, core: Mapping[int, tuple[float, Cell]]) -> list[Stratum]:
        live, held = defaultdict[Cell, float](float), defaultdict[Cell, float](float)
        counted = Counter[Cell]()
        for cell, weight in zip(self.cells[self.old :], self.weights, strict=True):
            live[cell] += float(weight) / self.total
        for share, cell in core.values():
            held[cell] += share
            counted[cell] += 1
        return [
            Stratum(
                cluster=cell[0],
                language=cell[1],
                task=cell[2],
                share=round(share, 9),
                weight=round(held[cell], 9),
                items=counted[cell],
            )
            for cell, share in sorted(live.items(), key=lambda each: (-each[1], str(each[0])))
        ]

    def _retired(self, kept: set[int], represented: set[Cell]) -> list[Retired]:
        live = set(self.cells[self.old :])
        out = []
        for p in range(self.old):
            if p in kept:
                continue
            cell = self.cells[p]
            stratum = " / ".join(filter(None, cell))
            if cell not in live:
                reason = f"no live traffic in its stratum: {stratum}"
            elif cell not in represented:
                reason = f"its stratum is smaller than a slot: {stratum}"
            else:
                reason = f"made room for newer questions of its stratum: {stratum}"
            out.append(Retired(id=self.prior.items[p].id, reason=reason))
        return out


def _met(pool: Pool, prior: Prior) -> tuple[Pool, dict[int, int]]:
    """The pool with at most one question for each item of the version before; question -> that item."""
    old = len(prior.items)
    if not old:
        return pool, {}
    texts = [*(item.prompt for item in prior.items), *(q.text for q in pool.questions)]
    alike = leaders_of(texts, np.concatenate([prior.vectors, pool.vectors]))[old:]
    places = {item.id: p for p, item in enumerate(prior.items)}  # mended, it keeps the id of its question
    repeats = [places.get(q.id, twin) for q, twin in zip(pool.questions, alike, strict=True)]
    first = {twin: i for i, twin in reversed(list(enumerate(repeats))) if twin < old}
    weights, reasons = defaultdict[int, float](float), {i: set[str]() for i in first.values()}
    for question, twin in zip(pool.questions, repeats, strict=True):
        if twin < old:
            weights[first[twin]] += question.weight
            reasons[first[twin]] |= set(question.reasons)
    kept = [i for i, twin in enumerate(repeats) if twin >= old or first[twin] == i]
    questions = tuple(
        replace(pool.questions[i], weight=weights[i], reasons=tuple(sorted(reasons[i])))
        if i in reasons
        else pool.questions[i]
        for i in kept
    )
    twins = {place: repeats[i] for place, i in enumerate(kept) if i in reasons}
    return Pool(questions, pool.vectors[kept], pool.unusable), twins
