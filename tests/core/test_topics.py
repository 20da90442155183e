import numpy as np
import pytest

from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.topics import KEPT, Topics, joined
from tests.rig import made

ORIGIN = restore(made.rows(300).wording, WORDING_SCALE).mean(axis=0)


def units(topic: str, *, seed: int, count: int = 12) -> Floats:
    return restore(made.rows(count, seed=seed, topics={topic: 1.0}).wording, WORDING_SCALE)


@pytest.mark.parametrize("topic", list(made.TOPICS))
def test_a_topic_that_comes_back_bears_its_id(topic: str) -> None:
    topics = Topics()
    others = {topics.identify(units(other, seed=1), ORIGIN) for other in made.TOPICS if other != topic}
    name = topics.identify(units(topic, seed=1), ORIGIN)
    assert name not in others
    assert topics.identify(units(topic, seed=2), ORIGIN) == name


def test_an_id_is_a_function_of_the_units() -> None:
    names = {Topics().identify(units("garden", seed=1), ORIGIN) for _ in range(2)}
    assert len(names) == 1
    assert Topics().identify(units("garden", seed=2), ORIGIN) not in names


def test_a_restored_memory_knows_the_same_topics() -> None:
    topics, again = Topics(), Topics()
    names = [topics.identify(units(topic, seed=1), ORIGIN) for topic in made.TOPICS]
    again.restore(topics.snapshot())
    assert again.snapshot() == topics.snapshot()
    assert [again.identify(units(topic, seed=2), ORIGIN) for topic in made.TOPICS] == names


def test_a_copy_learns_alone() -> None:
    topics = Topics()
    topics.copy().identify(units("garden", seed=1), ORIGIN)
    assert topics.snapshot() == []


def test_the_topic_not_told_for_longest_is_forgotten() -> None:
    topics = Topics()
    random = np.random.default_rng(0)
    for _ in range(KEPT + 3):
        topics.identify(random.standard_normal((1, 384)).repeat(2, axis=0), np.zeros(384))
    assert len(topics.snapshot()) == KEPT


def test_parts_of_one_topic_are_joined_and_others_are_not() -> None:
    groups = [units("garden", seed=1), units("exam", seed=2), units("garden", seed=3)]
    assert joined(groups, ORIGIN) == [[0, 2], [1]]
    assert joined([], ORIGIN) == []
