import msgspec
import numpy as np

from app.core.panel import BITS, HORIZON_SECONDS, MOST_PROMPTS, Panel
from schemas.ticks import Sample

RNG = np.random.default_rng(0)
DAY = 86_400.0


def sample(user: str | None, time: float, version: str = "v1") -> Sample:
    wording = (RNG.normal(size=384) * 1600).astype("<i2")
    return Sample(
        id=f"{user}-{time}",
        application="made",
        time=time,
        ordinal=0,
        text="redacted",
        wording=wording.tobytes(),
        shape=np.arange(11, dtype="<f4").tobytes(),
        reason="uniform",
        inclusion=1.0,
        user_hash=user,
        deployment_id=version,
    )


def filled(users: int, *, most_users: int, prompts: int = 1) -> Panel:
    panel = Panel(most_users=most_users)
    for turn in range(prompts):
        for user in range(users):
            panel.observe(sample(f"user {user}", 1000.0 * turn + user))
    return panel


def test_a_full_panel_is_the_same_whatever_the_order_of_arrival() -> None:
    forth, back = Panel(most_users=20), Panel(most_users=20)
    for user in range(200):
        forth.observe(sample(f"user {user}", 1.0))
        back.observe(sample(f"user {199 - user}", 1.0))

    assert forth.snapshot()["users"].keys() == back.snapshot()["users"].keys()
    assert 0.05 < forth.share < 0.2


def test_whoever_is_in_was_in_from_his_first_prompt() -> None:
    panel = filled(100, most_users=10, prompts=3)

    assert len(panel.histories()) == 10
    assert all([p.ordinal for p in history.prompts] == [0, 1, 2] for history in panel.histories())


def test_where_a_share_of_users_is_kept_nobody_else_is_held_for_what_is_novel_of_him() -> None:
    panel = Panel()
    for user in range(200):
        panel.observe(sample(f"user {user}", float(user)))
    panel.narrow(0.25)
    held = set(panel.snapshot()["users"])
    for user in range(200):
        panel.observe(sample(f"user {user}", 1000.0 + user))

    assert 30 <= len(held) <= 70
    assert set(panel.snapshot()["users"]) == held
    assert all(history.seen == 2 for history in panel.histories())


def test_a_long_history_is_thinned_evenly() -> None:
    panel = filled(1, most_users=5, prompts=4 * MOST_PROMPTS)
    (history,) = panel.histories()
    ordinals = [p.ordinal for p in history.prompts]

    assert len(ordinals) <= MOST_PROMPTS
    assert ordinals[0] == 0
    assert len(set(np.diff(ordinals))) == 1
    assert history.seen == 4 * MOST_PROMPTS


def test_rows_come_back_to_within_the_dropped_bits() -> None:
    panel, one = Panel(), sample("ann", 1.0)
    panel.observe(one)
    wording, shape = panel.histories()[0].rows()

    told = np.frombuffer(one.wording, "<i2").astype(int)
    assert np.abs(wording[0].astype(int) - told).max() <= 1 << (BITS - 1)
    assert shape.tolist() == [list(range(11))]


def test_prompts_without_a_user_are_counted_only() -> None:
    panel = Panel()
    panel.observe(sample(None, 1.0))

    assert panel.anonymous == 1
    assert panel.histories() == []


def test_what_is_older_than_the_horizon_is_forgotten() -> None:
    panel = Panel()
    panel.observe(sample("gone", 0.0))
    panel.observe(sample("here", 0.0))
    panel.observe(sample("here", HORIZON_SECONDS))
    panel.forget(HORIZON_SECONDS + 1.0)

    assert [[p.time for p in h.prompts] for h in panel.histories()] == [[HORIZON_SECONDS]]


def test_those_who_left_make_room_for_others_who_are_whole_from_then_on() -> None:
    panel, later, days = filled(2000, most_users=20), 2 * HORIZON_SECONDS, 8
    for day in range(days):
        panel.forget(later + day * DAY)
        for user in range(200):
            panel.observe(sample(f"other {user}", later + day * DAY))
    histories = panel.histories()

    assert 10 <= len(histories) <= 20
    assert len({history.since for history in histories}) > 1
    for history in histories:
        first = later if history.since is None else history.since
        assert history.seen == days - round((first - later) / DAY)


def test_a_panel_never_holds_more_than_the_share_that_is_kept_of_everybody() -> None:
    panel = Panel(most_users=20)
    panel.narrow(0.5)
    for day in range(10):
        panel.forget(DAY * day)

    assert panel.share == 0.5


def test_a_restored_panel_has_the_same_future() -> None:
    panel = filled(50, most_users=10, prompts=2)
    again = Panel(most_users=10)
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(panel.snapshot()), strict=False))
    for one in (sample(f"user {u}", 9e3) for u in range(80)):
        panel.observe(one)
        again.observe(one)

    assert msgspec.msgpack.encode(again.snapshot()) == msgspec.msgpack.encode(panel.snapshot())
