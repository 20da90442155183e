import pytest

from app.adapters.kafka import Record
from app.adapters.publication import Place, begin, free_slot, placed
from app.adapters.references import wire_records
from schemas.codec import encode
from tests.core.test_ticks import tick
from tests.rig import made
from tests.rig.made import APP

BEGINS = 5_000.0
OLD, NEW, NEWER = (made.reference(count) for count in (120, 150, 200))


def lying(what: object, application: str = APP, place: Place = Place()) -> list[Record]:  # noqa: B008
    records = wire_records(application, what, slot=place.slot, since=place.since)  # type: ignore[arg-type]
    return [Record(topic="references", key=key, value=value) for key, value, _ in records]


def test_the_first_of_all_is_measured_always() -> None:
    assert placed([], APP, OLD.id, begins=BEGINS) == Place()
    assert placed(lying(made.baseline()), APP, OLD.id, begins=BEGINS) == Place()
    assert placed(lying(OLD, "other"), APP, NEW.id, begins=BEGINS) == Place()


def test_versions_take_turns_and_each_begins_ahead_of_what_was_read() -> None:
    topic = lying(OLD)
    for version, slot, begins in ((NEW, 1, 10.0), (NEWER, 0, 20.0), (NEW, 1, 30.0)):
        place = placed(topic, APP, version.id, begins=begins)
        assert place == Place(slot=slot, since=begins)
        topic += lying(version, place=place)
        left: dict[bytes | None, Record] = {}  # by compaction
        for record in topic:
            left.pop(record.key, None)
            left[record.key] = record
        assert len({r.key for r in topic if (r.key or b"").endswith(b"manifest")}) <= 2
        assert placed(left.values(), APP, version.id, begins=99.0) == place


def test_what_is_in_force_stays_as_it_was_when_it_is_published_again() -> None:
    topic = lying(OLD) + lying(NEW, place=Place(slot=1, since=10.0))
    assert placed(topic, APP, NEW.id, begins=99.0) == Place(slot=1, since=10.0)
    assert placed(lying(OLD), APP, OLD.id, begins=99.0) == Place()


def test_a_version_taken_back_is_followed_by_the_one_before_at_its_own_slot() -> None:
    topic = lying(OLD) + lying(NEW, place=Place(slot=1, since=10.0))
    assert placed(topic, APP, OLD.id, begins=20.0) == Place(slot=0, since=20.0)


def test_the_first_of_an_application_follows_the_one_of_everybody() -> None:
    assert placed(lying(OLD, "*"), APP, NEW.id, begins=BEGINS) == Place(since=BEGINS)
    assert placed(lying(OLD, "*"), "*", NEW.id, begins=BEGINS) == Place(slot=1, since=BEGINS)


def test_a_baseline_lies_beside_the_one_in_force_until_it_is_all_there() -> None:
    first, renewed = made.baseline(300), made.baseline(300, seed=1)
    kind = first.reference.kind
    assert free_slot(lying(OLD), APP, kind) == 0
    topic = lying(first)
    assert free_slot(topic, APP, kind) == 1
    assert free_slot(topic, "other", kind) == free_slot(topic, APP, "responses") == 0
    half = lying(renewed, place=Place(slot=1))[:-1]  # its manifest never came
    assert not {record.key for record in half} & {record.key for record in topic}
    assert free_slot(topic + half, APP, kind) == 1
    assert free_slot(topic + lying(renewed, place=Place(slot=1)), APP, kind) == 0


@pytest.mark.parametrize("value", [b"prose", b"[]", b"{}", None])
def test_garbage_on_the_topic_is_passed_over(value: bytes | None) -> None:
    foreign = Record(topic="references", key=b"app/evalset/manifest", value=value)
    assert placed([foreign], APP, OLD.id, begins=BEGINS) == Place()


def test_it_begins_ahead_of_the_newest_watermark_of_any_partition() -> None:
    marks = [tick(0, watermark=100.0), tick(1, watermark=160.0), tick(2, watermark=None)]
    told = [Record(topic="ticks", value=encode(each)) for each in marks]
    assert begin([*told, Record(topic="ticks", value=b"?")], lateness_seconds=30.0) == 220.0
    assert begin([], lateness_seconds=30.0) is None
