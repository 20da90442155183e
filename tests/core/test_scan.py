import numpy as np
import pytest
from scipy.stats import chi2_contingency

from app.core.fixedpoint import Floats
from app.core.scan import Region, Scan, scan

DIMENSIONS = 8


def blobs(counts: list[int], *, seed: int) -> Floats:
    """Points around as many far corners as there are counts."""
    random = np.random.default_rng(seed)
    return np.concatenate(
        [20.0 * np.eye(DIMENSIONS)[k] + random.normal(0, 1, (c, DIMENSIONS)) for k, c in enumerate(counts)]
    )


def scanned(before: list[int], now: list[int]) -> Scan:
    return scan(blobs(before, seed=1), blobs(now, seed=2), np.ones(sum(now)), seed=0)


def is_blob(region: Region, counts: list[int], blob: int) -> bool:
    first = sum(counts[:blob])
    return bool(np.array_equal(region.now, np.arange(first, first + counts[blob])))


def test_a_new_topic_is_one_region_whatever_its_size() -> None:
    for share in (12, 40, 90):
        now = [40, 40, 40, share]
        found = scanned([100, 100, 100, 0], now)
        assert [is_blob(r, now, 3) for r in found.regions] == [True]
        assert found.regions[0].evidence > found.critical


def test_what_only_shrank_because_a_topic_is_new_is_not_told() -> None:
    found = scanned([100, 100, 100, 0], [10, 10, 10, 70])
    assert len(found.regions) == 1


def test_what_only_grew_because_a_topic_went_is_not_told() -> None:
    found = scanned([100, 100, 100, 100], [30, 30, 30, 0])
    (gone,) = found.regions
    assert gone.evidence < -found.critical
    assert gone.before.tolist() == list(range(300, 400))


def test_two_changes_are_two_regions_the_stronger_first() -> None:
    now = [60, 20, 60, 30]
    found = scanned([200, 100, 100, 0], now)
    assert is_blob(found.regions[0], now, 3)
    assert [r.evidence > 0 for r in found.regions].count(True) >= 1
    assert [abs(r.evidence) for r in found.regions] == sorted(abs(r.evidence) for r in found.regions)[::-1]


def test_without_a_change_the_likeliest_growth_is_shown_and_is_not_critical() -> None:
    found = scanned([100, 100, 100], [30, 30, 30])
    assert len(found.regions) == 1
    assert 0 < found.regions[0].evidence <= found.critical


def test_evidence_is_the_likelihood_ratio_of_the_two_shares() -> None:
    found = scanned([100, 100, 100], [10, 10, 50])
    (region,) = found.regions
    inside, before = len(region.now), len(region.before)
    table = [[inside, 70 - inside], [before, 300 - before]]
    g = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert region.evidence**2 == pytest.approx(g)


def test_weights_count_as_an_effective_number_of_units() -> None:
    before, now = blobs([100, 100], seed=1), blobs([30, 30], seed=2)
    one = scan(before, now, np.ones(60), seed=0)
    ten = scan(before, now, np.full(60, 10.0), seed=0)
    assert ten.critical == pytest.approx(one.critical)
    assert ten.regions[0].evidence == pytest.approx(one.regions[0].evidence)


def test_equal_rows_are_never_torn_apart() -> None:
    same = np.ones((100, DIMENSIONS))
    assert scan(same, same[:50], np.ones(50), seed=0).regions == []


def test_all_of_the_second_sample_may_be_new() -> None:
    found = scanned([200, 0], [0, 60])
    assert is_blob(found.regions[0], [0, 60], 1)


def test_it_is_deterministic_under_its_seed() -> None:
    before, now = blobs([100, 100], seed=1), blobs([30, 60], seed=2)
    one, two = (scan(before, now, np.ones(90), seed=3) for _ in range(2))
    assert one.critical == two.critical
    assert [r.now.tolist() for r in one.regions] == [r.now.tolist() for r in two.regions]
