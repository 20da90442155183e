"""Results of other harnesses, in the forms in which they write them."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.said import Cli
from tests.rig.made import APP, WordEncoder

OWN = ("evalset", "import")
PROMPTS = {"a": "How much is two and two?", "b": "What is the capital of France?", "c": "Who was first?"}


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.evalset_asking.live_encoder", lambda _: WordEncoder())
    lines = [json.dumps({"id": id, "prompt": text, "expected": "4"}) for id, text in PROMPTS.items()]
    Path("set.jsonl").write_text("\n".join(lines))


def imported(cli: Cli, file: str, *more: object) -> tuple[Any, list[dict[str, Any]]]:
    Path("out.jsonl").unlink(missing_ok=True)
    done = cli(*OWN, file, "--application", APP, "--out", "out.jsonl", "--json", *more)
    lines = Path("out.jsonl").read_text().splitlines() if Path("out.jsonl").exists() else []
    return done, [json.loads(line) for line in lines]


def promptfoo_row(test: int, prompt: str, score: object, **more: Any) -> dict[str, Any]:
    return {
        "promptIdx": 0,
        "testIdx": test,
        "testCase": {"vars": {"question": prompt}, "assert": [{"type": "icontains", "value": "4"}]},
        "provider": {"id": "openai:gpt-x", "label": ""},
        "prompt": {"raw": f"Answer: {prompt}", "label": "Answer: {{question}}"},
        "vars": {"question": prompt},
        "response": {"output": "secret answer"},
        "failureReason": 0,
        "success": score == 1,
        "score": score,
        "namedScores": {"tone": 0.5},
        "gradingResult": {"pass": score == 1, "score": score, "reason": "because"},
        **more,
    }


def promptfoo_file(*rows: dict[str, Any]) -> dict[str, Any]:
    summary = {"version": 3, "timestamp": "2026-03-02T08:00:00.000Z", "results": rows, "prompts": []}
    return {"evalId": "eval-abc", "results": {**summary, "stats": {}}, "config": {}, "shareableUrl": None}


def test_promptfoo_meets_the_items_of_the_set_by_their_text(cli: Cli) -> None:
    rows = [
        promptfoo_row(0, PROMPTS["a"], 1),
        promptfoo_row(1, PROMPTS["b"], 0, failureReason=1),
        promptfoo_row(1, PROMPTS["b"], 1),
        promptfoo_row(2, PROMPTS["c"], 0, failureReason=2, error="503"),
        promptfoo_row(3, "Not of the set", 7),
    ]
    Path("out.json").write_text(json.dumps(promptfoo_file(*rows), indent=2))
    done, found = imported(cli, "out.json", "--eval-set", "set.jsonl", "--deployment", "d1")
    assert done.code == 0, done.err
    assert (done.data["format"], done.data["runs"]) == ("promptfoo", ["eval-abc:openai:gpt-x:0"])
    assert done.data["unread"] == [
        "results[3]: ended in an error, and has no score",
        "results[4]: score: lies outside 0 to 1; scale it first",
    ]
    assert "1 items are not in evalfile-" in done.err
    scores = {(row["item_id"], row["name"]): row["score"] for row in found}
    assert scores == {
        ("a", "score"): 1,
        ("a", "tone"): 0.5,
        ("b", "score"): 0.5,  # asked twice
        ("b", "tone"): 0.5,
        ("test-3", "tone"): 0.5,
    }
    one = found[0]
    told = {"application": APP, "purpose": "run", "model": "openai:gpt-x", "dimension": "accuracy"}
    assert one.items() >= {**told, "deployment_id": "d1", "time": "2026-03-02T08:00:00Z"}.items()
    assert found[-1].get("purpose") is None
    assert "secret" not in Path("out.jsonl").read_text()
    again = imported(cli, "out.json", "--eval-set", "set.jsonl")[1]
    assert [row["id"] for row in again] == [row["id"] for row in found]


def test_promptfoo_writes_lines_too(cli: Cli) -> None:
    lines = [json.dumps(promptfoo_row(0, PROMPTS["a"], True)), "{", json.dumps(promptfoo_row(1, "x", "good"))]
    Path("out.jsonl.gz").write_bytes(b"")
    Path("lines.jsonl").write_text("\n".join(lines))
    done, found = imported(cli, "lines.jsonl")
    assert done.data["format"] == "promptfoo"
    assert [each.split(":")[0] for each in done.data["unread"]] == ["line 2", "line 3"]
    assert {row["item_id"] for row in found} == {"test-0", "test-1"}
    assert {row.get("purpose") for row in found} == {None}
    assert imported(cli, "out.jsonl.gz")[0].code == 5


def test_openai_evals_take_matches_and_metrics_and_skip_what_is_no_number(cli: Cli) -> None:
    spec: dict[str, Any] = {
        "completion_fns": ["gpt-x"],
        "eval_name": "arithmetic.dev.v0",
        "base_eval": "arithmetic",
    }
    spec |= {"split": "dev", "run_config": {}, "created_by": "", "run_id": "2603020800AB", "created_at": "-"}

    def event(number: int, sample: int, type: str, **data: Any) -> dict[str, Any]:
        at = "2026-03-02 08:00:00.120000+00:00"
        named = {"run_id": "2603020800AB", "event_id": number, "sample_id": f"arithmetic.dev.{sample}"}
        return {**named, "type": type, "data": data, "created_by": "", "created_at": at}

    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPTS["a"]}]
    lines = [
        {"spec": spec},
        event(0, 0, "sampling", prompt=asked, sampled=["4"]),
        event(1, 0, "match", correct=True, expected="4", picked="4", sampled="4"),
        event(2, 1, "sampling", prompt="no chat", sampled=["?"]),
        event(3, 1, "match", correct=False, expected="4", picked=None),
        event(4, 1, "metrics", accuracy=0.0, f1_score=0.25, choice="B", score=None),
        event(5, 2, "sampling", prompt="never scored", sampled=["?"]),
        {"what": "is this"},
        {"final_report": {"accuracy": 0.5}, "run_id": "2603020800AB"},
    ]
    Path("log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done, found = imported(cli, "log.jsonl", "--eval-set", "set.jsonl")
    assert done.code == 0, done.err
    assert (done.data["format"], done.data["runs"]) == ("openai-evals", ["2603020800AB"])
    assert done.data["unread"] == ["line 8: is neither spec, event nor report", "line 7: has no score"]
    assert {(row["item_id"], row["name"], row["score"]) for row in found} == {
        ("a", "match", 1.0),
        ("arithmetic.dev.1", "match", 0.0),
        ("arithmetic.dev.1", "accuracy", 0.0),
        ("arithmetic.dev.1", "f1_score", 0.25),
    }
    assert {(row["model"], row["time"]) for row in found} == {("gpt-x", "2026-03-02T08:00:00.120000Z")}


SPEC = {
    "eval_id": "E1",
    "run_id": "R1",
    "created": "2026-03-02T08:00:00+00:00",
    "task": "sums",
    "model": "m/x",
}


def inspect_sample(id: object, epoch: int, value: object, **more: Any) -> dict[str, Any]:
    score = {"match": {"value": value, "answer": "secret", "explanation": "because"}}
    return {"id": id, "epoch": epoch, "input": "?", "target": "4", "scores": score, **more}


def test_inspect_is_read_as_its_own_metrics_read_it(cli: Cli) -> None:
    samples = [
        inspect_sample(1, 1, "C"),
        inspect_sample(1, 2, "I"),
        inspect_sample(2, 1, "P"),
        inspect_sample(3, 1, {"fluency": 1, "facts": "no"}),
        inspect_sample("four", 1, "maybe"),
        inspect_sample(5, 1, 0.5, error={"message": "x", "traceback": "", "traceback_ansi": ""}),
        inspect_sample(6, 1, float("nan")),
    ]
    log = {"version": 2, "status": "success", "eval": SPEC, "plan": {}, "samples": samples}
    Path("log.json").write_text(json.dumps(log))
    done, found = imported(cli, "log.json", "--dimension", "quality")
    assert done.code == 0, done.err
    assert done.data["format"] == "inspect"
    assert {(row["item_id"], row["name"]): row["score"] for row in found} == {
        ("1", "match"): 0.5,
        ("2", "match"): 0.5,
        ("3", "match/fluency"): 1.0,
        ("3", "match/facts"): 0.0,
    }
    assert done.data["unread"] == [
        "samples[4]: match: is no number",
        "samples[5]: ended in an error, or was declared invalid",
        "samples[6]: has no score",
    ]
    assert {(row["run_id"], row["model"], row["dimension"]) for row in found} == {("E1", "m/x", "quality")}
    with zipfile.ZipFile("log.eval", "w", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps({"version": 2, "status": "success", "eval": SPEC}))
        for sample in samples[:2]:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        archive.writestr("samples/9_epoch_1.json", "{")
    done, found = imported(cli, "log.eval")
    assert [(row["item_id"], row["score"]) for row in found] == [("1", 0.5)]
    assert done.data["unread"] == ["samples/9_epoch_1.json: is no JSON"]


def test_lines_of_json_are_evaluations_in_few_words(cli: Cli) -> None:
    lines = [
        '{"id": "a", "metric": "accuracy", "score": true}',
        '{"item_id": "b", "name": "accuracy", "value": 0.25, "time": "2026-03-02T08:00:00Z"}',
        '{"interaction_id": "i1", "name": "helpful", "score": 0.5, "source": "human_review"}',
        '{"id": "c", "score": 0.5}',
        '{"id": "c", "name": "accuracy", "score": "good"}',
        '{"type": "interaction", "prompt": "x", "time": 1767225600}',
        "no JSON",
    ]
    Path("lines.jsonl").write_text("\n".join(lines))
    done, found = imported(cli, "lines.jsonl", "--eval-set", "set.jsonl", "--model", "m", "--run", "r")
    assert done.code == 0, done.err
    assert [each.split(":")[0] for each in done.data["unread"]] == ["line 4", "line 5", "line 6", "line 7"]
    kinds = [(row.get("item_id"), row["score"], row.get("purpose"), row["run_id"]) for row in found]
    assert kinds == [("a", 1.0, "run", "r"), ("b", 0.25, "run", "r"), (None, 0.5, None, "r")]
    assert found[0]["evalset_version"].startswith("evalfile-")


def test_what_cannot_be_used_says_why(cli: Cli) -> None:
    assert imported(cli, "nowhere.json")[0].code == 5
    Path("wrong.json").write_text('{"something": "else"}')
    done, _ = imported(cli, "wrong.json")
    assert (done.code, "holds no result of jsonl" in done.err) == (5, True)
    assert imported(cli, "wrong.json", "--format", "inspect")[0].code == 5
    Path("wrong.json").write_text("{\n")
    assert "is no JSON document" in imported(cli, "wrong.json")[0].err
