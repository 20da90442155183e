from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from app.core.attribution import (
    Explanation,
    cluster_moves,
    driver_move,
    explain,
)
from app.core.descriptors import counted, described, descriptor_moves
from app.core.detection import Lens
from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from app.core.rows import Rows, concatenate
from app.core.topics import Topics
from schemas.readings import DescriptorMove
from tests.rig import made

BEFORE = made.rows(400)
WITH_GLUTEN = {**made.USUAL, "gluten": 0.25}
PLANTED = set(made.TOPICS["gluten"])


def planted(count: int = 200) -> Rows:
    return made.rows(count, seed=8, topics=WITH_GLUTEN)


@cache
def found() -> Explanation:
    return explain(BEFORE, planted(), np.ones(200), seed=0)


def words_of(name: str) -> set[str]:
    return set(name.split(" (")[0].split(" · "))


def test_a_planted_topic_is_named_by_its_words_and_new() -> None:
    new = [c for c in found().clusters if c.new]
    assert new
    assert all(words_of(c.name) <= PLANTED for c in new)
    assert all(set(text.split()) & PLANTED for c in new for text in c.examples)
    assert all(not set(text.split()) & PLANTED for c in new for text in c.nearest)
    assert found().sure


def test_the_growth_of_the_new_clusters_is_at_most_what_was_planted_and_most_of_it() -> None:
    now = made.rows(300, seed=8, topics={**made.USUAL, "gluten": 0.6})
    share = sum(bool(set(t.split()) & PLANTED) for t in now.texts) / 300
    moves = explain(BEFORE, now, np.ones(300), seed=0).clusters
    grown = sum(c.share_now for c in moves if words_of(c.name) & PLANTED)
    assert 0.6 * share < grown <= share + 0.02


def test_every_change_lies_in_its_interval() -> None:
    for move in found().clusters:
        assert move.low is not None
        assert move.high is not None
        assert move.low <= move.share_now - move.share_before <= move.high + 0.02  # centred by Agresti-Caffo


def test_without_a_change_nothing_is_new_and_nothing_is_sure() -> None:
    same = explain(BEFORE, made.rows(200, seed=8), np.ones(200), seed=0)
    assert not any(c.new for c in same.clusters)
    assert not same.sure
    assert len(same.clusters) <= 1


def test_a_unit_kept_with_a_tenth_of_the_chance_counts_ten_times() -> None:
    """Novel units are all kept, of the others one in ten: the weights restore the true share."""
    usual, gluten = made.rows(60, seed=8), made.rows(60, seed=9, topics={"gluten": 1.0})
    weights = np.repeat([10.0, 1.0], 60)
    moves = cluster_moves(BEFORE, concatenate([usual, gluten]), weights, seed=0)
    grown = sum(m.move.share_now for m in moves if words_of(m.move.name) & PLANTED)
    assert grown == pytest.approx(60 / 660, abs=0.04)


def loudness(rows: Rows) -> Floats:
    """Speaks for bread: how often its words are in a text."""
    return np.array([[len(set(text.split()) & PLANTED) + 1e-3 * len(text)] for text in rows.texts])


LOUD = Lens(loudness, lambda seen: seen[:, 0])


def test_where_no_cluster_moved_the_units_that_speak_loudest_are_shown() -> None:
    few = made.rows(150, seed=8, topics={**made.USUAL, "gluten": 0.04})
    spoken = [text for text in few.texts if set(text.split()) & PLANTED]
    (move,) = explain(BEFORE, few, np.ones(150), seed=0, lens=LOUD).clusters
    assert set(move.examples) <= set(spoken)
    assert words_of(move.name) <= PLANTED
    assert move.share_now >= len(spoken) / 150 > move.share_before == 0.01


def test_a_silent_lens_shows_no_loud_units() -> None:
    few = made.rows(150, seed=8, topics={**made.USUAL, "gluten": 0.04})
    silent = explain(BEFORE, few, np.ones(150), seed=0, lens=replace(LOUD, loudness=None))
    assert not silent.sure


def test_where_a_cluster_moved_it_is_shown_whoever_speaks_loudest() -> None:
    shown = explain(BEFORE, planted(), np.ones(200), seed=0, lens=LOUD).clusters
    assert [c.name for c in shown] == [c.name for c in found().clusters]


def test_two_loud_units_are_no_drivers() -> None:
    quiet = made.rows(50, seed=8)
    assert driver_move(BEFORE, quiet, np.ones(50), loudness=(np.zeros(400), np.zeros(50))) == []


def test_contributions_and_what_is_elsewhere_make_the_whole_distance() -> None:
    seen = Lens(lambda rows: restore(rows.wording, WORDING_SCALE), None)
    told = explain(BEFORE, planted(), np.ones(200), seed=0, lens=seen)
    parts = [c.contribution for c in told.clusters]
    assert told.elsewhere is not None
    assert sum(p for p in parts if p is not None) + told.elsewhere == pytest.approx(1.0)
    assert parts[0] is not None
    assert parts[0] > 0.5


def test_without_a_distance_nothing_contributes() -> None:
    still = Lens(lambda rows: np.zeros((len(rows), 1)), None)
    told = explain(BEFORE, planted(), np.ones(200), seed=0, lens=still)
    assert told.elsewhere is None
    assert all(c.contribution is None for c in told.clusters)


def test_a_topic_bears_its_id_whenever_it_is_told() -> None:
    topics = Topics()
    first, again = (
        explain(
            BEFORE, made.rows(count, seed=seed, topics=WITH_GLUTEN), np.ones(count), seed=0, topics=topics
        )
        for count, seed in ((90, 3), (240, 4))
    )
    assert first.clusters[0].id == again.clusters[0].id != ""


def test_it_is_deterministic_under_its_seed() -> None:
    again = explain(BEFORE, planted(), np.ones(200), seed=0)
    assert again == found()


def moved(before: Rows, now: Rows) -> list[DescriptorMove]:
    return descriptor_moves(counted(before), described(now), np.ones(len(now)))


def test_another_language_and_code_are_named() -> None:
    now = replace(planted(), languages=("de",) * 80 + ("en",) * 120, code=(True,) * 50 + (False,) * 150)
    moves = moved(BEFORE, now)
    assert {m.name: (m.share_before, round(m.share_now, 6)) for m in moves} == {
        "language: de": (0.0, 0.4),
        "language: en": (1.0, 0.6),
        "code": (0.0, 0.25),
    }


def test_a_programming_language_is_named() -> None:
    before = replace(BEFORE, programming=("java",) * 40 + (None,) * 360)
    now = replace(planted(), programming=("java",) * 20 + ("rust",) * 60 + (None,) * 120)
    moves = [m for m in moved(before, now) if m.name.startswith("programming")]
    assert [(m.name, m.share_before, round(m.share_now, 6)) for m in moves] == [
        ("programming language: rust", 0.0, 0.3)
    ]


def test_texts_without_descriptors_move_none() -> None:
    bare = replace(BEFORE, languages=(None,) * 400)
    assert moved(bare, bare) == []


def test_two_recent_units_are_enough_to_be_asked_about() -> None:
    assert not explain(BEFORE, made.rows(2, seed=8), np.ones(2), seed=0).sure


def test_identical_texts_hold_no_region() -> None:
    one = made.rows(1)
    index = np.zeros(120, np.int64)
    same = Rows(
        wording=one.wording[index],
        shape=one.shape[index],
        texts=one.texts * 120,
        languages=("en",) * 120,
        code=(False,) * 120,
    )
    assert cluster_moves(same, same, np.ones(120), seed=0) == []
