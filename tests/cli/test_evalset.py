"""The life of an eval set from the command line: built, reviewed, approved, promoted, withdrawn."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from app.adapters import references
from app.adapters.files import read_evalset
from app.adapters.kafka import Record
from app.errors import DependencyError
from schemas.evalsets import EvalSetVersions
from tests.cli.said import Cli
from tests.cli.versions import OWN, SECRET, about, built, in_force, items_of, log, said_in
from tests.rig import made
from tests.rig.made import APP

pytestmark = pytest.mark.usefixtures("planned")


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
