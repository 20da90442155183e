import numpy as np
import pytest
from msgspec.structs import replace

from app.core.coverage import Counts
from app.core.folding import Fold
from app.core.gap import gap_clusters, gap_descriptors
from app.core.history import Window
from tests.rig import made


def window(clusters: list[int] | None, units: int) -> Window:
    out = Window(0.0, 1.0)
    name = made.reference(300).id
    counts = {} if clusters is None else {name: Counts(units, 0, np.array(clusters))}
    out.add(Fold(units=units, coverage=counts), [], 1.0)
    return out


def test_the_largest_gap_to_the_eval_set_comes_first_and_only_sure_ones() -> None:
    evalset = made.reference(300)
    count = len(evalset.clusters.names)
    usual = [round(share * 1000) for share in evalset.clusters.shares]
    assert gap_clusters([window(usual, 1000)], evalset) == []
    moves = gap_clusters([window([1000, *[0] * (count - 1)], 1000)], evalset)
    assert moves[0].name == evalset.clusters.names[0]
    assert moves[0].share_now == 1.0
    assert moves[0].nearest == list(evalset.clusters.exemplars[0])


def test_without_counts_there_are_no_gaps() -> None:
    assert gap_clusters([window(None, 32)], made.reference(300)) == []
    assert gap_clusters([], made.reference(300)) == []


def test_a_share_that_the_eval_set_lacks_is_told_and_samples_count_by_their_chance() -> None:
    evalset = made.reference(300)  # English prose
    kept = made.samples(made.interactions(300, seed=3))
    novel = [replace(s, code=True, reason="novel", language="en") for s in kept[:100]]
    uniform = [replace(s, inclusion=0.5, reason="uniform", language="en") for s in kept[100:]]
    (move,) = gap_descriptors([*novel, *uniform], evalset)
    assert (move.name, move.share_before) == ("code", 0.0)
    assert move.share_now == pytest.approx(0.2)
    assert move.low is not None
    assert move.high is not None
    assert 0.1 < move.low < 0.2 < move.high < 0.3
    assert gap_descriptors(uniform, evalset) == []
    assert gap_descriptors([], evalset) == []
