import numpy as np
import pytest
from scipy import stats

from app.core.adaptation import Arm, Audience, decompose
from app.core.fixedpoint import Floats
from app.core.permutation import contrast, permutation_p, spent

D = 12
NOBODY = Audience(np.zeros((0, D)), np.zeros((0, D)))


def shift(size: float, axis: int = 0) -> Floats:
    out = np.zeros(D)
    out[axis] = size
    return out


def arm(users: int, change: Floats, seed: int, noise: float = 0.5) -> Arm:
    rng = np.random.default_rng(seed)
    habit = rng.normal(size=(users, D))
    before, after = (habit + noise * rng.normal(size=(users, D)) for _ in range(2))
    return Arm(before, after + change)


def test_the_three_parts_add_up_to_the_whole() -> None:
    newcomers = np.random.default_rng(3).normal(size=(60, D)) + shift(3.0, axis=2)
    found = decompose(
        arm(150, shift(1.0) + shift(0.5, axis=1), 1),
        arm(150, shift(0.5, axis=1), 2),
        Audience(newcomers, np.zeros((0, D))),
    )

    assert found.shares is not None
    assert sum(share.value for share in found.shares) == pytest.approx(1.0)
    assert all(share.low <= share.value <= share.high for share in found.shares)


def test_an_outside_shift_is_not_blamed_on_the_deployment_as_the_plug_in_does() -> None:
    shares, plugged = [], []
    for seed in range(30):
        exposed, control = arm(60, shift(0.8, axis=1), 2 * seed), arm(60, shift(0.8, axis=1), 2 * seed + 1)
        found = decompose(exposed, control, NOBODY, level=1.0)
        difference, whole = (
            exposed.change.mean(axis=0) - control.change.mean(axis=0),
            exposed.change.mean(axis=0),
        )
        plugged.append(float(difference @ whole) / float(whole @ whole))
        if found.shares is not None:
            shares.append(found.shares[0].value)

    assert len(shares) > 20
    assert np.median(plugged) > 0.1
    assert np.median(shares) < 0.05


def test_sizes_are_unbiased() -> None:
    sizes = [
        decompose(arm(40, shift(0.5), s), arm(40, shift(0.0), 1000 + s), NOBODY).adaptation
        for s in range(200)
    ]
    values = [size.value for size in sizes if size is not None]

    assert np.mean(values) == pytest.approx(0.25, abs=4 * np.std(values) / np.sqrt(len(values)))


def test_those_who_left_count_as_many_as_would_have_been_exposed() -> None:
    departed = np.random.default_rng(5).normal(size=(100, D)) + shift(4.0, axis=3)
    found = decompose(arm(100, shift(0.0), 1), arm(100, shift(0.0), 2), Audience(np.zeros((0, D)), departed))

    assert found.shares is not None
    assert found.shares[2].value == pytest.approx(1.0, abs=0.15)
    assert found.total.value == pytest.approx((4.0 / 3) ** 2, rel=0.25)  # 50 of 150 left, from 4 away


def test_without_a_control_arm_nothing_is_split() -> None:
    found = decompose(arm(100, shift(1.0), 1), None, NOBODY)

    assert found.total.low > 0
    assert found.adaptation is None
    assert found.shares is None


def test_shares_of_nothing_are_unknown() -> None:
    told = [
        decompose(arm(100, shift(0.0), s), arm(100, shift(0.0), 500 + s), NOBODY, level=0.01).shares
        for s in range(100)
    ]

    assert sum(shares is not None for shares in told) <= 4


def test_a_part_that_another_one_opposes_keeps_its_share() -> None:
    found = decompose(arm(150, shift(0.0), 1), arm(150, shift(-1.0), 2), NOBODY)

    assert found.total.low < 0 < found.total.high
    assert found.shares is not None
    assert [share.value for share in found.shares] == pytest.approx([0.5, 0.5, 0.0], abs=0.1)
    assert all(0.0 <= share.low <= share.value <= share.high <= 1.0 for share in found.shares)


def test_a_few_users_who_vary_more_are_no_adaptation() -> None:
    rng = np.random.default_rng(4)

    def drawn(users: int, spread: float) -> Arm:
        return Arm(np.zeros((users, D)), spread * rng.normal(size=(users, D)))

    blamed = [
        permutation_p(drawn(20, 1.5), drawn(120, 1.0), seed=s, permutations=199) <= 0.05 for s in range(200)
    ]

    assert np.mean(blamed) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 200)


def test_the_smallest_p_value_is_that_of_the_truth_alone() -> None:
    assert permutation_p(arm(60, shift(1.0), 1), arm(60, shift(0.0), 2), seed=0) == 1 / 1000


def test_an_arm_of_a_few_users_is_refused_with_the_number_needed() -> None:
    with pytest.raises(ValueError, match="an arm of 19 users; at least 20 are needed"):
        decompose(arm(19, shift(0.0), 1), arm(50, shift(0.0), 2), NOBODY)


def test_the_permutation_test_agrees_with_scipys() -> None:
    exposed, control = arm(40, shift(0.35), 8), arm(40, shift(0.0), 9)

    changes = np.vstack([exposed.change, control.change])

    def distance(ones: Floats, others: Floats, axis: int) -> Floats:
        apart = changes[ones.astype(int)].mean(axis=-2) - changes[others.astype(int)].mean(axis=-2)
        return np.asarray(np.square(apart).sum(axis=-1))

    users = np.arange(80.0)
    reference = stats.permutation_test(
        (users[:40], users[40:]), distance, vectorized=True, n_resamples=2000, alternative="greater", rng=1
    )

    assert permutation_p(exposed, control, seed=3) == pytest.approx(float(reference.pvalue), abs=0.03)


def test_many_looks_spend_one_budget() -> None:
    blamed = np.zeros(1000, bool)
    for look, date in enumerate((0.04, 0.25, 0.5, 1.0)):
        one, other = arm(40, shift(0.0), look), arm(40, shift(0.0), 100 + look)
        blamed = contrast(one, other, range(80), error=spent(0.05, date), blamed=blamed, seed=0).blamed
        assert blamed.sum() == int(1000 * spent(0.05, date))


def test_what_was_blamed_stays_blamed_while_a_look_by_itself_says_so() -> None:
    blamed, moved = np.zeros(1000, bool), list[bool]()
    for date, size in ((0.25, 1.0), (0.2501, 1.0), (0.2502, 0.0)):
        exposed, control = arm(40, shift(size), 1), arm(40, shift(0.0), 3)
        found = contrast(exposed, control, range(80), error=spent(0.05, date), blamed=blamed, seed=0)
        blamed, moved = found.blamed, [*moved, found.moved]

    assert moved == [True, True, False]  # the later looks may spend nothing more


def test_the_same_look_again_is_no_other_chance() -> None:
    one, other, none = arm(40, shift(0.0), 1), arm(40, shift(0.0), 2), np.zeros(1000, bool)
    first = contrast(one, other, range(80), error=0.02, blamed=none, seed=0)
    again = contrast(one, other, range(80), error=0.04, blamed=first.blamed, seed=0)
    strangers = contrast(one, other, range(80, 160), error=0.04, blamed=first.blamed, seed=0)

    assert again.level == pytest.approx(0.04, abs=0.002)  # all that may be spent by now
    assert strangers.level == pytest.approx(0.02, abs=0.005)  # what is left: nothing in common
