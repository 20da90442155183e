from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import pytest

from app.core.followup import CALENDAR, HOUR, Followup
from app.core.panel import MOST_USERS
from app.core.reference import Reference, build
from schemas.events import Deployment
from schemas.readings import Adaptation
from schemas.ticks import Sample
from tests.rig import made

DAY = 86_400.0
AT = made.EPOCH + 7 * DAY
ADAPTED = {**made.USUAL, "gluten": 0.6}


@cache
def reference() -> Reference:
    return build(made.rows(300), application=made.APP, kind="baseline", fingerprint=made.FINGERPRINT)


def deployment(name: str = "v2", status: str = "succeeded", hours: float = 0.0) -> Deployment:
    at = datetime.fromtimestamp(AT, UTC) + timedelta(hours=hours)
    told = {"application": made.APP, "time": at, "deployment_id": name, "version": name, "status": status}
    return msgspec.convert(told, Deployment)


@cache
def prompts(count: int, seed: int, adapted: bool) -> tuple[tuple[bytes, bytes], ...]:
    rows = made.rows(count, seed=seed, topics=ADAPTED if adapted else made.USUAL)
    return tuple(
        (w.astype("<i2").tobytes(), s.astype("<f4").tobytes())
        for w, s in zip(rows.wording, rows.shape, strict=True)
    )


def week(first_day: int, *, adapted: bool, seed: int, users: int = 60, version: str = "v2") -> list[Sample]:
    """Five prompts of each user, a day apart; even users meet `version` from the deployment on."""
    usual, other = prompts(5 * users, seed, False), prompts(5 * users, seed, adapted)
    out = []
    for i in range(5 * users):
        user, time = i % users, made.EPOCH + (first_day + i // users) * DAY + (i % users)
        met = user % 2 == 0 and time >= AT
        wording, shape = other[i] if met else usual[i]
        out.append(
            Sample(
                id=str(i),
                application=made.APP,
                time=time,
                ordinal=i,
                text="",
                wording=wording,
                shape=shape,
                reason="uniform",
                inclusion=1.0,
                user_hash=f"user {user}",
                deployment_id=version if met else "v1",
            )
        )
    return out


def followed(*, adapted: bool = True) -> Followup:
    followup = Followup(seed=0)
    followup.observe(week(0, adapted=False, seed=1), share=1.0, learning=True)
    followup.deployed(deployment())
    followup.observe(week(7, adapted=adapted, seed=2), share=1.0)
    return followup


def looks(followup: Followup, days: float) -> list[tuple[float, Adaptation]]:
    return followup.advance(AT + days * DAY, reference())


def test_adaptation_is_seen_and_named() -> None:
    ((at, seen),) = looks(followed(), 5)

    assert at == AT + 5 * DAY
    assert (seen.exposed, seen.control) == (30, 30)
    assert seen.significant
    assert seen.adaptation is not None
    assert seen.adaptation.value == pytest.approx(1.0, abs=0.4)
    assert "users adapted to this deployment" in seen.verdict


def test_another_deployment_of_the_same_day_is_named() -> None:
    followup = followed()
    for name, hours in (("v3", 20.0), ("v4", 30.0)):
        followup.deployed(deployment(name, hours=hours))
    seen = {look.deployment: look.verdict for _, look in looks(followup, 5)}

    assert seen["v2"].endswith("; v3 came within a day of it: what users of both did cannot be told apart")


def test_where_no_prompt_names_its_version_nothing_is_told_apart() -> None:
    followup = Followup(seed=0)
    weeks = [*week(0, adapted=False, seed=1), *week(7, adapted=True, seed=2)]
    followup.observe([msgspec.structs.replace(s, deployment_id=None) for s in weeks], share=1.0)
    followup.deployed(deployment())
    ((_, seen),) = looks(followup, 5)

    assert not seen.significant
    assert seen.adaptation is None
    assert "no prompt says which version served it, so adaptation and" in seen.verdict


def test_users_who_went_on_as_before_are_not_blamed() -> None:
    ((_, seen),) = looks(followed(adapted=False), 5)

    assert not seen.significant
    assert "no differently" in seen.verdict


def test_each_date_is_looked_at_once() -> None:
    followup = followed()

    assert [at for at, _ in looks(followup, 1)] == [AT + DAY]
    assert looks(followup, 1.5) == []
    assert [seen.look for _, seen in looks(followup, 2)] == [2]


def test_looks_at_too_few_users_spend_nothing() -> None:
    followup = followed()
    ((_, early),) = followup.advance(AT + HOUR, reference())

    assert early.exposed + early.control < 2 * 60
    assert "nothing is said below 20" in early.verdict or early.look == 1


def test_an_observed_version_is_followed_unless_it_stood_before() -> None:
    followup = Followup(seed=0)
    followup.observe(week(0, adapted=False, seed=1), share=1.0, learning=True)
    followup.observe(week(7, adapted=True, seed=2), share=1.0)

    assert [seen.deployment for _, seen in looks(followup, 1)] == ["v2"]
    assert [(release.id, release.time) for release in followup.take_observed()] == [("v2", AT)]
    assert followup.take_observed() == []


def test_another_system_prompt_is_followed_by_its_own_traffic() -> None:
    followup = Followup(seed=0)
    usual = [msgspec.structs.replace(s, system_prompt="a") for s in week(0, adapted=False, seed=1)]
    followup.observe(usual, share=1.0, learning=True)
    later = [
        msgspec.structs.replace(s, deployment_id="v1", system_prompt="b" if s.deployment_id == "v2" else "a")
        for s in week(7, adapted=True, seed=2)
    ]
    followup.observe(later, share=1.0)
    ((_, seen),) = looks(followup, 5)

    assert (seen.deployment, seen.exposed, seen.control) == ("prompt:b", 30, 30)
    assert seen.significant


def test_what_is_told_out_of_order_is_taken_in_its_order() -> None:
    followup = Followup(seed=0)
    followup.deployed(deployment(status="rolled_back", hours=2))
    followup.deployed(deployment(status="started"))
    assert looks(followup, 1) == []  # it was over before we heard of it

    followup.deployed(deployment(status="started", hours=5))
    followup.deployed(deployment(status="rolled_back", hours=2))
    assert [seen.deployed_at for _, seen in looks(followup, 1)] == [deployment(hours=5).time]


def test_the_log_told_again_changes_nothing() -> None:
    followup, log = Followup(seed=0), [deployment(status="started"), deployment(hours=1)]
    log += [deployment("v3", hours=3), deployment("v3", status="failed", hours=4)]
    for event in log:
        followup.deployed(event)
    held = followup.snapshot()
    for event in log:
        followup.deployed(event)

    assert followup.snapshot()["releases"] == held["releases"] == [("v2", AT, None)]


def test_a_deployment_taken_back_is_followed_no_more() -> None:
    followup = followed()
    followup.deployed(deployment(status="rolled_back", hours=3))

    assert looks(followup, 5) == []


def test_what_was_taken_back_is_told_once_more_and_no_news_where_it_still_serves() -> None:
    followup = followed()
    looks(followup, 1)
    followup.deployed(deployment(status="rolled_back", hours=30))
    again = [msgspec.structs.replace(s, time=s.time + 7 * DAY) for s in week(7, adapted=True, seed=3)]
    followup.observe(again, share=1.0)
    ((_, left),) = looks(followup, 2)

    assert left.closed
    assert "followed up no more" in left.verdict
    assert looks(followup, 3) == []


def test_the_last_look_closes() -> None:
    followup = followed()

    assert [seen.closed for _, seen in [*looks(followup, 5), *looks(followup, 28)]] == [False, True]


def test_started_then_succeeded_is_one_deployment_from_its_start() -> None:
    followup = Followup(seed=0)
    followup.deployed(deployment(status="started"))
    followup.deployed(deployment(status="succeeded", hours=2))

    assert [at for at, _ in followup.advance(AT + CALENDAR[0], reference())] == [AT + CALENDAR[0]]


def restarted(followup: Followup) -> Followup:
    again = Followup(seed=0)
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(followup.snapshot()), strict=False))
    return again


