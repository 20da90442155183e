import numpy as np
import pytest

from app.core.clusters import fit, partition
from app.core.fixedpoint import WORDING_SCALE, restore
from tests.rig import made

SPOKEN_OF = {"parcel": 0.5, "invoice": 0.3, "password": 0.2}
ROWS = made.rows(200, topics=SPOKEN_OF)
VECTORS = restore(ROWS.wording, WORDING_SCALE)
LABELS = partition(VECTORS, 3, seed=0)
FITTED = fit(VECTORS, ROWS.texts, labels=LABELS)


def test_clusters_are_named_by_the_words_of_their_topic() -> None:
    for topic, its in made.TOPICS.items():
        named = [name for name in FITTED.names if any(word in its for word in name.split(" · "))]
        assert len(named) == (topic in SPOKEN_OF)


def test_shares_are_those_of_the_assignment_and_sum_to_one() -> None:
    assigned = FITTED.assign(VECTORS)
    assert np.allclose(np.bincount(assigned, minlength=3) / 200, FITTED.shares)
    assert sum(FITTED.shares) == pytest.approx(1.0)


def test_exemplars_are_distinct_texts_of_their_cluster() -> None:
    assigned = dict(zip(ROWS.texts, FITTED.assign(VECTORS).tolist(), strict=True))
    for k, exemplars in enumerate(FITTED.exemplars):
        assert len(set(exemplars)) == len(exemplars) == 3
        assert {assigned[text] for text in exemplars} == {k}


def test_the_partition_is_deterministic_under_its_seed() -> None:
    assert partition(VECTORS, 3, seed=0).tolist() == LABELS.tolist()


def test_there_are_never_more_clusters_than_distinct_rows() -> None:
    two = np.repeat(VECTORS[:2], 50, axis=0)
    assert len(set(partition(two, 8, seed=0).tolist())) == 2
    assert set(partition(np.repeat(VECTORS[:1], 50, axis=0), 8, seed=0).tolist()) == {0}


def test_one_cluster_holds_everything() -> None:
    one = fit(VECTORS, ROWS.texts, labels=np.zeros(200, np.int64))
    assert one.shares == (1.0,)
    assert set(one.assign(VECTORS).tolist()) == {0}
