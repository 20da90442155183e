"""Windows, thinning and steered choice together: the rows alone give intervals that hold the truth."""

import numpy as np
import pytest

from app.core.estimates import Row, estimate
from app.core.fixedpoint import Floats
from app.core.selection import DRIFTED, ORDINARY, Budget
from app.core.shadow import DAY_SECONDS, Shadow, ShadowPolicy
from app.core.shadow_samples import Held

pytestmark = pytest.mark.statistical
MORNING = 20_000 * DAY_SECONDS
WINDOWS, SECONDS = 6, 300.0
RUNS = 40
Judged = dict[str, tuple[float, float]]  # interaction -> selection, score


def day(random: np.random.Generator, salt: int) -> tuple[float, list[Row]]:
    """Mean score of all traffic, and the rows of what was kept of it; judged as windows come."""
    traffic = 400 * WINDOWS
    times = np.sort(random.uniform(0.0, WINDOWS * SECONDS, traffic))
    drifted = random.random(traffic) < np.where(times > 900.0, 0.2, 0.02)
    scores = (random.random(traffic) < np.where(drifted, 0.5, 0.9)).astype(float)
    inclusion = np.where(drifted, 1.0, 0.4)
    judged: Judged = {}
    shadow = Shadow(
        ShadowPolicy(
            window_samples=120, budget=Budget(288 * 40), asks=True, salt=str(salt), window_seconds=SECONDS
        )
    )
    for n in np.flatnonzero(random.random(traffic) < inclusion):
        held = Held(
            id=f"{salt}-{n}",
            application="a",
            time=MORNING + float(times[n]),
            inclusion=float(inclusion[n]),
            reason=DRIFTED if drifted[n] else ORDINARY,
            prompt="Where is it?",
            response="Here.",
        )
        shadow.receive(held.time, held)
        shadow.close(lambda _: 0.0)
        _judge(shadow, scores, judged)
    shadow.close(lambda _: 0.0, final=True)
    _judge(shadow, scores, judged)
    return float(scores.mean()), _rows(shadow, judged)


def _judge(shadow: Shadow, scores: Floats, judged: Judged) -> None:
    for job in list(shadow.jobs):
        assert job.held is not None
        score = float(scores[int(job.held.id.split("-")[1])])
        judged[job.held.id] = (job.selection, score)
        shadow.settle(job, score=score, cost=0.0)


def _rows(shadow: Shadow, judged: Judged) -> list[Row]:
    return [
        Row(
            stratum=held.reason,
            inclusion=held.inclusion,
            selection=judged[held.id][0] if held.id in judged else 1.0,
            score=judged[held.id][1] if held.id in judged else None,
        )
        for batch in shadow.outgoing
        for held in batch.kept
    ]


def test_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(5)
    inside, widths, off = 0, [], []
    for run in range(RUNS):
        truth, rows = day(random, run)
        found = estimate(rows)
        assert found is not None
        inside += found.mean.low <= truth <= found.mean.high
        widths.append(found.mean.high - found.mean.low)
        off.append(found.mean.value - truth)
    print(f"{inside / RUNS:.3f} hold; mean width {np.mean(widths):.3f}; bias {np.mean(off):+.4f}")
    assert inside / RUNS > 0.8  # of 150: 0.933
    assert abs(np.mean(off)) < 3 * np.std(off) / RUNS**0.5
