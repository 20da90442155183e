from app.core.validity import LiveScore, Release, broken, ranking
from schemas.readings import Interval


def release(name: str, live: float, *, right: int = 24, error: float = 0.02, start: int = 0) -> Release:
    items = {str(start + n): float(n < right) for n in range(30)}
    steady = {str(n): 1.0 for n in range(30)}
    return Release(
        name=name,
        items={"code": items, "mail": steady},
        live={"code": LiveScore(live, error), "mail": LiveScore(0.9, error)},
        shares={"code": 0.3, "mail": 0.7},
    )


def test_the_warning_says_what_fell_since_when_and_how_much_of_the_traffic_it_is() -> None:
    (found,) = broken([release("r1", 0.8), release("r2", 0.8), release("r3", 0.6, right=25)])
    assert (found.stratum, found.since, found.share) == ("code", "r3", 0.3)
    assert found.live.high < 0 < found.evaluated.value


def test_a_benchmark_that_shows_the_fall_is_not_broken() -> None:
    assert broken([release("r1", 0.8), release("r2", 0.6, right=12)]) == []


def test_a_fall_in_two_steps_is_found_too() -> None:
    steps = [release(name, live) for name, live in (("r1", 0.8), ("r2", 0.8), ("r3", 0.8), ("r4", 0.735))]
    assert broken(steps) == []
    (found,) = broken([*steps, release("r5", 0.69)])
    assert found.stratum == "code"


def test_nothing_is_said_without_common_items_or_earlier_live_scores() -> None:
    assert broken([release("r1", 0.8)]) == []
    assert broken([release("r1", 0.8), release("r2", 0.4, start=100)]) == []
    before = release("r1", 0.8)
    blind = Release(name="r1", items=before.items, live={}, shares=before.shares)
    assert broken([blind, release("r2", 0.4)]) == []


def test_the_most_costly_stratum_comes_first() -> None:
    now = release("r2", 0.6)
    both = Release(
        name="r2",
        items=now.items,
        live={"code": LiveScore(0.6, 0.02), "mail": LiveScore(0.7, 0.02)},
        shares=now.shares,
    )
    assert [found.stratum for found in broken([release("r1", 0.8), both])] == ["mail", "code"]


def test_order_is_only_asked_of_pairs_that_live_quality_tells_apart() -> None:
    made = [release("r1", 0.8), release("r2", 0.81, right=20), release("r3", 0.2, right=10)]
    assert (ranking(made).decided, ranking(made).agreeing) == (2, 2)
    wrong = [release("r1", 0.2, right=28), release("r2", 0.8, right=10)]
    assert (ranking(wrong).decided, ranking(wrong).agreeing) == (1, 0)


def test_live_scores_come_from_intervals() -> None:
    found = LiveScore.of(Interval(value=0.5, low=0.5 - 1.959963984540054, high=0.5 + 1.959963984540054))
    assert found == LiveScore(0.5, 1.0)
