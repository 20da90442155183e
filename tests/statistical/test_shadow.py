"""Real questions, real answers of several models: whether answers got worse, or questions harder."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from app.core.estimates import Row, by_stratum, estimate
from app.core.reweighting import Split, Stratum, split
from app.core.selection import ORDINARY, Budget, Eligible, choose
from benchmarks import streams

pytestmark = [
    pytest.mark.statistical,
    pytest.mark.shared_data,
    pytest.mark.skipif(not streams.available(), reason="../shared/data is not here"),
]
BEFORE, WORSE = "gpt3-175b_verification", "gpt3-6b_verification"
UNITS, CALLS, RUNS = 800, 300, 40
Graded = list[tuple[str, float]]  # stratum, score


@cache
def graded(model: str) -> Graded:
    """Short, middling and long questions with the score of a model's answer."""
    rows = [row for row in streams.rows("math_gsm8k_models.jsonl.gz") if row["model"] == model]
    names = [
        ("short", "middling", "long")[sum(len(row["text"]) >= cut for cut in (185, 260))] for row in rows
    ]
    return [(name, float(row["score"])) for name, row in zip(names, rows, strict=True)]


def shadow(pool: Graded, rng: np.random.Generator, *, name: str, long: float = 1.0) -> list[Row]:
    """Traffic from the pool, in which long questions come `long` times as often; some answers are scored."""
    chances = np.array([long if stratum == "long" else 1.0 for stratum, _ in pool])
    picked = rng.choice(len(pool), UNITS, p=chances / chances.sum())
    kept = [Eligible(id=f"{name}:{n}", stratum=ORDINARY, inclusion=1.0) for n in range(UNITS)]
    chosen = {one.eligible.id: one.selection for one in choose(kept, budget=Budget(CALLS))}
    return [
        Row(
            stratum=pool[at][0],
            inclusion=1.0,
            selection=chosen.get(one.id, 1.0),
            score=pool[at][1] if one.id in chosen else None,
        )
        for one, at in zip(kept, picked.tolist(), strict=True)
    ]


def strata(rows: list[Row]) -> dict[str, Stratum]:
    shares = Counter(row.stratum for row in rows)
    out = {}
    for name, found in by_stratum(rows, target="process").items():
        assert found is not None
        error = (found.mean.high - found.mean.low) / 2 / 1.96
        out[name] = Stratum(shares[name] / len(rows), found.mean.value, error)
    return out


def explained(model: str, run: int, *, long: float = 1.0) -> Split:
    rng = np.random.default_rng(run)
    before = shadow(graded(BEFORE), rng, name=f"{run} before")
    now = shadow(graded(model), rng, name=f"{run} now", long=long)
    return split(strata(before), strata(now), units=(UNITS, UNITS))


def test_a_worse_model_under_the_same_questions_is_blamed_and_the_questions_are_not() -> None:
    found = Counter(explained(WORSE, run).cause for run in range(RUNS))
    print(found)
    assert found["scores"] / RUNS >= 0.85
    assert found["scores"] + found["both"] >= 0.95 * RUNS


def test_harder_questions_to_the_same_model_are_no_worse_answers() -> None:
    found = Counter(explained(BEFORE, 1000 + run, long=5.0).cause for run in range(RUNS))
    print(found)
    assert found["mix"] / RUNS >= 0.85
    assert found["scores"] / RUNS <= 0.05


def test_the_score_of_a_model_on_all_its_answers_is_inside_the_interval_of_a_few() -> None:
    pool = graded(WORSE)
    truth, covered = float(np.mean([score for _, score in pool])), 0
    for run in range(100):
        found = estimate(shadow(pool, np.random.default_rng(run), name=str(run)), target="process")
        assert found is not None
        covered += found.mean.low <= truth <= found.mean.high
    print(covered / 100)
    assert covered >= 90
