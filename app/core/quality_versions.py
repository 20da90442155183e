"""What each version of an application scores on one metric, by cluster, and what people correct of it."""

from dataclasses import dataclass

from msgspec import structs

from app.core.estimates import FEWEST, Estimate, Row, estimate
from app.core.quality_arms import Arm, Placed
from app.core.quality_metric import MOST_TOLD, QualityMetric
from app.core.quality_rows import PEOPLE
from app.core.reporting import when
from app.core.versions import Version
from schemas.intervals import Interval
from schemas.quality import StratumScore, VersionQuality

STRATA = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Where a reading stands, and which versions answered."""

    application: str
    place: str
    time: float
    versions: dict[int, Version]
    models: dict[int, str]
    metrics: int  # of which live answers are scored: they share the budget
    unreliable: dict[str, str]  # scorer -> why nothing is concluded from its scores

    def name(self, number: int) -> str:
        """Of a version; with its model where that is not the name already."""
        version = self.versions.get(number)
        return "other versions" if version is None else version.name


def tell(metric: QualityMetric, view: View, arms: dict[int, Arm], scorer: str) -> None:
    """Bring the last word on each version up to date; of versions without rows it stays as it was."""
    for number, arm in arms.items():
        people = metric.arms.get((number, PEOPLE), arm)
        if number not in metric.told or arm.changed or people.changed:
            told = _version(number, arm, None if people is arm else people, view)
            metric.told[number] = structs.replace(told, scorer=scorer or None)
        arm.changed = people.changed = False
    for gone in sorted(metric.told)[: max(0, len(metric.told) - MOST_TOLD)]:
        del metric.told[gone]


def _version(number: int, arm: Arm, people: Arm | None, view: View) -> VersionQuality:
    rows = arm.between()
    found = estimate([row for _, row in rows], target="process")
    labels = 0 if people is None else len(people.scored.rows)
    corrected = None if people is None else _corrected(arm, people)
    version = view.versions.get(number)
    return VersionQuality(
        name=view.name(number),
        deployment_id=None if version is None else version.deployment_id,
        variant=None if version is None else version.variant,
        model=view.models.get(number),
        scored=len(arm.scored.rows),
        kept=len(rows),
        score=None if found is None else within(found.mean),
        always=None if found is None or found.always is None else within(found.always),
        effective=None if found is None else found.effective,
        labels=labels,
        corrected=None if corrected is None else within(corrected.mean),
        strata=_strata(rows),
        first_at=when(arm.first),
        last_at=when(arm.last),
    )


def _corrected(arm: Arm, people: Arm) -> Estimate | None:
    """What people would have said of all traffic: their labels, with the judge's scores as predictions."""
    both = [target for target in arm.scored.rows if target in people.scored.rows]
    if len(both) < FEWEST:
        return None
    drawn = len(both) / len(arm.scored.rows)
    return estimate(
        [
            Row(
                stratum=row.stratum,
                inclusion=row.inclusion * row.selection * arm.scored.share,
                selection=drawn,
                score=None if target not in people.scored.rows else people.scored.rows[target].score,
                prediction=row.score,
            )
            for target, row in arm.scored.rows.items()
        ],
        target="process",
    )


def _strata(rows: list[Placed]) -> list[StratumScore]:
    """By cluster of the eval set, the largest first."""
    parts: dict[str, list[Row]] = {}
    for name, row in rows:
        parts.setdefault(name, []).append(row)
    if len(parts) < 2:
        return []
    shares = {name: sum(1 / row.inclusion for row in part) for name, part in parts.items()}
    whole, found = sum(shares.values()), []
    for name in sorted(parts, key=lambda name: (-shares[name], name))[:STRATA]:
        told = estimate(parts[name], target="process")
        found.append(
            StratumScore(
                name=name,
                share=shares[name] / whole,
                scored=sum(row.score is not None for row in parts[name]),
                score=None if told is None else within(told.mean),
                error=None if told is None else told.error,
            )
        )
    return found


def within(interval: Interval) -> Interval:
    """A score lies in [0, 1]."""
    return Interval(value=interval.value, low=max(interval.low, 0.0), high=min(interval.high, 1.0))
