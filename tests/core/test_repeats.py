import pytest

from app.core.repeats import NEAR_BITS, SOON_SECONDS, Repeats, fingerprint

ASKED = "how do I return the parcel that came broken on monday"


@pytest.mark.parametrize(
    ("again", "near"),
    [
        (ASKED, True),
        (ASKED.upper() + "?", True),
        ("please, " + ASKED, True),
        (ASKED.replace("monday", "tuesday"), True),
        ("which invoices have not been paid since the start of march", False),
        ("wie storniere ich meine Bestellung von gestern", False),
        ("今天的天气怎么样,明天会下雨吗,周末呢", False),
    ],
)
def test_near_repeats_are_told_from_other_prompts(again: str, near: bool) -> None:
    repeats = Repeats(10)
    assert repeats.corrected(1, 100, ASKED, 0.0) is None
    assert repeats.corrected(1, 101, again, 60.0) == (100 if near else None)


def test_only_ones_own_last_prompt_counts_and_only_soon() -> None:
    repeats = Repeats(10)
    repeats.corrected(1, 100, ASKED, 0.0)
    assert repeats.corrected(2, 101, ASKED, 1.0) is None
    assert repeats.corrected(1, 102, ASKED, SOON_SECONDS + 1.0) is None
    assert repeats.corrected(1, 103, ASKED, SOON_SECONDS + 2.0) == 102


@pytest.mark.parametrize("text", ["", "yes", "go on", "\ud800" * 3])
def test_short_words_say_nothing(text: str) -> None:
    assert fingerprint(text) is None


def test_any_text_has_a_fingerprint() -> None:
    odd = ["a" * 5000, "\ud800" * 40, "🙂" * 20, "\x00" * 40 + ASKED]
    assert all(print_ is None or 0 <= print_ < 2**64 for print_ in map(fingerprint, odd))


def test_memory_is_bounded_and_restored_without_any_text() -> None:
    repeats = Repeats(3)
    for key in range(5):
        repeats.corrected(key, key, f"{ASKED} {key}", 0.0)
    saved = repeats.snapshot()
    assert [row[0] for row in saved] == [2, 3, 4]
    assert "parcel" not in str(saved)
    other = Repeats(3)
    other.restore(saved)
    assert other.corrected(4, 9, ASKED, 10.0) == 4
    assert other.corrected(0, 9, ASKED, 10.0) is None
    assert NEAR_BITS < 32
