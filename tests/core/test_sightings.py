"""Versions that nobody told of: when they count, and when they never do."""

import msgspec

from app.core.sightings import FEWEST_SERVED, MOST_A_MONTH, MOST_CANDIDATES, Sightings
from schemas.ticks import Sample
from tests.rig import made

DAY = 86_400.0


def sample(
    user: int | None, time: float = 0.0, *, version: str | None = None, prompt: str | None = None
) -> Sample:
    return Sample(
        id=f"{user}-{time}-{version}-{prompt}",
        application=made.APP,
        time=time,
        ordinal=0,
        text="",
        wording=b"",
        shape=b"",
        reason="uniform",
        inclusion=1.0,
        key=user,
        deployment_id=version,
        system_prompt=prompt,
    )


def standing() -> Sightings:
    sightings = Sightings()
    sightings.observe(sample(0, version="v1", prompt="a"), standing=True)
    return sightings


def served(sightings: Sightings, first: float, *, users: int = FEWEST_SERVED, **names: str) -> list[str]:
    """Names that count once so many users were served, a second apart."""
    told = [sightings.observe(sample(user, first + user, **names)) for user in range(users)]
    return [f"{name} {at:.0f}" for each in told for name, at in each]


def test_a_version_counts_from_its_first_sight_once_it_served_several_users() -> None:
    sightings = standing()
    assert served(sightings, 100.0, users=FEWEST_SERVED - 1, version="v2") == []
    assert served(sightings, 200.0, version="v2") == ["v2 100"]
    assert served(sightings, 300.0, version="v2") == []
    assert served(sightings, 400.0, version="v1") == []


def test_the_first_version_ever_is_no_news() -> None:
    sightings = Sightings()
    assert served(sightings, 0.0, version="v1") == []
    assert served(sightings, 50.0, version="v2") == ["v2 50"]


def test_a_version_that_was_told_of_is_no_news() -> None:
    sightings = standing()
    sightings.tell("v2", 90.0)
    assert served(sightings, 100.0, version="v2") == []


def test_a_name_for_each_request_is_no_version_and_hides_none() -> None:
    sightings = standing()
    for turn in range(4 * MOST_CANDIDATES):
        assert sightings.observe(sample(turn, version=f"request {turn}")) == []
    assert len(sightings.snapshot()["candidates"]) <= MOST_CANDIDATES
    assert served(sightings, 5.0, version="v2") == ["v2 5"]


def test_a_system_prompt_that_names_its_user_is_none() -> None:
    sightings = standing()
    for turn in range(100):
        assert sightings.observe(sample(turn % 20, turn * DAY, prompt=f"user {turn % 20}")) == []


def test_another_system_prompt_counts() -> None:
    assert served(standing(), 9000.0, prompt="b") == ["prompt:b 9000"]


def test_a_system_prompt_that_comes_with_a_release_is_that_release() -> None:
    sightings = standing()
    sightings.tell("v2", 9000.0)
    assert served(sightings, 9100.0, prompt="b") == []
    assert served(sightings, 20_000.0, version="v3", prompt="c") == ["v3 20000"]


def test_system_prompts_that_change_every_day_count_no_longer() -> None:
    sightings = standing()
    told = [served(sightings, day * DAY, prompt=f"day {day}") for day in range(1, 40)]
    assert [bool(each) for each in told] == [day <= MOST_A_MONTH for day in range(1, 40)]
    assert served(sightings, 90 * DAY, prompt="new") == ["prompt:new 7776000"]


def test_users_without_a_key_count_by_their_prompts() -> None:
    sightings = standing()
    told = [sightings.observe(sample(None, float(turn), version="v2")) for turn in range(FEWEST_SERVED)]
    assert [name for each in told for name, _ in each] == ["v2"]


def test_a_restored_state_has_the_same_future() -> None:
    sightings, again = standing(), Sightings()
    served(sightings, 100.0, users=FEWEST_SERVED - 1, version="v2")
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(sightings.snapshot())))
    last = sample(2**63 + 7, 150.0, version="v2")
    assert again.observe(last) == sightings.observe(last) == [("v2", 100.0)]
    assert again.snapshot() == sightings.snapshot()
