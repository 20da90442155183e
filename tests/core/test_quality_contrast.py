"""Two versions whose questions hardly meet: what is not compared is mix, and nothing breaks."""

import math
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.estimates import Row
from app.core.quality_contrast import REST, cells_of, contrast

Side = list[tuple[str, Row]]


def side(counts: dict[str, int], *, right: float = 0.8) -> Side:
    """So many scored rows of each cluster."""
    return [
        (name, Row(stratum=name, inclusion=0.5, selection=0.5, score=float(number < right * count)))
        for name, count in counts.items()
        for number in range(count)
    ]


def compared(old: Sequence[tuple[str, Row]], new: Sequence[tuple[str, Row]]) -> set[str]:
    return set(cells_of(old, new))


def test_few_scores_of_a_cluster_that_the_other_version_never_saw_are_mix() -> None:
    old = side({"easy": 200, "rare": 12, "odd": 12})
    new = side({"easy": 200, "rare": 12, "novel": 12})
    cells = cells_of(old, new)
    assert cells == {"easy": "easy", "rare": REST, "odd": REST}
    found = contrast(old, new)
    assert found is not None
    assert not found.decided


def test_a_cluster_that_more_than_doubled_is_mix() -> None:
    assert compared(side({"easy": 300, "hard": 30}), side({"easy": 300, "hard": 90})) == {"easy"}


counts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 120), min_size=1, max_size=8)


@given(old=counts, new=counts, right=st.floats(0, 1))
@settings(max_examples=60)
def test_whatever_was_asked_the_difference_is_finite(
    old: dict[str, int], new: dict[str, int], right: float
) -> None:
    found = contrast(side(old), side(new, right=right))
    if found is not None:
        assert all(map(math.isfinite, (found.scores.low, found.scores.value, found.scores.high)))
        assert 0 <= found.p_value <= 1
