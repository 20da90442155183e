from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace

from app.core.curation import MOST_FAILURES, Draft, NothingToAsk, Prior, curate, version_id
from app.core.curation_pool import Pool, item_id, pool_of, thinned
from app.core.fixedpoint import WORDING_SCALE, Floats, restore
from schemas.evalsets import CuratedItem, Plan, Stake
from schemas.ticks import Sample
from tests.rig import made

PLAN = Plan(size=100, failures=4, novel=5)
CODE = {**{topic: 0.7 / 9 for topic in made.USUAL if topic != "exam"}, "exam": 0.3}
NOTHING = Pool((), np.zeros((0, 384)))


@cache
def samples(count: int = 800, *, seed: int = 0, planted: bool = False) -> tuple[Sample, ...]:
    topics = {**CODE, "gluten": 0.1} if planted else CODE
    return tuple(made.samples(made.interactions(count, seed=seed, topics=topics)))


def vectors(texts: Sequence[str]) -> Floats:
    return restore(made.encode(texts).wording, WORDING_SCALE)


def pool(given: Sequence[Sample] | None = None, plan: Plan = PLAN, **failures: set[str]) -> Pool:
    found = samples() if given is None else given
    return pool_of(found, vectors([s.text for s in found]), plan, failures=failures, expected={})


@cache
def first() -> Draft:
    return curate(pool(), PLAN, seed=0)


def prior(draft: Draft) -> Prior:
    return Prior(draft.items, vectors([item.prompt for item in draft.items]))


def weight(draft: Draft, word: str) -> float:
    return sum(i.weight or 0.0 for i in draft.items if i.layer == "core" and word in i.prompt)


def test_the_core_holds_what_production_holds() -> None:
    live = sum("exam" in s.text for s in samples()) / len(samples())
    held = sum("exam" in i.prompt for i in first().items)
    assert weight(first(), "exam") == pytest.approx(live, abs=0.02)
    assert held / PLAN.size == pytest.approx(live, abs=0.02)
    assert sum(i.weight or 0.0 for i in first().items) == pytest.approx(1.0)
    assert (len(first().items), first().underfilled) == (100, ())


def test_samples_kept_with_a_known_chance_count_for_those_that_were_not() -> None:
    thin = [
        replace(s, inclusion=0.1) for s in samples() if "exam" not in s.text and hash(s.ordinal) % 10 == 0
    ]
    found = curate(pool((*thin, *(s for s in samples() if "exam" in s.text))), PLAN, seed=0)
    assert weight(found, "exam") == pytest.approx(weight(first(), "exam"), abs=0.03)


def test_equal_inputs_and_seed_give_an_equal_version() -> None:
    one, other = (thinned(order, most=10_000, seed=0) for order in (samples(), reversed(samples())))
    version = version_id(curate(pool(one), PLAN, seed=0).items)
    assert version == version_id(curate(pool(other), PLAN, seed=0).items)
    assert version != version_id(curate(pool(one), PLAN, seed=1).items)


def test_near_duplicates_are_one_question_that_stands_for_all_of_them() -> None:
    mine = samples(300)
    many = [replace(mine[0], id=f"again-{i}", text=f"{mine[0].text.upper()}{'!' * i}") for i in range(100)]
    found = curate(pool((*mine, *many)), PLAN, seed=0)
    same = [i for i in found.items if item_id(i.prompt) == item_id(mine[0].text)]
    assert [i.weight for i in same] == [pytest.approx(101 / 400)]
    assert len({i.id for i in found.items}) == 100


def test_a_sample_of_which_redaction_left_nothing_is_left_out_and_told() -> None:
    empty = [replace(s, text=t) for s, t in zip(samples(100), ["", "<email>", "<key> …"], strict=False)]
    found = pool((*empty, *samples(100)[3:]))
    assert found.unusable == pytest.approx(0.03)
    assert not any("<" in q.text for q in found.questions)
    with pytest.raises(NothingToAsk):
        curate(NOTHING, PLAN, seed=0)


def test_one_sample_makes_a_set_of_one_that_is_not_ready() -> None:
    found = curate(pool(samples(1)), PLAN, seed=0)
    assert [i.weight for i in found.items] == [1.0]
    assert [(s.name, s.wanted, s.found) for s in found.underfilled] == [("core", 100, 1)]


