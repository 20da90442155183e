"""`agents/dead_letters.py`: what is too large, and what letters say that are not ours."""

from random import Random

import pytest

from schemas.topics import CUT, DEAD_LETTERS, INTERACTIONS
from tests.agents.doubles import CONNECT, record
from tests.agents.measuring import Setting, records
from tests.rig.made import interactions

POISON = b'{"application": "made", "prompt": 5}'
NOISE = Random(1).randbytes(1_048_000)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Setting:
    return Setting(monkeypatch)


@pytest.mark.parametrize(
    ("value", "key", "headers"),
    [
        (NOISE, None, {}),
        (b"x" * 20_000_000, b"k", {}),
        (NOISE[:1_019_990], b"k", {"h": b"12"}),
        (b"{", NOISE, {}),
        (b"{", b"k", {"h": NOISE}),
    ],
)
def test_what_is_too_large_for_a_letter_is_cut_and_says_so(
    place: Setting, value: bytes, key: bytes | None, headers: dict[str, bytes]
) -> None:
    bad = record(INTERACTIONS, value, 0, key=key, headers=headers)
    place.process([bad, *records(interactions(3), first=1)])
    assert place.totals().events == 3
    (letter,) = place.outbox.on(DEAD_LETTERS)
    assert letter.headers[CUT] == str(len(value)).encode()
    assert value.startswith(letter.value)
    assert letter.headers[CONNECT + "offset"] == b"0"


@pytest.mark.parametrize("offset", [None, b"", b"x"])
def test_a_letter_that_tells_no_offset_stops_no_start(place: Setting, offset: bytes | None) -> None:
    place.process([record(INTERACTIONS, POISON, 3)])
    place.outbox.on(DEAD_LETTERS)[0].headers[CONNECT + "offset"] = offset  # type: ignore[assignment]
    place.restart()
    place.process([record(INTERACTIONS, b"{", 3)])
    assert [letter.value for letter in place.outbox.on(DEAD_LETTERS)] == [POISON, b"{"]
