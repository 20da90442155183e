from dataclasses import replace

import pytest

from app.core.sampling import NOVEL_LEVEL, drawn
from app.core.units import place_of
from tests.rig import made


def test_everything_novel_is_kept() -> None:
    rare = replace(made.baseline(), sample_rate=0.1)
    assert {drawn(place_of(made.APP, None, str(i)), NOVEL_LEVEL, rare) for i in range(100)} == {
        ("novel", 1.0)
    }


def test_of_the_rest_the_stated_share_is_kept_and_says_so() -> None:
    rare = replace(made.baseline(), sample_rate=0.25)
    found = [drawn(place_of(made.APP, None, str(i)), 0.5, rare) for i in range(4000)]
    assert {reason for reason, _ in found} == {"uniform"}
    kept = [inclusion for _, inclusion in found if inclusion > 0]
    assert set(kept) == {0.25}
    assert len(kept) / 4000 == pytest.approx(0.25, abs=0.03)


def test_a_user_is_kept_with_all_his_units_or_with_none() -> None:
    rare = replace(made.baseline(), sample_rate=0.25)
    kept = {
        user: {drawn(place_of(made.APP, f"user {user}", str(i)), 0.5, rare)[1] for i in range(8)}
        for user in range(2000)
    }

    assert all(len(inclusions) == 1 for inclusions in kept.values())
    assert sum(0.25 in inclusions for inclusions in kept.values()) / 2000 == pytest.approx(0.25, abs=0.04)


def test_who_is_in_a_small_share_is_in_every_larger_one() -> None:
    few, many = (replace(made.baseline(), sample_rate=rate) for rate in (0.1, 0.5))
    places = [place_of(made.APP, f"user {user}", "") for user in range(500)]

    assert {p for p in places if drawn(p, 0.5, few)[1]} < {p for p in places if drawn(p, 0.5, many)[1]}


def test_while_learning_every_candidate_is_kept_with_its_vectors() -> None:
    events = made.interactions(20)
    kept = made.samples(events)
    assert [s.id for s in kept] == [e.id for e in events]
    assert {(s.reason, s.inclusion) for s in kept} == {("learning", 1.0)}
    assert {(len(s.wording), len(s.shape)) for s in kept} == {(2 * 384, 4 * 11)}