def test_what_is_rare_and_matters_has_its_floor_or_is_named() -> None:
    stakes = [Stake(name="fever", items=12, match="fever"), Stake(name="kids", items=3, segment="tag=kids")]
    plan = replace(PLAN, stakes=stakes)
    failed = {s.id: {"escalation"} for s in samples()[:6]}
    found = curate(pool(None, plan, **failed), plan, seed=0)
    told = Counter(reason for item in found.items for reason in item.reasons)
    assert told["stakes: fever"] >= 12
    assert told["failure: escalation"] >= 4
    assert [s.name for s in found.underfilled] == ["stakes: kids"]
    assert all(i.weight is None for i in found.items if i.layer == "tail")
    assert {i.interaction_id for i in found.items} <= {s.id for s in samples()}


def test_categories_of_failure_that_have_no_end_do_not_fill_the_tail() -> None:
    failed = {s.id: {f"made up {n}"} for n, s in enumerate(samples())}
    plan = replace(PLAN, failures=1)
    found = curate(pool(None, plan, **failed), plan, seed=0)
    assert len([i for i in found.items if i.layer == "tail"]) <= MOST_FAILURES


def test_items_are_kept_for_continuity_and_every_other_one_is_retired_with_a_reason() -> None:
    found = curate(pool(samples(seed=1)), PLAN, seed=0, prior=prior(first()))
    anchors = [i for i in found.items if i.anchor]
    assert 40 <= len(anchors) <= 50
    assert {i.id for i in anchors} < {i.id for i in first().items}
    assert {r.id for r in found.retired} == {i.id for i in first().items} - {i.id for i in found.items}
    assert all("stratum" in r.reason for r in found.retired)
    assert weight(found, "exam") == pytest.approx(0.3, abs=0.03)


def test_a_question_that_is_asked_again_keeps_its_item() -> None:
    mended = tuple(replace(i, expected="forty-two", verified=True) for i in first().items)
    before = Prior(mended, prior(first()).vectors)
    found = curate(pool(), replace(PLAN, keep=0.0), seed=0, prior=before)
    assert {i.id for i in found.items} == {i.id for i in mended}
    assert all(i.anchor and i.verified for i in found.items)
    assert sum(i.weight or 0.0 for i in found.items) == pytest.approx(1.0)


def test_a_question_whose_item_was_mended_keeps_its_item() -> None:
    mended = tuple(replace(i, prompt=f"mended: {i.id} {i.id[::-1]}") for i in first().items)
    before = Prior(mended, vectors([i.prompt for i in mended]))
    found = curate(pool(), replace(PLAN, keep=0.0, novel=0), seed=0, prior=before)
    assert [i.id for i in found.items] == sorted({i.id for i in mended})
    assert {i.prompt for i in found.items} == {i.prompt for i in mended}
    assert sum(i.weight or 0.0 for i in found.items) == pytest.approx(1.0)


def test_a_cluster_that_the_version_before_hardly_had_is_topped_up() -> None:
    before = prior(first())
    plan = replace(PLAN, novel=15)
    found = curate(pool(samples(seed=2, planted=True), plan), plan, seed=0, prior=before)
    novel = [i for i in found.items if any(r.startswith("novel: ") for r in i.reasons)]
    assert sum("gluten" in i.prompt for i in novel) >= 15
    assert all(i.cluster in " ".join(i.reasons) for i in novel)


def test_a_set_written_by_hand_is_a_version_before() -> None:
    texts = ["where is my exam homework", "knit a red scarf"]
    items = tuple(
        CuratedItem(id=str(n), prompt=t, layer="core", cluster="", language="en", task="text", verified=True)
        for n, t in enumerate(texts)
    )
    hand = Prior(items, vectors(texts))
    found = curate(pool(), PLAN, seed=0, prior=hand)
    assert {i.id for i in found.items} | {r.id for r in found.retired} >= {"0", "1"}


def test_the_memory_for_samples_is_bounded_and_their_order_means_nothing() -> None:
    kept = thinned(samples(), most=50, seed=3)
    assert kept == thinned(reversed(samples()), most=50, seed=3)
    assert kept == thinned([*samples(), *samples()], most=50, seed=3)
    assert len({s.id for s in kept}) == 50
