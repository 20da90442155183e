from dataclasses import replace

import pytest

from app.core.sampling import NOVEL_LEVEL, drawn
from tests.rig import made


def test_everything_novel_is_kept() -> None:
    rare = replace(made.baseline(), sample_rate=0.1)
    assert {drawn(str(i), NOVEL_LEVEL, rare) for i in range(100)} == {("novel", 1.0)}


def test_of_the_rest_the_stated_share_is_kept_and_says_so() -> None:
    rare = replace(made.baseline(), sample_rate=0.25)
    found = [drawn(str(i), 0.5, rare) for i in range(4000)]
    assert {reason for reason, _ in found} == {"uniform"}
    kept = [inclusion for _, inclusion in found if inclusion > 0]
    assert set(kept) == {0.25}
    assert len(kept) / 4000 == pytest.approx(0.25, abs=0.03)


def test_a_replay_keeps_the_same_units() -> None:
    rare = replace(made.baseline(), sample_rate=0.25)
    assert [drawn(str(i), 0.5, rare) for i in range(50)] == [drawn(str(i), 0.5, rare) for i in range(50)]


def test_while_learning_every_candidate_is_kept_with_its_vectors() -> None:
    events = made.interactions(20)
    kept = made.samples(events)
    assert [s.id for s in kept] == [e.id for e in events]
    assert {(s.reason, s.inclusion) for s in kept} == {("learning", 1.0)}
    assert {(len(s.wording), len(s.shape)) for s in kept} == {(2 * 384, 4 * 11)}
