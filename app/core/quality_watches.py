"""Judges on gold items and models on probes: who no longer answers as before is named.

Both are the e-detector of `judging`.  Of a probe the first three scores make its usual one; what is watched
then is how near to it the next ones come, so that any move counts, also one that leaves the mean as it was.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.core.judging import GoldWatch, agreement
from app.core.quality_rows import Grade
from app.core.reporting import when
from schemas.quality import Watched

MOST_WATCHES, MOST_ITEMS, MOST_SEEN = 16, 512, 8192
USUAL = 3  # scores of a probe that make its usual one
LATELY = 0.05  # weight of an answer in the mean of the last ones
SLACK = 0.05  # agreement may be so much below its promise until something is thought to have begun
PROBE_RUN_LENGTH = 100_000.0  # answers to a false flag: 20 probes an hour in seven months
PROBE_LEARNED = 60  # answers that make the promise: three passes of 20 probes
PROBE_GIVEN = 3.0  # standard errors: probes are asked without end, so what was estimated must not be a loss


class Watch(msgspec.Struct):
    """One judge under one fingerprint, or one model on one metric."""

    name: str
    metric: str | None
    gold: GoldWatch
    answers: int = 0
    now: float | None = None
    slump: float = 0.0  # sum of what agreement fell short of the promise (Page, 1954); 0: nothing has begun
    calm_at: float | None = None  # the last moment at which nothing had begun
    moved_at: float | None = None
    flagged_at: float | None = None
    last: float = 0.0
    fresh: int = 0  # since the last reading
    told_at: float = float("-inf")
    deployment: str | None = None  # of the last answer
    before: str | None = None  # of the last answer while it was calm
    items: dict[str, tuple[int, float]] = {}  # probe -> scores and their sum, until it has its usual one

    def update(self, agreed: float, row: Grade) -> None:
        """One answer came back."""
        self.gold.update(agreed)
        self.answers += 1
        self.now = agreed if self.now is None else (1 - LATELY) * self.now + LATELY * agreed
        promised = self.gold.agreement
        short = 0.0 if promised is None else promised.value - SLACK - agreed
        self.slump = max(self.slump + short, 0.0)
        if self.slump == 0.0 and self.flagged_at is None:
            self.calm_at, self.before = row.at, row.deployment_id
        self.deployment = row.deployment_id
        if self.gold.flagged and self.flagged_at is None:
            self.flagged_at, self.moved_at = row.at, self.calm_at or row.at

    def told(self, verdict: str | None, deployment: str | None = None) -> Watched:
        """As a reading says it."""
        return Watched(
            name=self.name,
            metric=self.metric,
            learned=self.gold.progress,
            answers=self.answers,
            promised=self.gold.agreement,
            now=self.now,
            moved_at=None if self.moved_at is None else when(self.moved_at),
            deployment=deployment,
            verdict=verdict,
        )


class Watches:
    """Of one application.  Restorable."""

    def __init__(self) -> None:
        self.judges: dict[str, Watch] = {}  # by fingerprint
        self.models: dict[str, Watch] = {}  # by model, metric and scorer
        self._seen: dict[int, None] = {}  # ids of rows

    @property
    def fresh(self) -> bool:
        """Whether anything came since it was told last."""
        return any(watch.fresh for table in (self.judges, self.models) for watch in table.values())

    def judged(self, row: Grade) -> None:
        """A gold item came back from a judge."""
        if row.score is None or row.gold is None or self._repeated(row):
            return
        watch = self._of(self.judges, row.scorer, Watch(row.scorer, None, GoldWatch()), row)
        watch.update(agreement(row.score, row.gold), row)

    def probed(self, row: Grade) -> None:
        """A model answered a probe."""
        if row.score is None or row.item is None or self._repeated(row):
            return
        name = row.model or row.deployment_id or "unnamed"
        fresh = Watch(name, row.metric, _probing())
        watch = self._of(self.models, f"{name}|{row.metric}|{row.scorer}", fresh, row)
        probe = f"{row.evalset}|{row.item}"
        count, total = watch.items.get(probe, (0, 0.0))
        if count < USUAL:
            if probe in watch.items or len(watch.items) < MOST_ITEMS:
                watch.items[probe] = count + 1, total + row.score
            return
        watch.update(1 - abs(row.score - total / count), row)

    def again(self, place: str, at: float) -> None:
        """What a model says now is its usual from here on."""
        old = self.models[place]
        fresh = Watch(old.name, old.metric, _probing(), last=at)
        self.models[place] = fresh

    def _of(self, table: dict[str, Watch], place: str, fresh: Watch, row: Grade) -> Watch:
        if place not in table and len(table) >= MOST_WATCHES:
            del table[min(table, key=lambda each: (table[each].last, each))]
        watch = table.setdefault(place, fresh)
        watch.last = max(watch.last, row.at)
        watch.fresh += 1
        return watch

    def _repeated(self, row: Grade) -> bool:
        if row.id in self._seen:
            return True
        self._seen[row.id] = None
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        return False

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        tables = [list(table.items()) for table in (self.judges, self.models)]
        return {"tables": msgspec.to_builtins(tables), "seen": list(self._seen)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot; shares nothing with it."""
        judges, models = state["tables"]
        self.judges = {place: msgspec.convert(watch, Watch) for place, watch in judges}
        self.models = {place: msgspec.convert(watch, Watch) for place, watch in models}
        self._seen = dict.fromkeys(state["seen"])


def _probing() -> GoldWatch:
    return GoldWatch(run_length=PROBE_RUN_LENGTH, given=PROBE_GIVEN, learning=PROBE_LEARNED)


def judge_words(watch: Watch) -> str | None:
    """What is wrong with a judge; None where nothing is."""
    promised = watch.gold.agreement
    if not watch.gold.flagged or promised is None or watch.now is None:
        return None
    return (
        f"agrees with people on gold items in {watch.now:.2f}, as it began in {promised.value:.2f}: "
        "its scores are not reliable"
    )


def model_words(watch: Watch) -> str | None:
    """What is odd about a model; None where nothing is."""
    promised = watch.gold.agreement
    if watch.flagged_at is None or promised is None or watch.now is None:
        return None
    return (
        f"{watch.name} answers frozen prompts otherwise than it did, and nothing was deployed "
        f"({watch.metric}: {watch.now:.2f} like before, usual is {promised.value:.2f})"
    )
