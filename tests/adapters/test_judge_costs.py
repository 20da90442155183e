"""What calls of a judge may cost: caps, attempts that may be billed, prices, and what is paid once."""

import asyncio

import pytest

from app.adapters.calls import Failure, Limits
from app.adapters.chat import Chat, Completion
from app.adapters.fake_chat import FakeChat
from app.adapters.judge import Judge, Judgement
from app.core.scorers import Answered
from tests.adapters.test_judge import GOOD, Time, with_judge


def test_the_cap_of_the_day_holds_with_many_calls_under_way_and_ends_with_the_day() -> None:
    async def what(judge: Judge, server: FakeChat, chat: Chat, time: Time) -> None:
        asked = [Answered(prompt=f"question {n}", response="r" * 30) for n in range(60)]
        found = await asyncio.gather(*map(judge.score, asked))
        kinds = [each.kind for each in found if isinstance(each, Failure)]
        assert set(kinds) == {"spent"}
        assert chat.spent <= 0.05
        assert len(server.requests) + len(kinds) == 60
        assert sum(each.cost for each in found if isinstance(each, Judgement)) == pytest.approx(chat.spent)
        time.now += 86400
        assert isinstance(await judge.score(GOOD), Judgement)

    with_judge(what, spend_per_day=0.05, price_in=1.0, price_out=10.0)


@pytest.mark.parametrize(
    ("faults", "requests", "billed"),
    [
        ("slowx4", 4, 4),
        ("htmlx4", 4, 4),
        ("shape", 1, 1),
        ("503,slow,close,slow", 4, 2),
        ("503x4", 4, 0),
        ("slowx9", 5, 5),
    ],
)
def test_every_attempt_that_may_be_billed_is_charged_and_none_goes_beyond_the_cap(
    faults: str, requests: int, billed: int
) -> None:
    """A request without tokens costs what was reserved: 0.03."""

    async def what(judge: Judge, server: FakeChat, chat: Chat, time: Time) -> None:
        server.script(faults)
        found = await chat.complete([{"role": "user", "content": "hello"}])
        assert isinstance(found, Failure)
        assert len(server.requests) == requests
        assert chat.spent == pytest.approx(0.03 * billed)
        assert found.cost == pytest.approx(chat.spent)

    seconds = 0.6 if "slow" in faults else 20.0
    limits = Limits(timeout_seconds=seconds, attempts=4 if requests < 5 else 9, per_minute=1e9)
    with_judge(what, limits=limits, price_out=100.0, spend_per_day=0.16)


def test_an_attempt_after_midnight_is_of_the_new_day_and_within_its_cap() -> None:
    async def what(judge: Judge, server: FakeChat, chat: Chat, time: Time) -> None:
        server.script("slowx9")
        days = iter(["1", "2", "2"])  # of three attempts; the cap of a day is one
        chat._today = lambda: next(days)
        found = await chat.complete([{"role": "user", "content": "hello"}])
        assert isinstance(found, Failure)
        assert len(server.requests) == 2
        assert found.cost == pytest.approx(0.06)
        assert chat._purse.spent(chat._name, "2") == pytest.approx(0.03)

    limits = Limits(timeout_seconds=0.6, attempts=9, per_minute=1e9)
    with_judge(what, limits=limits, price_out=100.0, spend_per_day=0.04)


def test_an_answer_costs_also_what_the_slow_attempts_before_it_may_have() -> None:
    async def what(judge: Judge, server: FakeChat, chat: Chat, time: Time) -> None:
        server.script("slowx3")
        found = await chat.complete([{"role": "user", "content": "hello"}])
        assert isinstance(found, Completion)
        assert len(server.requests) == 4
        assert 0.09 < found.cost < 0.1
        assert chat.spent == pytest.approx(found.cost)

    with_judge(what, limits=Limits(timeout_seconds=0.6, attempts=4, per_minute=1e9), price_out=100.0)


@pytest.mark.parametrize(
    ("faults", "kind"), [("prosex2", "unusable"), ("prose,503", "refused"), ("ok", None), ("prose", None)]
)
def test_a_verdict_and_a_failure_say_what_was_paid_and_it_is_within_the_price(
    faults: str, kind: str | None
) -> None:
    async def what(judge: Judge, server: FakeChat, chat: Chat, time: Time) -> None:
        server.script(faults)
        found = await judge.score(GOOD)
        assert getattr(found, "kind", None) == kind
        assert found.cost == pytest.approx(chat.spent)
        assert 0.0 < found.cost <= judge.price(GOOD)

    with_judge(what, limits=Limits(attempts=1, per_minute=1e9), price_in=1.0, price_out=10.0)


def test_a_price_is_that_of_two_calls() -> None:
    async def what(judge: Judge, server: FakeChat, chat: Chat, time: Time) -> None:
        assert judge.price(GOOD) == pytest.approx(0.06)

    with_judge(what, price_out=100.0)


def test_the_same_question_is_paid_once() -> None:
    async def what(judge: Judge, server: FakeChat, chat: Chat, time: Time) -> None:
        one, two = await judge.score(GOOD), await judge.score(GOOD)
        assert isinstance(one, Judgement)
        assert isinstance(two, Judgement)
        assert one.score == two.score
        assert one.cost > two.cost == 0.0
        assert len(server.requests) == 1

    with_judge(what, price_in=1.0)
