"""The commands that talk to Kafka, against a real one; each test has topics of its own by a prefix."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import ConfigResource, ResourceType
from typer.testing import CliRunner

from app.adapters import references
from app.adapters.files import read_events
from app.adapters.kafka import Record, connect, produce, record_of
from app.adapters.kafka_reading import read_all
from app.adapters.partitioning import partition_of
from app.cli import app
from app.errors import DependencyError
from app.settings import KafkaSettings
from schemas.codec import decode, encode
from schemas.events import Deployment, Interaction
from schemas.topics import CATALOGUE
from tests.rig.made import APP, interactions, reference

pytestmark = pytest.mark.kafka
Cli = Callable[..., Any]
Kafka = KafkaSettings
CONNECT = "__connect.errors."


@pytest.fixture
def kafka(kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kafka:
    """Settings of an empty corner of the broker; nothing is created yet."""
    prefix = f"c{uuid.uuid4().hex[:8]}."
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("PROMPTDRIFT_KAFKA__TOPIC_PREFIX", prefix)
    monkeypatch.setenv("PROMPTDRIFT_KAFKA__PARTITIONS", "4")
    monkeypatch.chdir(tmp_path)
    return KafkaSettings(bootstrap_servers=kafka_bootstrap, topic_prefix=prefix, partitions=4)


@pytest.fixture
def cli() -> Cli:
    def run(*arguments: object, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [str(a) for a in arguments])
        assert done.exit_code == code, done.output
        return done

    return run


@pytest.fixture
def topics(kafka: Kafka, cli: Cli) -> Kafka:
    cli("topics", "create")
    return kafka


def states(done: Any) -> dict[str, str]:
    return {row["topic"]: row["state"] for row in json.loads(done.stdout)}


def settings_of(admin: Any, topic: str) -> Any:
    where = ConfigResource(ResourceType.TOPIC, topic)
    return admin.describe_configs([where])[where].result()


def told(kafka: Kafka, name: str) -> list[Record]:
    return list(read_all(kafka, kafka.topic_prefix + name))


def test_topics_are_created_once_as_the_catalogue_says(kafka: Kafka, cli: Cli) -> None:
    names = {kafka.topic_prefix + topic.name for topic in CATALOGUE}
    assert states(cli("topics", "list", "--json")) == dict.fromkeys(names, "missing")
    assert states(cli("topics", "create", "--json")) == dict.fromkeys(names, "created")
    assert states(cli("topics", "create", "--json")) == dict.fromkeys(names, "ok")
    assert states(cli("topics", "list", "--json")) == dict.fromkeys(names, "ok")
    admin, present = connect(kafka)
    assert present[kafka.topic_prefix + "interactions.v1"] == 4
    assert present[kafka.topic_prefix + "state.v1"] == 4
    assert present[kafka.topic_prefix + "references.v1"] == 1
    deployments = settings_of(admin, kafka.topic_prefix + "deployments.v1")
    assert deployments["cleanup.policy"].value == "delete"
    assert deployments["retention.ms"].value == str(180 * 86_400_000)
    held = settings_of(admin, kafka.topic_prefix + "references.v1")
    assert held["cleanup.policy"].value == "compact"
    assert held["segment.bytes"].value == str(64 * 2**20)


def test_only_what_is_missing_is_created_and_differences_are_told(
    topics: Kafka, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, _ = connect(topics)
    (gone,) = admin.delete_topics([topics.topic_prefix + "samples.v1"]).values()
    gone.result()
    monkeypatch.setenv("PROMPTDRIFT_KAFKA__PARTITIONS", "2")
    deadline = time.monotonic() + 60
    while topics.topic_prefix + "samples.v1" in connect(topics)[1] and time.monotonic() < deadline:
        time.sleep(0.1)
    found = states(cli("topics", "create", "--json"))
    assert {name.removeprefix(topics.topic_prefix) for name in found if found[name] == "created"} == {
        "samples.v1"
    }
    differs = [row for row in json.loads(cli("topics", "list", "--json").stdout) if row["state"] == "differs"]
    assert [row["differences"] for row in differs] == [["partitions 4, not 2"]] * 2


def test_more_copies_than_brokers_is_a_setting(
    kafka: Kafka, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTDRIFT_KAFKA__REPLICATION_FACTOR", "9")
    assert "kafka.replication_factor" in cli("topics", "create", code=3).stderr


@pytest.mark.usefixtures("kafka")
def test_a_missing_topic_is_answered_with_the_command_that_makes_it(cli: Cli) -> None:
    Path("e.jsonl").write_bytes(encode(interactions(1)[0]))
    assert "promptdrift topics create" in cli("send", "e.jsonl", code=4).stderr
    assert "promptdrift topics create" in cli("dead-letters", "list", code=4).stderr
    rows = json.loads(cli("doctor", "--json", code=4).stdout)
    (missing,) = (row for row in rows if row["name"] == "topics")
    assert (missing["state"], missing["exit_code"]) == ("failed", 4)


def test_events_lie_where_a_replay_would_have_them(topics: Kafka, cli: Cli) -> None:
    events = interactions(400, users=50)
    shuffled = [*events[200:], *events[:200]]
    release = Deployment(application=APP, time=events[0].time, deployment_id="v2", version="2")
    lines = [
        json.dumps({"type": "deployment", **json.loads(encode(release))}).encode(),
        *map(encode, shuffled),
    ]
    Path("e.jsonl").write_bytes(b"\n".join(lines))
    cli("send", "e.jsonl")
    found = told(topics, "interactions.v1")
    by_partition: dict[int, list[Any]] = {}
    for record in found:
        by_partition.setdefault(record.partition, []).extend(decode(record.value))
    wanted: dict[int, list[Interaction]] = {}
    for event in read_events(Path("e.jsonl")).events:
        if isinstance(event, Interaction):
            wanted.setdefault(partition_of(event.key, 4), []).append(event)
    assert by_partition == wanted
    assert all(record.key == decode(record.value)[0].key.encode() for record in found)  # type: ignore[union-attr]
    (sent,) = told(topics, "deployments.v1")
    assert (sent.key, decode(sent.value, kind="deployment")) == (APP.encode(), [release])


def test_bad_lines_are_sent_only_when_asked(topics: Kafka, cli: Cli) -> None:
    Path("e.jsonl").write_bytes(encode(interactions(1)[0]) + b"\nnonsense\n")
    cli("send", "e.jsonl")
    assert len(told(topics, "interactions.v1")) == 1
    cli("send", "e.jsonl", "--keep-bad")
    assert b"nonsense\n" in [record.value for record in told(topics, "interactions.v1")]


def test_a_deployment_is_recorded(topics: Kafka, cli: Cli) -> None:
    cli("deployment", "record", "--application", "shop", "--version", "2", "--id", "v2", "--kind", "prompt")
    (sent,) = told(topics, "deployments.v1")
    (found,) = decode(sent.value, kind="deployment")
    assert isinstance(found, Deployment)
    assert (found.application, found.deployment_id, found.kind) == ("shop", "v2", "prompt")


def test_a_reference_travels_in_parts_with_its_manifest_last(
    topics: Kafka, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "PART_BYTES", 50_000)
    known = reference()
    references.save_directory(known, Path("ref"))
    cli("reference", "publish", "ref", "--application", "*")
    *parts, last = told(topics, "references.v1")
    assert len(parts) > 1
    assert last.key == b"*/evalset/manifest"
    assert json.loads(last.value or b"") == {
        "id": known.id,
        "application": "*",
        "kind": "evalset",
        "parts": len(parts),
    }
    for index, part in enumerate(parts):
        assert part.key == f"*/evalset/{index}".encode()
        assert dict(part.headers)["part"] == f"{index}/{len(parts)}".encode()
        assert dict(part.headers)["id"] == known.id.encode()
    again = references.load(b"".join(part.value or b"" for part in parts), fingerprint=known.fingerprint)
    assert getattr(again, "id", None) == known.id


def test_dead_letters_are_listed_shown_and_sent_again(topics: Kafka, cli: Cli) -> None:
    assert "0 dead letters" in cli("dead-letters", "list").stderr
    good = encode(interactions(1)[0])
    where = topics.topic_prefix + "dead-letters.v1"
    came_from = (CONNECT + "topic", (topics.topic_prefix + "interactions.v1").encode())
    why = (CONNECT + "exception.message", b"time: is missing; give the event time")
    letters = [
        Record(topic=where, key=b"k", value=good, headers=(came_from, why, ("mine", b"1"))),
        Record(topic=where, key=b"k", value=b'{"prompt": "mail ann@example.org"}', headers=(came_from, why)),
        Record(topic=where, key=b"k", value=b"from nowhere"),
    ]
    produce(topics, letters)
    listed = json.loads(cli("dead-letters", "list", "--json").stdout)
    assert sorted(row["bytes"] for row in listed) == sorted(len(letter.value or b"") for letter in letters)
    assert "time: is missing" in cli("dead-letters", "list").stdout
    ids = {row["bytes"]: row["id"] for row in listed}
    mail, lost = ids[len(letters[1].value or b"")], ids[len(b"from nowhere")]

    shown = json.loads(cli("dead-letters", "show", mail, "--json").stdout)
    assert shown["value"] == '{"prompt": "mail <email>"}'
    assert cli("dead-letters", "show", mail, "--raw").stdout == '{"prompt": "mail ann@example.org"}'
    assert "no dead letter 9:9" in cli("dead-letters", "show", "9:9", code=5).stderr

    cli("dead-letters", "replay", code=2)
    cli("dead-letters", "replay", "--all", mail, code=2)
    assert "name one with --to" in cli("dead-letters", "replay", "--all", code=5).stderr
    cli("dead-letters", "replay", ids[len(good)], "--dry-run")
    assert told(topics, "interactions.v1") == []
    cli("dead-letters", "replay", ids[len(good)])
    (sent,) = told(topics, "interactions.v1")
    assert (sent.key, sent.value, sent.headers) == (b"k", good, (("mine", b"1"),))
    cli("dead-letters", "replay", lost, "--to", topics.topic_prefix + "evaluations.v1")
    assert [record.value for record in told(topics, "evaluations.v1")] == [b"from nowhere"]


def test_reading_ends_at_the_end(topics: Kafka) -> None:
    assert told(topics, "alerts.state.v1") == []
    records = [record_of(topics, event) for event in interactions(1000, users=1)]
    produce(topics, records)
    began = time.monotonic()
    assert len(told(topics, "interactions.v1")) == 1000
    assert time.monotonic() - began < 5


def test_a_record_that_is_too_large_is_told(topics: Kafka) -> None:
    huge = Record(topic=topics.topic_prefix + "interactions.v1", value=b"x" * 2_000_000)
    fine = Record(topic=huge.topic, value=b"{}")
    with pytest.raises(DependencyError, match=r"1 of 2 records were not delivered .*too large"):
        produce(topics, [huge, fine])


@pytest.mark.redis
def test_doctor_is_content_where_everything_is_there(
    topics: Kafka, cli: Cli, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("PROMPTDRIFT_ENCODER__MODEL", "some/hub-name")
    found = {row["name"]: row["state"] for row in json.loads(cli("doctor", "--json").stdout)}
    assert found == {
        "settings": "ok",
        "encoder": "warning",
        "meaning": "ok",
        "broker": "ok",
        "topics": "ok",
        "redis": "ok",
        "clock": "ok",
        "sinks": "warning",
        "scorers": "ok",
    }
