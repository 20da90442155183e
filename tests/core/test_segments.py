from datetime import UTC, datetime

import numpy as np
import pytest
from msgspec.structs import replace

from app.core.alerts import alert_of, summarise
from app.core.attribution import explain
from app.core.baseline import rows_of
from app.core.rules import Rule
from app.core.segments import MOST_TAGS, MOST_VALUES, Group, segment_moves, segments_of
from schemas.events import Interaction, PromptTemplate
from schemas.readings import Reading
from tests.rig import made

AT = datetime(2026, 3, 9, tzinfo=UTC)
EVENT = Interaction(application="a", time=AT, prompt="?")
ONES = np.ones(400)


def drawn(seed: int, count: int, **shares: dict[str, float]) -> list[list[str]]:
    """Independent labels of `count` units, one of each key."""
    random = np.random.default_rng(seed)
    columns = [[f"{k}={v}" for v in random.choice([*s], count, p=[*s.values()])] for k, s in shares.items()]
    return [list(labels) for labels in zip(*columns, strict=True)]


def cluster(before: list[int], now: list[int]) -> Group:
    return "code", (np.array(before, np.int64), np.array(now, np.int64))


def test_every_field_that_names_a_part_of_the_traffic_is_a_segment() -> None:
    event = replace(
        EVENT,
        model="m2",
        deployment_id="d7",
        variant="b",
        prompt_template=PromptTemplate(name="greet", version="3"),
        language="pt-BR",
        channel="web",
        tags=["beta", "beta"],
    )
    expected = "model=m2 deployment=d7 variant=b template=greet:3 language=pt-BR channel=web tag=beta"
    assert segments_of(event, "pt") == expected.split()
    assert segments_of(EVENT, None) == []


@pytest.mark.parametrize(
    "value", ["x" * 65, "ann@shop.org", "a\nb", "<b>", "live at 12 Elm St, ok?", "\u202e"]
)
def test_what_is_no_name_is_told_as_a_hash_that_tells_values_apart(value: str) -> None:
    one, other = (segments_of(replace(EVENT, channel=said), None)[0] for said in (value, value + "!"))
    assert one.startswith("channel=#")
    assert len(one) == len("channel=#") + 8
    assert one != other


def test_an_event_has_few_tags() -> None:
    assert len(segments_of(replace(EVENT, tags=[f"t{i}" for i in range(99)]), None)) == MOST_TAGS


def test_a_cluster_that_grew_under_one_model_is_told_there_and_only_there() -> None:
    models = {"m1": 0.6, "m2": 0.4}
    others = {"channel": {"web": 0.5, "app": 0.5}, "variant": {"a": 0.8, "b": 0.2}}
    before, now = drawn(1, 2000, model=models, **others), drawn(2, 400, model=models, **others)
    held = [i for i, labels in enumerate(now) if "model=m2" in labels and i % 2]
    (move,) = segment_moves(before, now, ONES, [cluster([], held)])
    assert (move.name, move.cluster, move.share_before) == ("model=m2", "code", 0.0)
    assert move.share_now == pytest.approx(0.5, abs=0.1)
    assert (move.elsewhere_before, move.elsewhere_now) == (0.0, 0.0)
    assert 0.3 < move.low < 0.5 < move.high < 0.7


def test_what_was_always_so_in_a_segment_is_no_change_of_it() -> None:
    """A third of what web says has always been code; the change is that the app does so too."""
    before = drawn(1, 1800, channel={"web": 0.5, "app": 0.5})
    now = drawn(2, 400, channel={"web": 0.5, "app": 0.5})
    was = [i for i, labels in enumerate(before) if "channel=web" in labels and i % 3 == 0]
    told = segment_moves(before, now, ONES, [cluster(was, [i for i in range(400) if i % 3 == 0])])
    assert [move.name for move in told] == ["channel=app"]


def test_where_only_the_mix_moved_it_is_the_mix_that_is_told() -> None:
    before = drawn(1, 1800, model={"m1": 0.9, "m2": 0.1})
    now = drawn(2, 400, model={"m1": 0.4, "m2": 0.6})
    groups = [cluster(*([i for i, u in enumerate(units) if "model=m2" in u] for units in (before, now)))]
    (move,) = segment_moves(before, now, ONES, groups)
    assert (move.name, move.cluster) == ("model=m2", None)
    assert move.share_before == pytest.approx(0.1, abs=0.03)


