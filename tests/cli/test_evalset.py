"""The life of an eval set from the command line: built, reviewed, approved, promoted, withdrawn."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from msgspec.structs import replace

from app.adapters import references
from app.adapters.files import read_evalset
from app.adapters.kafka import Record
from app.errors import DependencyError
from app.settings import KafkaSettings
from schemas.codec import encode
from schemas.evalsets import EvalSetVersions
from schemas.events import Evaluation, Interaction, Outcome
from schemas.ticks import Sample
from schemas.topics import EVALUATIONS, OUTCOMES, SAMPLES
from tests.cli.said import Cli
from tests.rig import made
from tests.rig.made import APP, WordEncoder

SECRET = "ann@example.org"
OWN = ("--application", APP)


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("evalset", "evalset_force"):
        monkeypatch.setattr(f"app.cli.{place}.live_encoder", lambda _: WordEncoder())
    Path("plan.yaml").write_text("size: 100\nnovel: 3\n")


def log(
    path: str, *, seed: int = 0, topics: dict[str, float] | None = None, more: Sequence[Any] = ()
) -> Path:
    events = made.interactions(500, seed=seed, topics=topics or made.USUAL)
    events = [replace(e, prompt=f"{e.prompt} write to {SECRET}", response="on its way") for e in events]
    named = [{**msgspec.to_builtins(e), "type": type(e).__name__.lower()} for e in more]
    lines = [*map(encode, events), *map(msgspec.json.encode, named)]
    Path(path).write_bytes(b"".join(line + b"\n" for line in lines))
    return Path(path)


def about(event: Interaction, **said: Any) -> list[Any]:
    at = {"application": APP, "time": event.time + timedelta(minutes=1), "interaction_id": event.id}
    return [msgspec.convert({**at, **said}, Evaluation if "score" in said else Outcome)]


def built(cli: Cli, path: Path, *more: object) -> str:
    done = cli("evalset", "build", *OWN, "--events", path, "--plan", "plan.yaml", *more)
    assert done.code == 0, done.err
    return str(done.out.split()[0])


def in_force(cli: Cli, path: Path) -> str:
    version = built(cli, path)
    assert cli("evalset", "approve", *OWN, version, "--by", "ann").code == 0
    done = cli("evalset", "promote", *OWN, version, "--by", "ann", "--out", "reference")
    assert done.code == 0, done.err
    return version


def items_of(version: str) -> list[dict[str, Any]]:
    lines = Path(f"evalsets/{APP}/versions/{version}/items.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def said_in(path: Path) -> str:
    if path.suffix != ".parquet":
        return path.read_text()
    return str(pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist())


def test_equal_inputs_and_seed_give_an_equal_version_and_no_personal_data(cli: Cli) -> None:
    path = log("events.jsonl")
    version = built(cli, path)
    assert built(cli, path) == version
    assert built(cli, path, "--seed", 1) != version
    kept = "".join(said_in(p) for p in Path("evalsets").rglob("*") if p.is_file())
    assert SECRET not in kept
    assert "<email>" in kept
    assert len(items_of(version)) == 100
    assert sum(item["weight"] for item in items_of(version)) == pytest.approx(1.0)


def test_a_version_goes_from_draft_to_force_and_back(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Record] = []
    monkeypatch.setattr("app.adapters.evalset_topic.produce", lambda _, records: sent.extend(records))
    monkeypatch.setenv("PROMPTDRIFT_CURATION__STORE", "evalsets")
    first = in_force(cli, log("one.jsonl"))
    assert references.load_directory(Path("reference")).units == 100
    second = built(cli, log("two.jsonl", seed=1, topics={**made.USUAL, "gluten": 0.3}))
    known = json.loads(Path(f"evalsets/{APP}/versions/{second}/manifest.json").read_text())
    assert 0.2 < known["scarce_before"] < 0.35, "the set had nothing of the new topic"
    assert known["scarce_after"] < 0.05
    seen = cli("evalset", "diff", *OWN, first, second, "--json").data
    assert seen["kept"] + seen["removed"] == 100
    assert {r["id"] for r in seen["retired"]} == {i["id"] for i in items_of(first)} - {
        i["id"] for i in items_of(second)
    }
    refused = cli("evalset", "promote", *OWN, second, "--out", "two")
    assert (refused.code, "only what is approved" in refused.err) == (5, True)
    assert cli("evalset", "approve", *OWN, second).code == 0
    promoted = cli("evalset", "promote", *OWN, second, "--out", "two")
    assert (promoted.code, "BEFORE" in promoted.out) == (0, True)
    assert cli("evalset", "withdraw", *OWN, "--note", "a topic is wrong", "--out", "back").code == 0
    told = cli("evalset", "history", *OWN, "--json").data
    assert (told["current"], told["published"]) == (first, True)
    assert told["states"] == {first: "promoted", second: "withdrawn"}
    assert next(e["by"] for e in told["entries"] if e["action"] == "promoted") == "ann"
    assert references.load_directory(tmp_path / "back").id == references.load_directory(Path("reference")).id
    standing = [msgspec.json.decode(record.value or b"", type=EvalSetVersions) for record in sent]
    assert {(record.topic, record.key) for record in sent} == {("promptdrift.evalsets.v1", APP.encode())}
    assert [s.versions[0].state for s in standing[:4]] == ["draft", "approved", "promoted", "draft"]
    assert [s.number for s in standing] == sorted({s.number for s in standing})
    last = standing[-1]
    assert (last.current, last.published, last.store) == (first, True, "evalsets")
    assert [(v.id, v.state) for v in last.versions] == [(first, "promoted"), (second, "withdrawn")]
    assert [e.action for e in last.entries][:2] == ["published", "withdrawn"]
    assert last.versions[1].retired_total == len(seen["retired"])
    waiting = standing[3].versions[0].queue
    assert waiting is not None
    assert (waiting.items, waiting.added, waiting.unanswered) == (
        len(items_of(second)),
        sum(not item.get("anchor") for item in items_of(second)),
        sum("expected" not in item for item in items_of(second)),
    )


def test_without_its_broker_a_version_is_built_and_said_to_be_untold(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise DependencyError("kafka.bootstrap_servers: no broker answers")

    monkeypatch.setattr("app.adapters.evalset_topic.produce", away)
    monkeypatch.setenv("PROMPTDRIFT_CURATION__STORE", "elsewhere")
    done = cli("evalset", "build", *OWN, "--events", log("events.jsonl"), "--plan", "plan.yaml")
    assert (done.code, "recorded in elsewhere" in done.err) == (0, True)
    assert Path(f"elsewhere/{APP}/history/000001.json").exists()


def test_a_review_drops_mends_and_answers_and_makes_a_version_of_its_own(cli: Cli) -> None:
    version = built(cli, log("events.jsonl"))
    assert cli("evalset", "review", *OWN, version, "--out", "review.yaml").code == 0
    untouched = cli("evalset", "approve", *OWN, version, "--review", "review.yaml")
    assert untouched.out.strip() == version
    assert "is there already" in cli("evalset", "review", *OWN, "--out", "review.yaml").err
    rows = yaml.safe_load(Path("review.yaml").read_text())
    rows[0] |= {"decision": "drop", "reason": f"spam of {SECRET}"}
    rows[1] |= {"expected": f"ask {SECRET}", "verified": True}
    Path("review.yaml").write_text(yaml.safe_dump(rows))
    done = cli("evalset", "approve", *OWN, version, "--review", "review.yaml")
    approved = items_of(done.out.strip())
    assert (done.code, len(approved)) == (0, 99)
    assert sum(i["weight"] for i in approved) == pytest.approx(1.0)
    answered = next(i for i in approved if i["id"] == rows[1]["id"])
    assert (answered["expected"], answered["verified"]) == ("ask <email>", True)
    assert version != done.out.strip()
    assert SECRET not in "".join(p.read_text() for p in Path("evalsets").rglob("*.json*"))


WRONG: dict[str, dict[str, Any]] = {
    "decision: is neither keep nor drop": {"decision": "perhaps"},
    "prompt: nothing is left": {"prompt": "<email>"},
    "prompt: is no text": {"prompt": 42},
    "verified: there is no expected answer": {"verified": True, "expected": None},
    "is no item of": {"id": "q-other"},
    "id: is missing": {"id": None},
}


def test_a_review_that_cannot_be_carried_out_names_item_and_field(cli: Cli) -> None:
    version = built(cli, log("events.jsonl"))
    cli("evalset", "review", *OWN, "--out", "review.yaml")
    rows = yaml.safe_load(Path("review.yaml").read_text())
    for told, change in WRONG.items():
        wrong = [row | change if number == 3 else row for number, row in enumerate(rows)]
        Path("wrong.yaml").write_text(yaml.safe_dump(wrong))
        done = cli("evalset", "approve", *OWN, "--review", "wrong.yaml")
        assert (done.code, told in done.err) == (5, True), done.err
    assert cli("evalset", "history", *OWN, "--json").data["states"] == {version: "draft"}


def test_an_underfilled_stratum_is_named_and_blocks(cli: Cli) -> None:
    Path("plan.yaml").write_text("size: 100\nstakes:\n- {name: minors, segment: tag=kids, items: 5}\n")
    version = built(cli, log("events.jsonl"))
    done = cli("evalset", "approve", *OWN, version)
    assert (done.code, "stakes: minors: 0 of 5" in done.err) == (5, True)
    assert cli("evalset", "history", *OWN, "--json").data["states"] == {version: "draft"}


def test_failures_are_topped_up_and_good_responses_proposed_unverified(cli: Cli) -> None:
    events = made.interactions(500)
    more = [e for event in events[:20] for e in about(event, name="escalation", value=True)]
    more += [e for event in events[20:] for e in about(event, name="accuracy", score=0.95)]
    version = built(cli, log("events.jsonl", more=more))
    items = items_of(version)
    assert sum("failure: escalation" in item.get("reasons", []) for item in items) >= 10
    proposed = [item for item in items if item.get("expected") == "on its way"]
    assert len(proposed) > 50
    assert not any(item.get("verified") for item in proposed)
    assert cli("evalset", "export", *OWN, version, "--out", "set.jsonl").code == 0
    assert len(read_evalset(Path("set.jsonl")).items) == len(items)


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
