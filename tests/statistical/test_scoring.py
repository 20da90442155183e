"""Scores of a few stand for all: intervals cover, steering saves calls, a worse judge is seen."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from app.core.estimates import Estimate, Row, estimate
from app.core.judging import LEARNED, RUN_LENGTH, GoldWatch
from app.core.selection import DRIFTED, ORDINARY, Budget, Eligible, Spread, choose

pytestmark = pytest.mark.statistical
RUNS, TRAFFIC = 500, 1200
CALLS, UNIFORM = 200, 500
LOW, HIGH = 0.93, 0.97
Drift = tuple[float, float]  # chance of a good answer, in ordinary and in drifted traffic


def traffic(
    rng: np.random.Generator, rights: Drift, *, units: int = TRAFFIC, halves: float = 0.2
) -> tuple[list[str], np.ndarray]:
    """Strata of the units, a tenth of them drifted, and what a judge would score them: 0, 0.5 or 1."""
    drifted = rng.random(units) < 0.1
    right = rng.random(units) < np.where(drifted, rights[1], rights[0])
    half = rng.random(units) < halves
    return [DRIFTED if d else ORDINARY for d in drifted], np.where(half, 0.5, right)


def draw(
    strata: Sequence[str],
    scores: np.ndarray,
    *,
    name: str,
    calls: int,
    spreads: dict[str, Spread] | None = None,
    steer: bool = True,
) -> list[Row]:
    """Kept samples of the units, some of them scored.  Not steered: uniform, in one stratum."""
    rng = np.random.default_rng([int(name), calls])
    inclusion = np.where(np.array(strata) == DRIFTED, 1.0, 0.5) if steer else np.full(len(strata), 0.5)
    kept = [n for n in range(len(strata)) if rng.random() < inclusion[n]]
    names = {n: strata[n] if steer else ORDINARY for n in kept}
    known = [Eligible(id=f"{name}:{n}", stratum=names[n], inclusion=float(inclusion[n])) for n in kept]
    chosen = {one.eligible.id: one.selection for one in choose(known, budget=Budget(calls), spreads=spreads)}
    return [
        Row(
            stratum=one.stratum,
            inclusion=one.inclusion,
            selection=chosen.get(one.id, 1.0),
            score=float(scores[n]) if one.id in chosen else None,
        )
        for one, n in zip(known, kept, strict=True)
    ]


def told(rows: Sequence[Row], **more: str) -> Estimate:
    found = estimate(rows, **more)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("rights", [(0.9, 0.6), (0.8, 0.8)])
def test_intervals_of_steered_samples_cover_what_all_traffic_would_have_scored(rights: Drift) -> None:
    truth = 0.1 + 0.8 * (0.9 * rights[0] + 0.1 * rights[1])
    traffic_covered = process_covered = always_covered = 0
    errors = []
    for run in range(RUNS):
        strata, scores = traffic(np.random.default_rng(run), rights)
        rows = draw(strata, scores, name=str(run), calls=CALLS)
        whole, process = told(rows), told(rows, target="process")
        mean = float(scores.mean())
        errors.append(whole.mean.value - mean)
        traffic_covered += whole.mean.low <= mean <= whole.mean.high
        assert whole.always is not None
        always_covered += whole.always.low <= mean <= whole.always.high
        process_covered += process.mean.low <= truth <= process.mean.high
    print(rights, traffic_covered / RUNS, process_covered / RUNS, always_covered / RUNS, np.mean(errors))
    assert LOW <= traffic_covered / RUNS <= HIGH
    assert LOW <= process_covered / RUNS <= HIGH
    assert always_covered / RUNS >= 0.99
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(RUNS)


def test_a_confidence_sequence_covers_at_every_look_and_a_fixed_interval_does_not() -> None:
    """Twenty looks at a growing sample: a rare mistake in ordinary traffic, many in what drifted."""
    truth, looks, runs = 0.9 * 0.97 + 0.1 * 0.5, 20, 200
    missed = {"always": 0, "mean": 0}
    for run in range(runs):
        strata, scores = traffic(np.random.default_rng(run), (0.97, 0.5), units=316 * looks, halves=0.0)
        keep = np.random.default_rng([run, 1]).random(len(scores)) < 0.1
        rows, wrong = [], dict.fromkeys(missed, False)
        for look in range(looks):
            rows += [
                Row(stratum=strata[n], inclusion=1.0 if strata[n] == DRIFTED else 0.1, score=float(scores[n]))
                for n in range(316 * look, 316 * (look + 1))
                if strata[n] == DRIFTED or keep[n]
            ]
            found = told(rows, target="process")
            for name in missed:
                interval = getattr(found, name)
                wrong[name] |= interval is not None and not interval.low <= truth <= interval.high
        missed = {name: count + wrong[name] for name, count in missed.items()}
    print({name: count / runs for name, count in missed.items()})
    assert missed["always"] / runs <= 0.05
    assert missed["mean"] / runs >= 0.1


def test_intervals_cover_where_people_label_some_of_what_a_biased_judge_scored() -> None:
    covered, widths = 0, []
    for run in range(RUNS):
        rng = np.random.default_rng(9000 + run)
        human = (rng.random(1000) < 0.75).astype(float)
        judge = np.clip(human * 0.7 + 0.35 * rng.random(1000), 0, 1)  # too kind to what is wrong, and noisy
        labelled = rng.random(1000) < 0.1
        rows = [
            Row(stratum="all", inclusion=1.0, selection=0.1, score=h if seen else None, prediction=j)
            for h, j, seen in zip(human.tolist(), judge.tolist(), labelled.tolist(), strict=True)
        ]
        found, plain = told(rows), told([replace(row, prediction=None) for row in rows])
        covered += found.mean.low <= human.mean() <= found.mean.high
        widths.append((found.mean.high - found.mean.low) / (plain.mean.high - plain.mean.low))
    print(covered / RUNS, np.mean(widths))
    assert LOW <= covered / RUNS <= HIGH
    assert np.mean(widths) < 0.5


@pytest.mark.parametrize(("rights", "needed"), [((0.98, 0.5), 0.6), ((0.95, 0.6), 0.85)])
def test_steering_needs_fewer_calls_for_the_same_width(rights: Drift, needed: float) -> None:
    """Uniform: 500 calls and a plain mean.  Steered: a share of them, spreads learned from 300 before."""
    uniform, steered, of_drifted = [], [], []
    for run in range(40):
        strata, scores = traffic(np.random.default_rng(run), rights, units=4000, halves=0.0)
        before = draw(strata, scores, name=str(run), calls=300)
        spreads = {name: spread(before, name) for name in (ORDINARY, DRIFTED)}
        flat = draw(strata, scores, name=str(run), calls=UNIFORM, steer=False)
        aimed = draw(strata, scores, name=str(run), calls=int(UNIFORM * needed), spreads=spreads)
        uniform.append(width(told(flat)))
        steered.append(width(told(aimed)))
        of_drifted.append(sum(row.score is not None and row.stratum == DRIFTED for row in aimed))
    print(rights, np.mean(uniform), np.mean(steered), np.mean(of_drifted))
    assert np.mean(steered) <= np.mean(uniform)
    assert np.mean(of_drifted) >= 1.5 * UNIFORM * 0.1


def width(found: Estimate) -> float:
    return found.mean.high - found.mean.low


def spread(rows: Sequence[Row], stratum: str) -> Spread:
    scores = [row.score for row in rows if row.score is not None and row.stratum == stratum]
    return Spread(float(np.std(scores)), len(scores))


@pytest.mark.parametrize(("now", "least"), [(0.75, 0.9), (0.7, 0.97)])
def test_a_judge_that_silently_got_worse_is_flagged_within_200_gold_items(now: float, least: float) -> None:
    found = [flagged_after(seed, 0.9, now, 200) is not None for seed in range(200)]
    print(now, np.mean(found))
    assert np.mean(found) >= least


def test_a_judge_that_stays_as_it_was_is_seldom_flagged() -> None:
    """At most twice as often as promised: what it promised is an estimate itself."""
    horizon = 600
    wrong = np.mean([flagged_after(10_000 + seed, 0.9, 0.9, horizon) is not None for seed in range(300)])
    print(wrong, horizon / RUN_LENGTH)
    assert wrong <= 2 * horizon / RUN_LENGTH


def flagged_after(seed: int, before: float, now: float, items: int) -> int | None:
    """Gold items after the change until it is flagged; changes after the promise and 100 calm items."""
    rng, watch = np.random.default_rng(seed), GoldWatch()
    for agreed in rng.random(LEARNED + 100) < before:
        watch.update(float(agreed))
    for n, agreed in enumerate(rng.random(items) < now, start=1):
        watch.update(float(agreed))
        if watch.flagged:
            return n
    return None
