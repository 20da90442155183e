import numpy as np
import pytest

from app.core.episodes import explain_recent
from app.core.projection import MOST_POINTS, landscape, plane, thinned
from tests.rig import made

GLUTEN = {**made.USUAL, "gluten": 0.4}


def test_the_plane_is_that_of_the_largest_variances_and_the_reference_is_round_on_it() -> None:
    known = made.baseline(400).reference
    where = plane(known, known.rows.wording)
    assert where.mean(axis=0) == pytest.approx(0.0, abs=1e-9)
    kept = 0.5 * known.eyes["wording"].spectrum.trace / made.DIMENSIONS  # what shrinkage lends them, at most
    assert np.all(where.var(axis=0) >= 1.0 - kept)
    others = known.eyes["wording"].spectrum.eigenvalues
    assert others[1] == max(others[1:])


def test_the_plane_does_not_depend_on_the_sign_of_an_eigenvector() -> None:
    known = made.baseline(400).reference
    spectrum = known.eyes["wording"].spectrum
    before = plane(known, known.rows.wording[:20])
    spectrum.basis[:, 0] *= -1
    after = plane(known, known.rows.wording[:20])
    spectrum.basis[:, 0] *= -1
    assert after == pytest.approx(before)


def test_a_landscape_is_small_and_the_same_every_time() -> None:
    known = made.baseline(400).reference
    assert len(landscape(known)) == MOST_POINTS
    assert landscape(known) == landscape(known)


def test_units_are_shown_as_often_as_they_stand_for() -> None:
    weights = np.array([1.0] * 300 + [9.0] * 300)  # novel ones all kept, of the others a ninth
    chosen = thinned(weights)
    assert len(chosen) == pytest.approx(MOST_POINTS, abs=2)
    assert (chosen >= 300).mean() == pytest.approx(0.9, abs=0.01)


def test_an_explanation_maps_its_units_by_cluster() -> None:
    recent = made.samples(made.interactions(200, first=1000, topics=GLUTEN))
    found = explain_recent(0.0, baseline=made.baseline(400), recent=recent)
    assert found is not None
    assert found.groups == []
    assert len(found.map) == 200
    planted = {i for i, sample in enumerate(recent) if "gluten" in sample.text}
    new = {i for i, move in enumerate(found.clusters) if move.new}
    mapped = {i for i, (_, _, cluster) in enumerate(found.map) if cluster in new}
    assert mapped <= planted
    assert len(mapped) > 0.8 * len(planted)
