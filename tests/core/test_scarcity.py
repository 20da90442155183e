"""What the eval set hardly has, on made-up vectors: a dense new subject that is no outlier."""

import msgspec
import numpy as np
import pytest

from app.core import reference
from app.core.fixedpoint import WORDING_SCALE, Floats, pack, quantise
from app.core.places import lies_in
from app.core.reference import Reference
from app.core.rows import Rows
from app.core.scarcity import AGAIN_SECONDS, FEWEST_SAMPLES, Scarcity, scarce
from schemas.readings import Scarce
from schemas.ticks import Sample

DIMENSIONS, SUBJECTS, ITEMS, UNITS = 24, 40, 600, 400


def subjects() -> Floats:
    """Directions of what is asked: many, and far apart; the last one is not in the eval set."""
    return np.random.default_rng(0).normal(0, 1, (SUBJECTS + 1, DIMENSIONS))


def asked(numbers: Floats, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    chosen = numbers.astype(int)
    vectors = subjects()[chosen] + random.normal(0, 0.5, (len(chosen), DIMENSIONS))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Rows(
        wording=quantise(vectors, WORDING_SCALE),
        shape=random.normal(0, 1, (len(chosen), 11)).astype(np.float32),
        texts=tuple(f"word{int(n)} asked {i}" for i, n in enumerate(chosen)),
    )


def usual(count: int, seed: int) -> Floats:
    return np.random.default_rng(seed).integers(0, SUBJECTS, count).astype(float)


def with_new(share: float, seed: int) -> Rows:
    numbers = usual(UNITS, seed)
    numbers[: round(share * UNITS)] = SUBJECTS
    return asked(numbers, seed)


@pytest.fixture(scope="module")
def evalset() -> Reference:
    rows = asked(usual(ITEMS, 1), 1)
    return reference.build(rows, application="a", kind="evalset", fingerprint="f")


def test_a_dense_new_subject_is_no_outlier_and_is_told(evalset: Reference) -> None:
    live = with_new(0.2, 2)

    outliers = reference.uncovered(evalset, live.wording / WORDING_SCALE).mean()
    found = scarce(evalset.rows, live, np.ones(UNITS), seed=0)

    assert outliers < 0.05
    assert found.low <= 0.2 <= found.high
    assert found.low > 0.1
    cluster = found.clusters[0]
    assert "word40" in cluster.name
    assert cluster.share_before == 0.0
    assert cluster.low is not None
    assert cluster.low > 0.0
    assert all(text.startswith("word40") for text in cluster.examples)


def test_of_unchanged_traffic_next_to_nothing_is_scarce() -> None:
    found = [
        scarce(asked(usual(ITEMS, seed), seed), with_new(0.0, 99 - seed), np.ones(UNITS), seed=0)
        for seed in range(20)
    ]

    assert np.mean([each.share for each in found]) < 0.012
    assert sum(each.low > 0.0 for each in found) <= 2
    assert sum(bool(each.clusters) for each in found) <= 1


def test_a_sampled_unit_counts_for_those_that_it_stands_for(evalset: Reference) -> None:
    live = with_new(0.4, 3)
    weights = np.where(np.arange(UNITS) < 0.4 * UNITS, 1.0, 4.0)  # the new ones were all kept

    found = scarce(evalset.rows, live, weights, seed=0)

    truth = 0.4 / (0.4 + 4 * 0.6)
    assert found.low <= truth <= found.high


def samples(rows: Rows, *, first: int, seconds: float) -> list[Sample]:
    return [
        Sample(
            id=f"{first + i}",
            application="a",
            time=(first + i) * seconds,
            ordinal=first + i,
            text=rows.texts[i],
            wording=pack(rows.wording[i], "<i2"),
            shape=rows.shape[i].tobytes(),
            reason="uniform",
            inclusion=1.0,
        )
        for i in range(len(rows))
    ]


def test_it_is_looked_at_again_when_half_is_new_and_goes_on_after_a_restart(evalset: Reference) -> None:
    all_of_it = samples(with_new(0.2, 4), first=0, seconds=1.0)
    scarcity = Scarcity()

    assert scarcity.look(evalset, all_of_it[: FEWEST_SAMPLES - 1]) is None
    first = scarcity.look(evalset, all_of_it[:FEWEST_SAMPLES])
    assert first is not None
    assert scarcity.look(evalset, all_of_it[: 2 * FEWEST_SAMPLES - 1]) is first

    restored = Scarcity()
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(scarcity.snapshot())))
    later = all_of_it[: 2 * FEWEST_SAMPLES]
    assert restored.look(evalset, later) == scarcity.look(evalset, later)
    assert isinstance(later_of(scarcity), Scarce)
    assert later_of(scarcity).samples == 2 * FEWEST_SAMPLES


def later_of(scarcity: Scarcity) -> Scarce:
    return msgspec.convert(scarcity.snapshot()[2], Scarce)


def test_fast_traffic_is_looked_at_once_a_while(evalset: Reference) -> None:
    quick = samples(with_new(0.2, 4), first=0, seconds=AGAIN_SECONDS / UNITS / 2)
    scarcity = Scarcity()

    assert scarcity.look(evalset, quick[:FEWEST_SAMPLES]) is scarcity.look(evalset, quick)


def test_what_comes_later_lies_in_the_places_that_were_told(evalset: Reference) -> None:
    found = scarce(evalset.rows, with_new(0.2, 5), np.ones(UNITS), seed=0)
    later = with_new(0.2, 6)

    inside = [lies_in(found.places, row) for row in later.wording]

    new = round(0.2 * UNITS)
    assert np.mean(inside[:new]) > 0.9
    assert np.mean(inside[new:]) < 0.05
