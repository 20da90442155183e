"""What a version is built of: files, topics, a set written by hand, a plan."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from app.adapters.kafka import Record
from app.errors import DependencyError
from app.settings import KafkaSettings
from schemas.codec import encode
from schemas.ticks import Sample
from schemas.topics import EVALUATIONS, OUTCOMES, SAMPLES
from tests.cli.said import Cli
from tests.cli.versions import OWN, about, built, items_of, log
from tests.rig import made
from tests.rig.made import APP

pytestmark = pytest.mark.usefixtures("planned")


def test_samples_of_the_topic_serve_as_a_log_does(cli: Cli) -> None:
    found: list[Sample] = made.samples(made.interactions(300))
    Path("samples.jsonl").write_bytes(b"".join(msgspec.json.encode(s) + b"\n" for s in found))
    done = cli("evalset", "build", *OWN, "--samples", "samples.jsonl", "--plan", "plan.yaml")
    assert (done.code, len(items_of(done.out.strip()))) == (0, 100)
    Path("samples.jsonl").write_text('{"id": "x"}\n')
    done = cli("evalset", "build", *OWN, "--samples", "samples.jsonl")
    assert (done.code, "line 1: is no sample" in done.err) == (5, True)


def test_topics_are_read_and_what_cannot_be_read_of_them_is_counted(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = made.interactions(300)
    on_topics = {
        SAMPLES.name: [*map(msgspec.json.encode, made.samples(events)), b"{", b'{"id": "x"}'],
        OUTCOMES.name: [encode(e) for event in events[:12] for e in about(event, name="error", value=1)],
        EVALUATIONS.name: [b"no JSON"],
    }
    asked: list[str] = []

    def read_all(_: KafkaSettings, topic: str) -> Iterator[Record]:
        asked.append(topic)
        yield from (Record(topic=topic, value=v) for v in on_topics[topic.removeprefix("promptdrift.")])

    monkeypatch.setattr("app.adapters.kafka_reading.read_all", read_all)
    done = cli("evalset", "build", *OWN, "--plan", "plan.yaml")
    assert (done.code, len(asked)) == (0, 3)
    assert "2 records of samples.v1 could not be read" in done.err
    items = items_of(done.out.strip())
    assert sum("failure: error" in item.get("reasons", []) for item in items) >= 10


def test_what_could_not_be_published_is_published_by_the_same_command_again(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = built(cli, log("events.jsonl"))
    cli("evalset", "approve", *OWN, version)
    sent: list[Record] = []

    def produce(_: KafkaSettings, records: Sequence[Record]) -> int:
        if not sent:
            sent.append(records[0])
            raise DependencyError("kafka.bootstrap_servers: no broker answers")
        sent.extend(records)
        return len(records)

    monkeypatch.setattr("app.adapters.publication.produce", produce)
    monkeypatch.setattr("app.adapters.evalset_topic.produce", lambda *_: 0)
    monkeypatch.setattr("app.adapters.publication.read_all", lambda *_, **__: iter(sent[:0]))
    assert cli("evalset", "promote", *OWN, version).code == 4
    assert "not yet published" in cli("evalset", "history", *OWN).err
    assert cli("evalset", "promote", *OWN, version).code == 0
    told = cli("evalset", "history", *OWN, "--json").data
    assert (told["published"], [e["action"] for e in told["entries"]].count("promoted")) == (True, 1)
    assert {record.topic for record in sent} == {"promptdrift.references.v1"}
    assert (sent[-1].key or b"").startswith(f"{APP}/evalset".encode())


def test_a_set_written_by_hand_is_built_on_once(cli: Cli) -> None:
    lines = [
        {"id": f"h{i}", "prompt": e.prompt, "ideal": "yes"}
        for i, e in enumerate(made.interactions(120, seed=5))
    ]
    Path("hand.jsonl").write_text("\n".join(map(json.dumps, lines)))
    version = built(cli, log("events.jsonl"), "--previous", "hand.jsonl")
    kept = [i for i in items_of(version) if i["id"].startswith("h")]
    assert kept
    assert all(i["anchor"] and i["verified"] and i["expected"] == "yes" for i in kept)
    Path("hand.jsonl").write_text("\n".join(json.dumps({**line, "id": "same"}) for line in lines))
    done = cli("evalset", "build", *OWN, "--events", "events.jsonl", "--previous", "hand.jsonl")
    assert (done.code, "two items have the id 'same'" in done.err) == (5, True)


def test_no_samples_one_sample_and_a_foreign_application_are_told(cli: Cli) -> None:
    Path("empty.jsonl").write_text("\n")
    assert cli("evalset", "build", *OWN, "--samples", "empty.jsonl").code == 5
    path = log("events.jsonl")
    done = cli("evalset", "build", "--application", "other", "--events", path)
    assert (done.code, "no sample of 'other'" in done.err) == (5, True)
    one = Path("one.jsonl")
    one.write_bytes(path.read_bytes().splitlines()[0])
    version = built(cli, one)
    assert len(items_of(version)) == 1
    assert "core: 1 of 100" in cli("evalset", "approve", *OWN, version).err
    assert cli("evalset", "history", "--application", "../up").code == 5
    assert "no version is called" in cli("evalset", "export", *OWN, "nothing", "--out", "x").err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sise: 3", "sise"),
        ("size: 0", "size"),
        ("stakes: [{name: a, items: 1}]", "give either match"),
        ("stakes: [{name: a, items: 1, match: '('}]", "is no regular expression"),
        ("size: [", "is no YAML"),
    ],
)
def test_a_wrong_plan_names_field_and_remedy(cli: Cli, text: str, told: str) -> None:
    Path("plan.yaml").write_text(text)
    done = cli("evalset", "build", *OWN, "--events", "none.jsonl", "--plan", "plan.yaml")
    assert (done.code, told in done.err) == (5, True), done.err