def test_a_new_segment_is_compared_with_what_everybody_did() -> None:
    before = [["model=m1"]] * 1000
    now = drawn(2, 400, model={"m1": 0.5, "m2": 0.5})
    held = [i for i, labels in enumerate(now) if "model=m2" in labels and i % 2]
    told = segment_moves(before, now, ONES, [cluster(list(range(0, 1000, 50)), held)])
    assert [(m.name, m.cluster) for m in told] == [("model=m2", "code"), ("model=m2", None)]
    assert told[0].share_before is None
    assert told[0].elsewhere_before == pytest.approx(0.02)


def test_segments_of_the_same_units_are_one() -> None:
    before = [["model=m1", "variant=a"]] * 500
    now = [["model=m2", "variant=b"] if i % 2 else ["model=m1", "variant=a"] for i in range(400)]
    told = segment_moves(before, now, ONES, [])
    assert [move.name for move in told] == ["model=m2 · variant=b"]


def test_a_tag_that_went_away_is_told_and_one_a_unit_bears_alone_is_not() -> None:
    before = [["tag=beta"] if i % 3 else [] for i in range(900)]
    now = [[f"tag=user-{i}"] for i in range(400)]
    (move,) = segment_moves(before, now, ONES, [])
    assert (move.name, move.share_now) == ("tag=beta", 0.0)
    assert move.high < 0


def test_a_unit_kept_with_a_tenth_of_the_chance_counts_ten_times() -> None:
    before = drawn(1, 2000, model={"m1": 0.9, "m2": 0.1})
    now = [["model=m2"]] * 200 + [["model=m1"]] * 200  # all novel units are kept, of the others one in ten
    weights = np.repeat([1.0, 10.0], 200)
    assert segment_moves(before, now, weights, []) == []


def test_at_most_one_in_twenty_unchanged_streams_shows_a_segment() -> None:
    """The promise is one in twenty over all segments and clusters together."""
    many = {f"v{i}": 1 / 30 for i in range(30)}
    keys = {"model": {"m1": 0.5, "m2": 0.5}, "channel": {"web": 0.9, "app": 0.1}, "tag": many}
    shown = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        groups = []
        for share in (0.05, 0.1, 0.3):
            was, is_now = random.random(1000) < share / 4, random.random(200) < share
            groups.append((str(share), (np.flatnonzero(was), np.flatnonzero(is_now))))
        before, now = drawn(2 * seed, 1000, **keys), drawn(2 * seed + 1, 200, **keys)
        shown += bool(segment_moves(before, now, ONES[:200], groups))
    assert shown <= 6  # 3 expected at most; more than 6 of Binomial(60, 0.05) has a chance of 3 %
    assert MOST_VALUES < 30


def test_an_explanation_names_the_model_and_a_baseline_without_segments_says_nothing() -> None:
    usual = [replace(event, model="m1") for event in made.interactions(400)]
    topics = {**made.USUAL, "gluten": 0.6}
    odd = made.interactions(240, seed=8, topics=topics)
    calm = made.interactions(240, seed=9)
    mixed = [replace(odd[i], model="m2") if i % 2 else replace(calm[i], model="m1") for i in range(240)]
    before, now = rows_of(made.samples(usual)), rows_of(made.samples(mixed))
    found = explain(before, now, np.ones(len(now)), seed=0)
    named = [move for move in found.segments if move.cluster is not None]
    assert [move.name for move in named] == ["model=m2"]
    reading = Reading(
        id="r",
        application="shop",
        monitor="change",
        state="alarm",
        time=AT,
        clusters=found.clusters,
        segments=found.segments,
    )
    assert "most in model=m2" in summarise(reading)
    assert alert_of(reading, "i", AT, Rule()).segments == found.segments
    bare = explain(made.rows(400), now, np.ones(len(now)), seed=0)
    assert bare.segments == []
