"""What a renewed baseline is learned from."""

from datetime import timedelta

import pytest
from msgspec import structs

from app.adapters import renewal
from app.adapters.kafka import Record
from app.errors import InputError
from app.settings import Settings
from schemas.codec import encode
from schemas.events import Interaction
from tests.rig import made
from tests.rig.made import APP, START, WordEncoder, interactions

EVENTS = interactions(300)
SPAN = (START + timedelta(seconds=50)).timestamp(), (START + timedelta(seconds=249)).timestamp()


def records(events: list[Interaction]) -> list[Record]:
    return [Record(topic="interactions", value=encode(event)) for event in events]


def test_the_newest_of_the_span_are_kept_in_order_each_once() -> None:
    others = [structs.replace(event, application="other") for event in EVENTS]
    tests = [structs.replace(event, source="eval", id=f"e{event.id}") for event in EVENTS]
    broken = [Record(topic="interactions", value=value) for value in (b"{}", b"\xff", None)]
    told = [*records([*reversed(EVENTS), *EVENTS, *others, *tests]), *broken]
    assert renewal.newest(told, APP, span=SPAN, most=200) == list(EVENTS[50:250])
    assert renewal.newest(told, APP, span=SPAN, most=20) == list(EVENTS[230:250])


def test_a_baseline_is_learned_of_all_that_is_given_and_too_few_are_refused() -> None:
    settings = Settings()
    with made.quick_calibration():
        (learned,) = renewal.learn(list(EVENTS), settings, encoder=WordEncoder())
        assert learned.reference.window is not None
        assert learned.reference.window[1] == EVENTS[-1].time.timestamp()
        with pytest.raises(InputError, match="--hours: 40 interactions"):
            renewal.learn(list(EVENTS[:40]), settings, encoder=WordEncoder())
