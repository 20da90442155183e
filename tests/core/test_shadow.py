"""What a window of samples comes to: who is kept, who is chosen, what it may cost."""

from itertools import count
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from app.core.sampling import References
from app.core.selection import DRIFTED, HIGH_STAKES, ORDINARY, UNCOVERED, Budget
from app.core.shadow import DAY_SECONDS, MOST_WAITING, Shadow, ShadowPolicy
from app.core.shadow_jobs import Batch
from app.core.shadow_samples import REDACTED, UNANSWERED, Expected, Held, held_of, places_of
from schemas.evalsets import EvalItem, Stake
from schemas.exchanges import Exchange
from schemas.readings import Place, Reading, Scarce
from schemas.ticks import Sample
from tests.rig import made
from tests.rig.made import through_msgpack

APP = made.APP
MORNING = 20_000 * DAY_SECONDS


def held(number: int, *, time: float | None = None, **more: Any) -> Held:
    told: dict[str, Any] = {
        "prompt": "Where is it?",
        "response": "Here.",
        "inclusion": 1.0,
        "reason": ORDINARY,
    }
    at = MORNING + number if time is None else time
    return Held(id=f"i{number}", application=APP, time=at, **{**told, **more})


def policy(**more: Any) -> ShadowPolicy:
    return ShadowPolicy(**{"window_seconds": 100.0, "lateness_seconds": 10.0, "asks": True, **more})


def run(shadow: Shadow, samples: list[Held], *, price: float = 0.0) -> list[Batch]:
    """Feed, close as event time passes, and at last all of it."""
    for one in samples:
        shadow.receive(one.time, one)
        shadow.close(lambda _: price)
    shadow.close(lambda _: price, final=True)
    return list(shadow.outgoing)


def test_windows_are_cut_by_event_time_and_hold_every_sample_once() -> None:
    samples = [held(n) for n in range(350)]
    batches = run(Shadow(policy()), [*samples, *samples[300:]])
    assert [len(batch.kept) for batch in batches] == [100, 100, 100, 50]
    assert [h.id for batch in batches for h in batch.kept] == [h.id for h in samples]


def test_a_sample_of_a_window_that_is_over_makes_one_of_its_own() -> None:
    late = held(900, time=MORNING + 5)
    batches = run(
        Shadow(policy()), [held(n) for n in range(150)] + [late] + [held(n) for n in range(150, 300)]
    )
    assert [len(batch.kept) for batch in batches].count(1) == 1
    assert sum(len(batch.kept) for batch in batches) == 301


def test_a_full_window_keeps_a_part_with_its_chance_in_whatever_order_they_come() -> None:
    samples = [held(n, time=MORNING + n / 20, inclusion=1.0 if n % 2 else 0.25) for n in range(1000)]
    mixed = Random(1).sample(samples, len(samples))
    one, other = (run(Shadow(policy(window_samples=200, asks=False)), each)[0] for each in (samples, mixed))
    assert one == other
    assert len(one.kept) == 200
    assert sum(1 / h.inclusion for h in one.kept) == pytest.approx(500 + 500 * 4, rel=0.15)


def test_the_day_is_spent_evenly_and_never_more_than_it_has() -> None:
    shadow = Shadow(policy(window_seconds=3600.0, budget=Budget(100, 60.0)))
    samples = [held(n, time=MORNING + n * 60) for n in range(2 * 24 * 60)]
    batches = run(shadow, samples, price=0.5)
    chosen = [len(batch.chosen) for batch in batches]
    assert len(chosen) == 48
    assert sum(chosen[:24]) <= 100
    assert sum(chosen[:24]) == pytest.approx(100, abs=3)
    assert max(chosen) - min(chosen) <= 2
    assert shadow.used(APP)[1] <= 60.0


def test_small_budgets_are_not_rounded_away() -> None:
    samples = [held(n, time=MORNING + n * 60) for n in range(24 * 60)]
    chosen = sum(len(b.chosen) for b in run(Shadow(policy(budget=Budget(30))), samples))
    assert 25 <= chosen <= 30


def test_small_money_is_not_rounded_away_and_never_passed() -> None:
    """A window's part is half a call: every other window gets one."""
    shadow = Shadow(policy(budget=Budget(10**6, 864 * 0.01 / 2)))
    samples = [held(n, time=MORNING + n * 60) for n in range(24 * 60)]
    chosen = sum(len(batch.chosen) for batch in run(shadow, samples, price=0.01))
    spent = shadow.used(APP)[1]
    assert spent == pytest.approx(0.01 * chosen)
    assert spent <= 864 * 0.01 / 2
    assert chosen > 0.85 * 864 / 2


def test_money_is_settled_with_what_calls_cost_and_scores_steer() -> None:
    shadow = Shadow(policy(budget=Budget(864 * 20, 1e6)))
    run(shadow, [held(n) for n in range(100)], price=0.5)
    assert len(shadow.jobs) == 20
    assert shadow.used(APP) == (20, 10.0)
    for job in list(shadow.jobs):
        shadow.settle(job, score=1.0, cost=0.125)
    assert shadow.used(APP) == (20, 2.5)
    assert not shadow.jobs


def test_a_job_that_fails_and_waits_is_charged_what_it_cost_beside_what_is_reserved() -> None:
    shadow = Shadow(policy(budget=Budget(864, 1e6)))
    run(shadow, [held(n) for n in range(100)], price=0.5)
    (job,) = shadow.jobs
    assert [shadow.failed(job, 5.0, cost=0.25), shadow.failed(shadow.jobs[0], 6.0, cost=0.25)] == [True, True]
    assert not shadow.failed(shadow.jobs[0], 7.0), "nothing to save"
    assert shadow.used(APP) == (1, 1.0)
    assert shadow.jobs == [replace(job, since=5.0)]
    shadow.settle(shadow.jobs[0], score=None, cost=0.125)
    assert shadow.used(APP) == (1, 0.625)


