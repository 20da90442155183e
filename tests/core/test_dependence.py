from datetime import timedelta

import msgspec
import numpy as np
import pytest

from app.core.baseline import rows_of, seen_by
from app.core.dependence import Horizon, Keyed, chance, choose_horizon, design_effect
from schemas.events import Interaction
from tests.rig import made


def sessions(users: int, prompts: int, *, apart: float) -> list[Interaction]:
    """Each user writes `prompts` times, `apart` seconds from each other, in words of his own."""
    out = []
    for user in range(users):
        topic = list(made.USUAL)[user % 3]
        for i, event in enumerate(made.interactions(prompts, seed=user, topics={topic: 1.0})):
            time = made.START + timedelta(seconds=user * 7.0 + i * apart)
            said = f"{event.prompt} mine{user} own{user} my{user} again{user}"
            out.append(
                msgspec.structs.replace(
                    event, id=f"{user}-{i}", time=time, user_hash=f"user-{user}", prompt=said
                )
            )
    return sorted(out, key=lambda event: event.time)


def chosen(events: list[Interaction], fixed: float | None = None) -> Horizon:
    samples = made.samples(events)
    keyed = Keyed(keys=[s.key for s in samples], gaps=[s.gap for s in samples])
    with made.quick_calibration():
        return choose_horizon(keyed, seen_by(rows_of(samples)), fixed=fixed, fewest=100)


def test_sessions_demand_a_horizon_that_ends_their_dependence() -> None:
    talk = sessions(120, 5, apart=20.0)
    untreated, found = chosen(talk, fixed=0.0), chosen(talk)
    assert untreated.inflation > 1.5
    assert untreated.excess > 0.0
    assert found.seconds >= 60.0
    assert found.excess == 0.0


def test_a_horizon_that_leaves_too_few_units_is_not_taken() -> None:
    found = chosen(sessions(60, 3, apart=20.0))
    assert found.seconds == 0.0  # a minute leaves 60 units
    assert found.excess > 0.0


def test_independent_prompts_of_one_user_are_evidence() -> None:
    found = chosen(made.interactions(400, users=80))
    assert (found.seconds, found.excess, len(found.kept)) == (0.0, 0.0, 400)


def test_dependence_that_only_one_eye_sees_counts() -> None:
    """Everything is said in all words, by each user in a form of his own."""
    random = np.random.default_rng(0)
    forms, keys = random.standard_normal((60, 11)), [row // 5 for row in range(300)]
    seen = {
        "wording p1": random.standard_normal((300, 384)) / np.sqrt(384),
        "shape p1": (forms[keys] + 0.5 * random.standard_normal((300, 11))) / np.sqrt(11 * 1.25),
    }
    gaps = [None if row % 5 == 0 else 10.0 for row in range(300)]
    found = choose_horizon(Keyed(keys=keys, gaps=gaps), seen, fixed=None, fewest=20)
    assert found.seconds == 60.0
    assert len(found.kept) == 60


def test_a_pair_of_one_user_counts_and_keyless_units_do_not() -> None:
    white = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert design_effect(white, [1, 1, 2]) == pytest.approx(1 + 2 / 3)
    assert design_effect(white, [None, None, None]) == 1.0
    assert design_effect(white, [1, 2, 1]) == 1.0


def test_chance_is_the_spread_of_the_design_effect_of_independent_units() -> None:
    random = np.random.default_rng(2)
    keys = [row // 4 for row in range(200)]
    found, told = [], 0.0
    for _ in range(200):
        view = random.standard_normal((200, 6)) / np.sqrt(6)
        total = view.reshape(50, 4, 6).sum(axis=1)
        found.append((np.square(total).sum() - np.square(view).sum()) / 200)
        told = chance(view, keys)
    assert told == pytest.approx(np.std(found), rel=0.25)
