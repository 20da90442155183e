from dataclasses import replace

import pytest

from app.core.measurement import Measurer, MeasureSettings
from app.core.sampling import NOVEL_LEVEL, Carrying, References, drawn
from app.core.units import place_of
from schemas.exchanges import Exchange
from schemas.ticks import Sample, Tick
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


def carried(per_second: float, known: References, count: int = 600) -> tuple[list[Sample], list[Tick]]:
    """Samples and ticks of a log, one event a second, with responses."""
    events = made.answered(made.interactions(count, first=300))
    carrying = Carrying(per_second, lambda said, chance: Exchange(inclusion=chance, prompt=said.prompt))
    measurer = Measurer(partition=0, partitions=1, settings=MeasureSettings())
    found = [c for i, e in enumerate(events) for c in measurer.admit(i, [e], {made.APP: known})]
    kept = measurer.fold(found, made.encode([c.text for c in found]), made.describe, carrying)
    return kept, measurer.flush()


def test_exchanges_are_carried_at_about_the_stated_rate_and_never_inside_ticks() -> None:
    kept, ticks = carried(0.25, References(baseline=made.baseline()))
    prompts = [sample for sample in kept if sample.aspect == "prompts"]
    with_it = [sample for sample in prompts if sample.exchange is not None]

    ordinary = [s for s in with_it if s.reason == "uniform"]
    chances = {s.exchange.inclusion for s in ordinary if s.exchange}
    assert [*chances] == [pytest.approx(0.25, rel=0.05)]
    assert len(ordinary) / 600 == pytest.approx(0.25, abs=0.06)
    estimated = sum(1 / s.exchange.inclusion for s in with_it if s.exchange)
    assert estimated == pytest.approx(len(prompts), rel=0.2)
    assert all(s.exchange is None for s in kept if s.aspect == "responses")
    assert all(sample.exchange is None for tick in ticks for sample in tick.samples)


def test_while_learning_a_quarter_carries_its_exchange_and_ever_fewer_as_it_goes_on() -> None:
    kept, _ = carried(50.0, References(), count=1500)
    prompts = [s for s in kept if s.aspect == "prompts"]
    chances = [s.exchange.inclusion for s in prompts if s.exchange is not None]
    assert chances[:50] == [0.25] * 50
    assert len(prompts) == 1500
    assert 200 < len(chances) < 330
    assert sum(1 / chance for chance in chances) == pytest.approx(1500, rel=0.2)
