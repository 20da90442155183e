import asyncio
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from agents.library import Library
from app.adapters.references import wire_records
from app.core.aspects import RESPONSES
from app.core.baseline import Baseline
from app.core.reference import Reference
from app.core.sampling import References
from schemas.codec import encode
from schemas.topics import DEPLOYMENTS, REFERENCES
from tests.agents.doubles import RecordingOutbox, Sent, settings, stored
from tests.core.test_releases import deployment
from tests.rig import made
from tests.rig.made import APP, FINGERPRINT


def library(fingerprint: str = FINGERPRINT) -> Library:
    return Library(settings(), fingerprint=fingerprint)


def on_topic(what: Reference | Baseline, application: str = APP, **place: Any) -> list[Any]:
    return [
        stored(Sent(REFERENCES.name, key, value, 0, headers))
        for key, value, headers in wire_records(application, what, **place)
    ]


def told(value: bytes | None) -> Any:
    return stored(Sent(DEPLOYMENTS.name, b"app", value, 0, {}))  # type: ignore[arg-type]


def take(found: Library, records: list[Any]) -> list[dict[str, Any]]:
    with capture_logs() as logs:
        for each in records:
            found.take(each)
    return [dict(line) for line in logs]


def evalset_of(found: Library) -> str | None:
    held = found.references[APP].evalset
    return None if held is None else held.id


def test_a_reference_is_held_when_its_manifest_came_and_not_before() -> None:
    found, records = library(), on_topic(made.reference())
    take(found, records[:-1])
    assert found.references == {}
    take(found, records[-1:])
    assert evalset_of(found) == made.reference().id


def test_a_baseline_stands_beside_the_eval_set_whichever_comes_first() -> None:
    both = (on_topic(made.reference()), on_topic(made.baseline()))
    for first, second in (both, both[::-1]):
        found = library()
        take(found, first + second)
        known = found.references[APP]
        assert known.evalset is not None
        assert known.baseline is not None
        assert known.baseline.reference.id == made.baseline().reference.id


def test_a_baseline_of_responses_stands_apart_from_that_of_prompts() -> None:
    log = made.answered(made.interactions(200))
    responses = made.learned(log, RESPONSES)
    both = (on_topic(made.baseline()), on_topic(responses))
    for first, second in (both, both[::-1]):
        found = library()
        take(found, first + second)
        known = found.references[APP]
        assert known.baseline is not None
        assert known.baseline.reference.id == made.baseline().reference.id
        of_responses = known.of(RESPONSES).baseline
        assert of_responses is not None
        assert of_responses.reference.id == responses.reference.id
        assert [(s.application, s.kind) for s in found.summaries()] == [(APP, "baseline"), (APP, "responses")]


def test_an_application_of_its_own_starts_from_the_references_of_a_star() -> None:
    found = library()
    take(found, on_topic(made.reference(), "*"))
    found.hold(APP, made.baseline())
    assert found.references[APP].evalset is found.references["*"].evalset is not None


@pytest.mark.parametrize("kept", [0, 1, -2])
def test_a_manifest_without_all_its_parts_is_ignored(kept: int) -> None:
    found, (*parts, manifest) = library(), on_topic(made.reference())
    assert len(parts) > 2
    take(found, [*parts[:kept], manifest])
    assert found.references == {}


def test_parts_that_were_compacted_away_do_not_spoil_the_newer_version() -> None:
    found, older, newer = library(), on_topic(made.reference()), on_topic(made.reference(seed=1))
    take(found, [older[-1], *newer])
    assert evalset_of(found) == made.reference(seed=1).id


def test_a_reference_of_another_encoder_is_refused_with_a_word_and_without_a_crash() -> None:
    found = library("other-eyes")
    (line,) = take(found, on_topic(made.reference()))
    assert found.references == {}
    assert (line["event"], line["application"], line["log_level"]) == ("reference_refused", APP, "error")
    assert "other-eyes" in line["reason"]


