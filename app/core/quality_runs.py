"""Runs of the eval set, release by release, beside live quality: does the benchmark still measure?

`validity` decides; here is what is remembered, and when it is asked.  A release is looked at when its live
scores first number 200, 400, 800 and 1,600: looking all the time would be one more way to be wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.core import validity
from app.core.quality_arms import GONE_SECONDS
from app.core.quality_rows import UNCOVERED, Grade
from app.core.reweighting import Reweighted, reweighted
from app.core.validity import LiveScore, Release, ranking
from schemas.quality import BrokenStratum, EvaluatedRelease, Validity, VersionQuality

MOST_RELEASES, MOST_ITEMS = 8, 2048
LOOKS = (200, 400, 800, 1600)  # live scores of a release


class Run(msgspec.Struct):
    """The newest run of one release: item -> stratum and score."""

    name: str
    scorer: str
    evalset: str | None
    at: float
    items: dict[str, tuple[str, float]] = {}


class Runs:
    """Of one metric.  Restorable."""

    def __init__(self) -> None:
        self.known: dict[str, Run] = {}  # by release
        self.fresh = False
        self._looked: dict[str, int] = {}  # release -> live scores at its last look
        self._broken: list[BrokenStratum] = []
        self._of: str | None = None  # the release that was found broken

    def take(self, row: Grade) -> bool:
        """One item of a run; the last score counts.  Whether anything changed."""
        name = row.deployment_id or row.model or "unnamed"
        run = self.known.get(name)
        other = run is not None and (run.scorer, run.evalset) != (row.scorer, row.evalset)
        if row.score is None or row.item is None or (other and run is not None and row.at < run.at):
            return False
        if run is None or other:
            run = self.known[name] = Run(name, row.scorer, row.evalset, row.at)
        if len(self.known) > MOST_RELEASES:
            del self.known[min(self.known, key=lambda each: (self.known[each].at, each))]
        told = row.stratum, row.score
        if run.items.get(row.item) == told or (row.item not in run.items and len(run.items) >= MOST_ITEMS):
            return False
        run.items[row.item] = told
        run.at = max(run.at, row.at)
        self.fresh = True
        return True

    def read(self, metric: str, versions: Sequence[VersionQuality], *, level: float) -> Validity | None:
        """What can be said now; None without a run."""
        self.fresh = False
        if not self.known:
            return None
        live = {(v.deployment_id or v.model or "unnamed"): v for v in versions}  # the last of its variants
        order = sorted(self.known.values(), key=lambda run: _when(run, live))
        newest = order[-1]
        same = [run for run in order if run.scorer == newest.scorer]
        releases = [
            _release(run, live[run.name]) for run in same if run.name in live and live[run.name].strata
        ]
        self._look(releases, live, level)
        told = live.get(newest.name)
        bad = self._broken if self._of == newest.name and _serves(told, versions) else []
        rank = ranking(releases)
        shares = {} if told is None else _shares(told)
        covered = _reweighted(newest, told)
        return Validity(
            metric=metric,
            evalset=newest.evalset,
            releases=[_evaluated(run, live.get(run.name)) for run in same],
            broken=bad,
            missing=[] if covered is None else [n for n in covered.missing if shares[n] >= 0.01][:8],
            decided=rank.decided,
            agreeing=rank.agreeing,
            verdict=_verdict(newest, bad) if bad else None,
        )

    def _look(self, releases: Sequence[Release], live: Mapping[str, VersionQuality], level: float) -> None:
        if len(releases) < 2:
            return
        name = releases[-1].name
        scored, last = live[name].scored, self._looked.get(name, 0)
        if not any(last < look <= scored for look in LOOKS):
            return
        self._looked = {each: count for each, count in self._looked.items() if each in self.known}
        self._looked[name] = scored
        found = validity.broken(releases, level=level / len(LOOKS))
        self._of = name
        self._broken = [
            BrokenStratum(
                name=each.stratum,
                live=each.live,
                evaluated=each.evaluated,
                share=each.share,
                since=each.since,
            )
            for each in found
        ]

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "known": list(self.known.values()),
            "fresh": self.fresh,
            "looked": self._looked,
            "broken": self._broken,
            "of": self._of,
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "Runs":
        """Inverse of `snapshot`; shares nothing with it."""
        out = cls()
        runs = msgspec.convert(msgspec.to_builtins(state["known"]), list[Run])
        out.known = {run.name: run for run in runs}
        out.fresh, out._looked, out._of = state["fresh"], dict(state["looked"]), state["of"]
        out._broken = msgspec.convert(state["broken"], list[BrokenStratum])
        return out


def _when(run: Run, live: Mapping[str, VersionQuality]) -> float:
    """Releases stand in the order in which they served; one that has not yet, by its run."""
    version = live.get(run.name)
    return run.at if version is None or version.first_at is None else version.first_at.timestamp()


def _serves(version: VersionQuality | None, versions: Sequence[VersionQuality]) -> bool:
    """Whether a version was heard of lately; after a rollback it is not."""
    heard = [each.last_at for each in versions if each.last_at is not None]
    if version is None or version.last_at is None:
        return False
    return (max(heard) - version.last_at).total_seconds() <= GONE_SECONDS


def _by_stratum(run: Run) -> dict[str, dict[str, float]]:
    out: dict[str, dict[str, float]] = {}
    for item, (stratum, score) in sorted(run.items.items()):
        out.setdefault(stratum, {})[item] = score
    return out


def _shares(version: VersionQuality) -> dict[str, float]:
    """Of live traffic, in clusters of the eval set."""
    return {part.name: part.share for part in version.strata if part.name != UNCOVERED}


def _release(run: Run, version: VersionQuality) -> Release:
    live = {
        part.name: LiveScore(part.score.value, part.error)
        for part in version.strata
        if part.score is not None and part.error is not None and part.name != UNCOVERED
    }
    return Release(name=run.name, items=_by_stratum(run), live=live, shares=_shares(version))


def _reweighted(run: Run, version: VersionQuality | None) -> Reweighted | None:
    items = {name: list(scores.values()) for name, scores in _by_stratum(run).items()}
    if version is None or not items:
        return None
    shares = _shares(version)
    if not shares:
        return None
    whole = max(sum(shares.values()), 1.0)
    return reweighted(items, {n: share / whole for n, share in shares.items()}, units=version.kept)


def _evaluated(run: Run, version: VersionQuality | None) -> EvaluatedRelease:
    found = _reweighted(run, version)
    alone = found or reweighted({"": [score for _, score in run.items.values()]}, {}, units=1)
    return EvaluatedRelease(
        name=run.name,
        items=len(run.items),
        on_set=alone.on_set,
        on_live=None if found is None else found.on_live,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        unknown=None if found is None else found.unknown,
        live=None if version is None else version.score,
    )


def _verdict(run: Run, broken: Sequence[BrokenStratum]) -> str:
    worst = broken[0]
    rest = "" if len(broken) == 1 else f", and in {len(broken) - 1} more"
    live, items = worst.live, worst.evaluated
    return (
        f"the eval score of {run.name} hides a fall: in '{worst.name}', "
        f"{100 * worst.share:.0f} % of traffic, live answers moved by {live.value:+.2f} "
        f"({live.low:+.2f} to {live.high:+.2f}), "
        f"its items by {items.value:+.2f}{rest}"
    )
