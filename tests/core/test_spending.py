"""A cap holds for all who hold shares of it, whatever becomes of them and of their shares."""

from random import Random

import pytest

from app.core.spending import Purse, Share

CAP, SHARES, DAY = 1.0, 6, "2026-03-02"


@pytest.mark.parametrize("seed", range(20))
def test_a_cap_holds_for_all_over_moves_restarts_and_corrections(seed: int) -> None:
    random = Random(seed)
    saved = {number: Share() for number in range(SHARES)}
    owner = dict.fromkeys(saved, 0)
    purses = [Purse(shares=SHARES) for _ in range(3)]
    for number, share in saved.items():
        purses[0].hold(number, share)
    paid, refused = 0.0, 0
    for _ in range(400):
        who = random.randrange(3)
        price = random.uniform(0.001, 0.05)
        if purses[who].reserve("judge", price, cap=CAP, day=DAY):
            if random.random() < 0.3:  # a rebalance, or a restart, while the call is under way
                number = random.randrange(SHARES)
                purses[owner[number]].release(number)
                owner[number] = random.randrange(3)
                purses[owner[number]].hold(number, saved[number])
            cost = price * random.uniform(0.2, 1.0)
            purses[who].correct("judge", cost - price, day=DAY)
            paid += cost
        else:
            refused += 1
        assert paid <= sum(share.of("judge", DAY) for share in saved.values()) + 1e-9 <= CAP + 2e-9
    assert refused
    assert paid > 0.7 * CAP


def test_who_holds_no_share_spends_nothing_of_a_cap_and_all_of_none() -> None:
    purse = Purse(shares=3)
    assert not purse.reserve("judge", 0.001, cap=100.0, day=DAY)
    assert purse.reserve("judge", 5.0, cap=None, day=DAY)


def test_what_is_corrected_after_midnight_is_of_a_day_that_is_over() -> None:
    purse = Purse.whole()
    assert purse.reserve("judge", 0.9, cap=1.0, day="2026-03-02")
    assert purse.reserve("judge", 0.9, cap=1.0, day="2026-03-03")
    purse.correct("judge", 0.5, day="2026-03-02")
    purse.correct("judge", -0.5, day="2026-03-02")
    assert purse.spent("judge", "2026-03-03") == 0.9