def test_a_damaged_reference_is_refused_and_the_one_before_is_kept() -> None:
    found, records = library(), on_topic(made.reference(seed=1))
    take(found, on_topic(made.reference()))
    records[0].value = records[0].value[:1000]
    (line,) = take(found, records)
    assert line["event"] == "reference_refused"
    assert evalset_of(found) == made.reference().id


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"app/evalset/manifest", b"not json", {"id": b"x"}),
        (b"app/evalset/manifest", b"{}", {"id": b"x"}),
        (b"app/evalset/manifest", b"[]", {"id": b"x"}),
        (b"app/evalset/0", b"piece", {"id": b"x"}),
        (b"app/evalset/0", b"piece", {"id": b"x", "part": b"one"}),
        (b"app/evalset/0", b"piece", {"id": b"\xff", "part": b"0/1"}),
        (None, b"piece", {"id": b"x"}),
    ],
)
def test_garbage_on_the_topic_does_not_end_a_worker(
    key: bytes | None, value: bytes, headers: dict[str, bytes]
) -> None:
    found = library()
    logs = take(found, [stored(Sent(REFERENCES.name, key, value, 0, headers)), *on_topic(made.reference())])
    assert [line["event"] for line in logs] == ["reference_unreadable", "reference_held"]


def test_tombstones_and_foreign_records_are_passed_over_silently() -> None:
    found = library()
    gone = stored(Sent(REFERENCES.name, b"a/evalset/0", None, 0, {"id": b"x"}))  # type: ignore[arg-type]
    assert take(found, [gone, stored(Sent(REFERENCES.name, None, b"x", 0, {}))]) == []


def test_deployments_are_kept_in_order_and_unreadable_ones_named_by_field_alone() -> None:
    found = library()
    first, second = deployment("v1"), deployment("v2")
    logs = take(
        found, [told(encode(first)), told(b'{"application": "secret"}'), told(None), told(encode(second))]
    )
    assert found.deployments == [first, second]
    assert [(line["event"], line["field"]) for line in logs] == [("deployment_unreadable", "time")]


def test_publishing_sends_all_parts_and_then_the_manifest_and_holds_at_once() -> None:
    async def published() -> tuple[Library, RecordingOutbox]:
        found, outbox = library(), RecordingOutbox()
        await found.publish(APP, made.baseline(), outbox)  # type: ignore[arg-type]
        return found, outbox

    found, outbox = asyncio.run(published())
    sent = outbox.on(REFERENCES)
    assert {each.partition for each in sent} == {0}
    assert sent[-1].key == f"{APP}/baseline/manifest".encode()
    assert found.references[APP].baseline is made.baseline()
    other = library()
    take(other, [stored(each) for each in sent])
    held = other.references[APP].baseline
    assert held is not None
    assert held.reference.id == made.baseline().reference.id


def test_what_was_held_does_not_change_under_its_readers() -> None:
    found = library()
    found.hold(APP, made.reference())
    seen = found.references[APP]
    found.hold(APP, made.baseline())
    assert seen == replace(References(), evalset=made.reference())


def test_an_eval_set_that_follows_another_is_held_beside_it_after_compaction_too() -> None:
    old, new = made.reference(), made.reference(seed=1)
    first = on_topic(old)
    second = on_topic(new, slot=1, since=9e9)
    for records in (first + second, first + second + second, on_topic(made.reference(200)) + first + second):
        found = library()
        take(found, [*records, *on_topic(made.baseline())])
        known = found.references[APP]
        assert known.evalset is not None
        assert known.before is not None
        assert known.before.newest is not None
        assert (known.evalset.id, known.before.newest.id, known.since) == (new.id, old.id, 9e9)
    assert {r.key for r in first}.isdisjoint(r.key for r in second)


def test_what_is_held_is_told_in_words_and_numbers() -> None:
    found = library()
    take(found, on_topic(made.reference(), "*") + on_topic(made.baseline()))
    everyone, own = found.summaries()
    assert (everyone.application, everyone.kind, everyone.units) == ("*", "evalset", made.reference().units)
    assert (own.application, own.kind, own.id) == (APP, "baseline", made.baseline().reference.id)
    assert own.published_at == 1_772_000_000.0
    assert sum(cluster.share for cluster in own.clusters) == pytest.approx(1.0)
    assert own.clusters[0].examples
