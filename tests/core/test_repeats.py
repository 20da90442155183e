import pytest

from app.core.repeats import NEAR_BITS, SOON_SECONDS, Repeats, fingerprint, fingerprints
from app.core.units import canonical

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
    assert repeats.corrected(1, 100, fingerprint(ASKED), 0.0) is None
    assert repeats.corrected(1, 101, fingerprint(again), 60.0) == (100 if near else None)


def test_only_ones_own_last_prompt_counts_and_only_soon() -> None:
    repeats = Repeats(10)
    repeats.corrected(1, 100, fingerprint(ASKED), 0.0)
    assert repeats.corrected(2, 101, fingerprint(ASKED), 1.0) is None
    assert repeats.corrected(1, 102, fingerprint(ASKED), SOON_SECONDS + 1.0) is None
    assert repeats.corrected(1, 103, fingerprint(ASKED), SOON_SECONDS + 2.0) == 102


@pytest.mark.parametrize("text", ["", "yes", "go on", "\ud800" * 3])
def test_short_words_say_nothing(text: str) -> None:
    assert fingerprint(text) is None


def simhash(text: str) -> int | None:
    """By Charikar's definition, gram by gram and bit by bit."""
    raw = canonical(text).encode("utf-8", "replace")[:1024]
    if len(raw) < 16:
        return None
    most = 0
    grams = {int.from_bytes(raw[i : i + 4], "little") for i in range(len(raw) - 3)}
    hashes = []
    for gram in grams:
        mixed = (gram + 32) * 0x9E3779B97F4A7C15 % 2**64
        mixed = (mixed ^ mixed >> 32) * 0x9E3779B97F4A7C15 % 2**64
        hashes.append(mixed.to_bytes(8, "little"))
    for place in range(64):
        ones = sum(each[place // 8] >> (7 - place % 8) & 1 for each in hashes)
        most |= (2 * ones > len(hashes)) << (63 - place)
    return most


def test_fingerprints_are_those_of_the_definition_alone_and_in_any_list() -> None:
    odd = ["a" * 5000, "\ud800" * 40, "🙂" * 20, "\x00" * 40 + ASKED, "", "yes", ASKED, "a" * 15, "a" * 16]
    texts = odd + [f"{ASKED} {n}" for n in range(130)] + odd
    wanted = [simhash(text) for text in texts]
    assert fingerprints(texts) == wanted
    assert [fingerprint(text) for text in odd] == wanted[: len(odd)]
    assert fingerprints([]) == []


def test_memory_is_bounded_and_restored_without_any_text() -> None:
    repeats = Repeats(3)
    for key in range(5):
        repeats.corrected(key, key, fingerprint(f"{ASKED} {key}"), 0.0)
    saved = repeats.snapshot()
    assert [row[0] for row in saved] == [2, 3, 4]
    assert "parcel" not in str(saved)
    other = Repeats(3)
    other.restore(saved)
    assert other.corrected(4, 9, fingerprint(ASKED), 10.0) == 4
    assert other.corrected(0, 9, fingerprint(ASKED), 10.0) is None
    assert NEAR_BITS < 32
