from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import reference
from app.core.fixedpoint import WORDING_SCALE, restore
from app.core.reference import Reference, TooFewUnits, build, content_id, normal_scores
from app.core.rows import Rows, concatenate
from tests.rig import made


def built(rows: Rows) -> Reference:
    with made.quick_calibration():
        return build(rows, application=made.APP, kind="baseline", fingerprint=made.FINGERPRINT)


def repeated(count: int, distinct: int) -> Rows:
    few = made.rows(distinct)
    index = np.arange(count) % distinct
    return Rows(
        wording=few.wording[index],
        shape=few.shape[index],
        texts=tuple(few.texts[i] for i in index),
        languages=("en",) * count,
        code=(False,) * count,
    )


def test_too_few_units_are_refused_with_the_number_needed() -> None:
    with pytest.raises(TooFewUnits, match="99 usable units; at least 100"):
        built(made.rows(99))


@pytest.mark.parametrize("distinct", [1, 2, 20])
def test_a_reference_of_few_distinct_texts_is_finite(distinct: int) -> None:
    found = built(repeated(120, distinct))
    for eye in found.eyes.values():
        assert np.isfinite(eye.norms).all()
        assert (eye.spectrum.eigenvalues > 0).all()
    assert len(found.clusters.names) <= distinct
    assert sum(found.clusters.shares) == pytest.approx(1.0)


def test_it_does_not_cover_what_it_never_saw() -> None:
    known = made.reference(400)
    fresh, foreign = made.rows(400, seed=9), made.rows(400, seed=9, topics={"gluten": 1.0})
    share = [reference.uncovered(known, restore(r.wording, WORDING_SCALE)).mean() for r in (fresh, foreign)]
    assert share[0] < 0.04  # 1 % is promised; 0.04 is six standard errors away
    assert share[1] > 0.3


def test_its_identity_is_what_it_is_computed_from() -> None:
    rows, other = made.rows(100), made.rows(100, seed=1)
    one = content_id(rows, "evalset", "encoder", 0)
    assert one == content_id(rows, "evalset", "encoder", 0)
    labels = np.zeros(100, np.int64)
    others = {
        content_id(other, "evalset", "encoder", 0),
        content_id(replace(rows, shape=other.shape), "evalset", "encoder", 0),
        content_id(rows, "baseline", "encoder", 0),
        content_id(rows, "evalset", "another", 0),
        content_id(rows, "evalset", "encoder", 1),
        content_id(rows, "evalset", "encoder", 0, labels),
    }
    assert len(others | {one}) == 7


def test_a_constant_column_scores_zero() -> None:
    assert normal_scores(np.full((3, 1), 5.0, np.float32), np.full((1, 50), 5.0)).tolist() == [[0.0]] * 3


@given(st.lists(st.floats(width=32, allow_nan=True), min_size=1, max_size=20))
def test_scores_are_finite_and_follow_the_order(values: list[float]) -> None:
    grid = np.sort(np.random.default_rng(0).standard_normal((1, 100)))
    ordered = np.sort(np.array(values, np.float32))  # no number comes last
    scores = normal_scores(ordered[:, None], grid)[:, 0]
    assert np.abs(scores).max() <= 3.3
    assert (np.diff(scores) >= 0).all()


def test_rows_joined_are_rows_in_order() -> None:
    one, two = made.rows(3), made.rows(2, seed=1)
    both = concatenate([one, two])
    assert both.texts == (*one.texts, *two.texts)
    assert both.wording[3:].tolist() == two.wording.tolist()
    assert len(both) == len(both.languages) == len(both.code) == 5


@pytest.mark.parametrize("name", ["wording", "shape"])
def test_rows_that_are_not_one_a_text_are_refused(name: str) -> None:
    rows = made.rows(120)
    with pytest.raises(ValueError, match=f"{name} .* for 120 texts"):
        replace(rows, **{name: getattr(rows, name)[:50]})


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_shape_numbers_that_are_none_leave_a_reference_finite(broken: float) -> None:
    rows = made.rows(120)
    shape = rows.shape.copy()
    shape[::3, 2] = broken
    for eye in built(replace(rows, shape=shape)).eyes.values():
        assert np.isfinite(eye.norms).all()


def test_fewer_units_than_dimensions_are_enough() -> None:
    found = built(made.rows(100))
    eye = found.eyes["wording"]
    assert len(eye.spectrum.mean) > 100
    assert (eye.spectrum.eigenvalues > 0).all()
    fresh = eye.p_values(restore(made.rows(400, seed=3).wording, WORDING_SCALE))
    assert 0.25 < np.median(fresh) < 0.8  # out-of-fold norms: new units are no stranger than its own