@pytest.mark.parametrize("stops", [(8,), (4, 9, 11), tuple(range(14))])
def test_restarts_in_mid_stream_change_no_reading(stops: tuple[int, ...]) -> None:
    days = week(0, adapted=False, seed=1), week(7, adapted=True, seed=2)

    def told(stops: tuple[int, ...]) -> list[tuple[float, Adaptation]]:
        followup, said = Followup(seed=0), []
        for day in range(14):
            now = made.EPOCH + day * DAY
            samples = [s for s in days[day // 7] if now <= s.time < now + DAY]
            followup.observe(samples, share=0.9, learning=day < 7)
            if day == 6:
                followup.deployed(deployment())
            said += followup.advance(now + DAY, reference())
            if day in stops:
                followup = restarted(followup)
        return said

    without = told(())

    assert len(without) == 7
    assert any(seen.significant for _, seen in without)
    assert told(stops) == without


def test_state_is_bounded_whatever_the_number_of_users_and_versions() -> None:
    one = week(0, adapted=False, seed=1)[0]

    def size(users: int) -> int:
        followup = Followup(seed=0)
        for turn in range(30):
            followup.observe(
                [
                    msgspec.structs.replace(one, user_hash=f"user {u}", time=AT + 1000.0 * turn)
                    for u in range(users)
                ],
                share=1.0,
            )
        for version in range(users):
            served = msgspec.structs.replace(one, deployment_id=f"release {version}", user_hash=None)
            followup.observe([msgspec.structs.replace(served, key=k) for k in range(8)], share=1.0)
            followup.take_observed()
        return len(msgspec.msgpack.encode(followup.snapshot()))

    once, twice, four_times = (size(users) for users in (MOST_USERS, 2 * MOST_USERS, 4 * MOST_USERS))

    assert once < 12_000_000
    assert twice <= 1.01 * once
    assert four_times <= 1.01 * once