def test_steering_finds_what_drifted_and_estimates_stay_true() -> None:
    """Weights of chosen samples add up to traffic, stratum by stratum, over many windows."""
    found = {ORDINARY: 0.0, DRIFTED: 0.0}
    scored = dict.fromkeys(found, 0)
    for salt in range(40):
        shadow = Shadow(policy(budget=Budget(864 * 50), salt=str(salt)))
        run(
            shadow,
            [held(n, time=MORNING + n / 10, reason=ORDINARY if n % 10 else DRIFTED) for n in range(990)],
        )
        for job in shadow.jobs:
            assert job.held is not None
            found[job.held.reason] += 1 / job.selection / 40
            scored[job.held.reason] += 1
    assert found[ORDINARY] == pytest.approx(891, rel=0.05)
    assert found[DRIFTED] == pytest.approx(99, rel=0.1)
    assert scored[DRIFTED] > 2.5 * scored[ORDINARY] / 9


def test_what_cannot_be_scored_is_kept_and_never_chosen() -> None:
    problems = [held(0, response=None), held(1, prompt="<email>"), held(2, response="<key> <id>"), held(3)]
    (batch,) = run(Shadow(policy(budget=Budget(10**6))), problems)
    assert [h.problem for h in batch.kept] == [UNANSWERED, REDACTED, REDACTED, None]
    assert batch.chosen == {"i3"}


def test_candidates_are_asked_where_the_whole_prompt_is_there_and_gold_by_count() -> None:
    shadow = Shadow(policy(budget=Budget(10**7), candidates=("next",), gold=2, gold_every=4))
    run(shadow, [held(n, prompt_cut=n == 1, turns=3 if n == 2 else 1) for n in range(9)])
    kinds = [job.kind for job in shadow.jobs]
    assert (kinds.count("answer"), kinds.count("candidate"), kinds.count("gold")) == (9, 7, 2)
    assert [job.gold for job in shadow.jobs if job.kind == "gold"] == [0, 1]


def test_the_queue_is_bounded_and_what_finds_no_room_is_told() -> None:
    shadow = Shadow(policy(budget=Budget(10**9), window_samples=5000))
    (batch,) = run(shadow, [held(n, time=MORNING + n / 20) for n in range(1200)], price=1.0)
    assert len(shadow.jobs) == MOST_WAITING
    assert len(batch.given_up) == 200
    assert shadow.used(APP)[1] == pytest.approx(MOST_WAITING)


def test_a_restored_state_has_the_same_future() -> None:
    samples = [held(n) for n in range(400)]
    whole = Shadow(policy(budget=Budget(20_000)))
    wanted = run(whole, samples)
    cut = Shadow(policy(budget=Budget(20_000)))
    for number, one in zip(count(), samples, strict=False):
        cut.receive(one.time, one)
        cut.close(lambda _: 0.0)
        if number % 37 == 0:
            state = through_msgpack(cut.snapshot())
            cut = Shadow(policy(budget=Budget(20_000)))
            cut.restore(state)
    cut.close(lambda _: 0.0, final=True)
    assert list(cut.outgoing) == wanted
    assert cut.jobs == whole.jobs


# Samples


def sample(number: int = 0, **exchange: Any) -> Sample:
    found = made.samples(made.interactions(1, first=number))[0]
    said = {"inclusion": 0.5, "prompt": found.text, "response": "It is on its way.", **exchange}
    return replace(found, exchange=Exchange(**said))


def test_a_sample_knows_its_stratum_and_why_it_is_worth_a_score() -> None:
    evalset, baseline = made.reference(), made.baseline()
    known = References(evalset=evalset, baseline=baseline)
    one = held_of(sample(), known=known)
    assert one is not None
    assert one.stratum in evalset.clusters.names or one.reason == UNCOVERED
    assert one.inclusion == 0.5
    everywhere = [Place(direction=bytes(384), border=0)]
    every = held_of(sample(), known=known, places=everywhere)
    assert every is not None
    assert every.reason == DRIFTED
    stakes = [Stake(name="all", items=0, match=".")]
    high = held_of(sample(), known=known, stakes=stakes, places=everywhere)
    assert high is not None
    assert high.reason == HIGH_STAKES
    assert held_of(replace(sample(), exchange=None), known=known) is None


def test_the_expected_answer_is_that_of_the_item_named_or_of_the_same_words() -> None:
    expected = Expected("v1", [EvalItem(id="q1", prompt="Where is it?", expected="Here.")])
    named = held_of(sample(prompt="Something else", item_id="q1"), known=References(), expected=expected)
    same = held_of(sample(prompt=" where IS  it?"), known=References(), expected=expected)
    neither = held_of(sample(prompt="Something else", item_id="q7"), known=References(), expected=expected)
    assert [each and each.item for each in (named, same, neither)] == ["q1", "q1", None]


def test_places_are_those_of_an_episode_and_of_the_last_look_at_the_gap() -> None:
    place = Place(direction=bytes(384), border=7)
    alarm = Reading(id="1", application=APP, monitor="change", state="alarm", time=made.START, places=[place])
    assert places_of(alarm) == [place]
    assert places_of(replace(alarm, state="ok")) == []
    gap = replace(alarm, monitor="gap", state="ok", places=[])
    assert places_of(gap) is None
    scarce = Scarce(share=0.1, low=0.05, high=0.15, samples=512, places=[place])
    assert places_of(replace(gap, scarce=scarce)) == [place]
    assert places_of(replace(alarm, monitor="responses")) is None
