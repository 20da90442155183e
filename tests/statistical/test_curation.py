"""What a core says of all traffic, drawn again and again.  Seeds are fixed."""

import numpy as np
import pytest

from app.core.curation import Prior, curate
from app.core.curation_draw import draw, order_of
from app.core.curation_pool import Pool, Question, pool_of
from app.core.effect import Z95
from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.units import hash64
from schemas.evalsets import Plan
from tests.rig import made

pytestmark = pytest.mark.statistical

UNITS, SLOTS, DRAWS = 6000, 400, 200
CELLS = [(f"cluster {k}", language, task) for k in range(12) for language in "ab" for task in ("x", "code")]


def traffic(seed: int) -> tuple[Floats, list[int], Floats]:
    """Scores, cells and inclusion probabilities: quality differs by cell, and the novel are all kept."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(len(CELLS), 0.5))
    cells = rng.choice(len(CELLS), UNITS, p=shares)
    good = rng.beta(4, 2, len(CELLS))[cells]
    novel = cells % 6 == 0
    return (rng.random(UNITS) < good).astype(float), cells.tolist(), np.where(novel, 1.0, 0.25)


def test_the_weighted_score_of_the_core_is_that_of_all_traffic() -> None:
    """Within the 95 % interval of as many uniform draws; unweighted, the novel would be counted fourfold."""
    scores, cells, inclusion = traffic(1)
    truth = scores.mean()
    half = Z95 * np.sqrt(truth * (1 - truth) / SLOTS)
    rng = np.random.default_rng(2)
    errors, shares = [], []
    live = np.mean([CELLS[c][0] == "cluster 3" for c in cells])
    for number in range(DRAWS):
        kept = np.flatnonzero(rng.random(UNITS) < inclusion)
        questions = [Question(id=str(i), text="", weight=1.0) for i in kept]
        where = [CELLS[cells[i]] for i in kept]
        found = draw(1.0 / inclusion[kept], order_of(where, questions, number), slots=SLOTS, seed=number)
        errors.append(sum(share * scores[kept[i]] for i, share in found.items()) - truth)
        shares.append(sum(share for i, share in found.items() if where[i][0] == "cluster 3"))

    assert np.mean(np.abs(errors) <= half) >= 0.93
    assert abs(np.mean(errors)) <= 3 * np.std(errors) / np.sqrt(DRAWS)
    assert np.max(np.abs(np.array(shares) - live)) <= 0.02


def test_kept_items_leave_the_score_of_the_core_that_of_all_traffic() -> None:
    """Traffic moves between topics of unlike quality, and half of the core is of the week before."""
    quality = {topic: 0.15 + 0.08 * number for number, topic in enumerate(made.TOPICS)}
    moved = {**made.USUAL, "parcel": 0.5}
    plan, hits, kept = Plan(size=100), 0, []
    half = Z95 * np.sqrt(0.25 / 100)
    last_week = curate(_pool(0, made.USUAL, plan), plan, seed=0).items
    prior = Prior(last_week, _vectors([item.prompt for item in last_week]))
    for number in range(20):
        pool = _pool(number + 1, moved, plan)
        found = curate(pool, plan, seed=number, prior=prior)
        live = np.average([_score(q.text, quality) for q in pool.questions], weights=_weights(pool))
        score = sum((i.weight or 0.0) * _score(i.prompt, quality) for i in found.items)
        hits += abs(score - live) <= half
        kept.append(np.mean([item.anchor for item in found.items]))

    assert hits >= 18
    assert 0.3 <= np.mean(kept) <= 0.5  # fewer where traffic grew: last week had fewer of those


def _pool(seed: int, topics: dict[str, float], plan: Plan) -> Pool:
    samples = made.samples(made.interactions(500, seed=seed, topics=topics))
    return pool_of(samples, _vectors([s.text for s in samples]), plan, failures={}, expected={})


def _vectors(texts: list[str]) -> Floats:
    return restore(made.encode(texts).wording, WORDING_SCALE)


def _weights(pool: Pool) -> list[float]:
    return [question.weight for question in pool.questions]


def _score(prompt: str, quality: dict[str, float]) -> float:
    """Right or wrong, by the prompt alone, as often as its topic's quality says."""
    topic = next(topic for topic in quality if topic in prompt.split())
    return float(hash64("score:" + prompt) / 2**64 < quality[topic])


@pytest.mark.parametrize("share", [0.3, 0.05])
def test_every_stratum_has_its_share_of_slots_rounded_up_or_down(share: float) -> None:
    rng = np.random.default_rng(3)
    for number in range(DRAWS // 4):
        hits = rng.random(2000) < share
        where = [("code" if hit else f"cluster {i % 30}", None, "") for i, hit in enumerate(hits)]
        questions = [Question(id=str(i), text="", weight=1.0) for i in range(2000)]
        found = draw(np.ones(2000), order_of(where, questions, number), slots=SLOTS, seed=number)
        assert abs(sum(bool(hits[i]) for i in found) - SLOTS * hits.mean()) <= 1
        assert len(found) == SLOTS
