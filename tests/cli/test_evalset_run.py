"""An eval set asked of a model: over HTTP with faults, or by answers in a file."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.adapters.fake_chat import FakeChat
from app.adapters.kafka import Record
from app.core.quality_rows import kind_of, problem_of
from app.settings import KafkaSettings
from schemas.codec import decode
from schemas.events import Evaluation
from tests.cli.said import Cli
from tests.cli.versions import in_force, log
from tests.rig import chat
from tests.rig.made import APP, WordEncoder

OWN = ("evalset", "run", "--application", APP)
COUNT = 40
QUICK = ("--per-minute", "1e6", "--model", "m")


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("evalset", "evalset_force", "evalset_asking"):
        monkeypatch.setattr(f"app.cli.{place}.live_encoder", lambda _: WordEncoder())
    lines = [
        {"id": f"q{n:02}", "prompt": f"How much is {n} and {n}?", "expected": str(2 * n)}
        for n in range(COUNT)
    ]
    Path("set.jsonl").write_text("\n".join(map(json.dumps, lines)))


@pytest.fixture
def model() -> Iterator[FakeChat]:
    with chat.served() as server:
        yield server


def asked(cli: Cli, model: FakeChat, *more: object) -> Any:
    return cli(
        *OWN, "--target", model.url + "/v1", *QUICK, "--eval-set", "set.jsonl", "--out", "out.jsonl", *more
    )


def rows() -> list[dict[str, Any]]:
    """Rows of the file, each of which *evaluate* can use."""
    lines = Path("out.jsonl").read_bytes().splitlines()
    for event in (event for line in lines for event in decode(line)):
        assert isinstance(event, Evaluation)
        assert problem_of(event) is None
        assert kind_of(event) == event.purpose
    return [json.loads(line) for line in lines]


def test_every_item_is_asked_scored_and_named(cli: Cli, model: FakeChat) -> None:
    done = asked(cli, model, "--deployment", "d7")
    assert done.code == 0, done.err
    assert len(model.requests) == COUNT
    found = rows()
    assert {row["item_id"] for row in found} == {f"q{n:02}" for n in range(COUNT)}
    assert len({row["id"] for row in found}) == len(found)
    one = next(row for row in found if row["name"] == "accuracy")
    told = {
        "type": "evaluation",
        "purpose": "run",
        "dimension": "accuracy",
        "scorer": "accuracy",
        "model": "m",
    }
    assert one.items() >= {**told, "deployment_id": "d7", "source": "evaluation"}.items()
    assert one["evalset_version"].startswith("evalfile-")
    # 0 is said back as "How much is 0 and 0?", whose last number is right: one in 40.
    assert "accuracy   all" in done.out
    assert "0.025" in done.out
    assert {row["dimension"] for row in found} == {"accuracy", "quality", "behaviour"}
    assert model.most_under_way <= 8


def test_the_same_command_again_asks_only_what_is_left(cli: Cli, model: FakeChat) -> None:
    model.script("400,ok,503,401x9")  # refused for its text, well, tried again, then the key is no more
    done = asked(cli, model, "--concurrency", 1)
    assert (done.code, "the same command again asks only them" in done.err) == (4, True)
    first = {row["item_id"] for row in rows()}
    assert 0 < len(first) < COUNT
    assert len(model.requests) < 12  # it is left alone once it has failed five times
    model.faults.clear()
    with Path("out.jsonl").open("a") as stream:
        stream.write('{"type": "evaluation", "run_id')  # as a run leaves it that is killed
    before = len(model.requests)
    done = asked(cli, model, "--json")
    assert done.code == 0
    assert len(model.requests) - before == COUNT - len(first)
    line = next(
        each for each in done.data["lines"] if (each["dimension"], each["metric"]) == ("accuracy", None)
    )
    assert line["items"] == COUNT
    assert asked(cli, model).code == 0
    assert len(model.requests) - before == COUNT - len(first)
    asked(cli, model, "--run", "another")
    assert len(model.requests) - before == 2 * COUNT - len(first)


def test_what_the_text_is_refused_for_does_not_fail_the_run(cli: Cli, model: FakeChat) -> None:
    model.script("400x2")
    done = asked(cli, model)
    assert (done.code, done.err.count("no answer: HTTP 400")) == (0, 2)


def test_the_money_is_not_overspent_and_the_rest_is_left(cli: Cli, model: FakeChat) -> None:
    prices = ("--price-in", 1000, "--price-out", 1000, "--concurrency", 2)
    done = asked(cli, model, *prices, "--spend", 3, "--json")
    assert (done.code, "items are left" in done.err) == (4, True)
    assert 0 < done.data["cost"] <= 3
    assert len(model.requests) < COUNT
    assert asked(cli, model, "--spend", 3).code == 2


def test_answers_in_a_file_serve_as_a_model_does(cli: Cli) -> None:
    said = [{"id": f"q{n:02}", "answer": f"It is {2 * n - n % 2}."} for n in range(COUNT - 1)]
    broken = [
        "{",
        '{"answer": "no id"}',
        '{"id": "q01", "answer": "again"}',
        '{"id": "other", "answer": "?"}',
    ]
    Path("said.jsonl").write_text("\n".join([*map(json.dumps, said), *broken]))
    more = ("--target", "said.jsonl", "--eval-set", "set.jsonl", "--out", "out.jsonl")
    done = cli(*OWN, *more, "--json")
    assert done.code == 0, done.err
    assert "line 40: value: is not JSON" in done.err
    assert "line 42: id: was answered on a line before" in done.err
    assert done.data["failures"] == {f"q{COUNT - 1}": "the file has no answer"}
    line = next(each for each in done.data["lines"] if each["metric"] == "accuracy")
    assert (line["items"], line["value"]) == (COUNT - 1, pytest.approx(20 / 39))
    assert line["interval"][0] < 20 / 39 < line["interval"][1]
    Path("said.jsonl").write_text('{"id": "other", "answer": "?"}')
    assert cli(*OWN, *more).code == 5


def test_a_version_is_asked_with_the_clusters_of_its_reference_core_and_tail_apart(
    cli: Cli, model: FakeChat
) -> None:
    Path("plan.yaml").write_text("size: 100\nstakes: [{name: parcels, match: parcel, items: 12}]\n")
    version = in_force(cli, log("events.jsonl"))
    done = cli(*OWN, "--target", model.url + "/v1", *QUICK, "--out", "out.jsonl", "--json")
    assert done.code == 0, done.err
    assert {row["evalset_version"] for row in rows()} == {version}
    names = json.loads((Path("reference") / "manifest.json").read_text())["clusters"]
    assert {row["stratum"] for row in rows()} <= {cluster["name"] for cluster in names}
    assert {row["stratum"] for row in rows()} != {None}
    assert {line["layer"] for line in done.data["lines"]} == {"core", "tail"}
    probes_are_drawn_once(cli, model)


def probes_are_drawn_once(cli: Cli, model: FakeChat) -> None:
    """From the version in force; they stay."""
    for count in (12, 20):
        Path("out.jsonl").unlink()
        assert probed(cli, model, "--items", count).code == 0
        assert len({row["item_id"] for row in rows()}) == 12
        assert {row["stratum"] for row in rows()} != {None}


def test_rows_go_to_the_topic_and_are_found_there(
    cli: Cli, model: FakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Record] = []

    def produce(_: KafkaSettings, records: Sequence[Record]) -> int:
        sent.extend(records)
        return len(records)

    monkeypatch.setattr("app.adapters.evaluations.produce", produce)
    monkeypatch.setattr("app.adapters.evaluations.read_all", lambda *_: iter(sent))
    command = (*OWN, "--target", model.url + "/v1", *QUICK, "--eval-set", "set.jsonl", "--scorer", "accuracy")
    assert cli(*command).code == 0
    assert [(r.topic, r.key) for r in sent] == [("promptdrift.evaluations.v1", APP.encode())] * COUNT
    configured = {"name": APP, "base_url": model.url + "/v1", "model": "m"}
    monkeypatch.setenv("PROMPTDRIFT_EVALUATION__TARGETS", json.dumps([configured]))
    again = cli(*OWN, *command[command.index("--eval-set") :])
    assert (again.code, len(sent), len(model.requests)) == (0, COUNT, COUNT), again.err


def test_a_url_needs_a_model_and_a_scorer_a_name(cli: Cli) -> None:
    more = ("--target", "http://127.0.0.1:9/v1", "--eval-set", "set.jsonl", "--out", "out.jsonl")
    assert cli(*OWN, *more).code == 2
    nobody = cli(*OWN, *more[2:])
    assert (nobody.code, "evaluation.targets" in nobody.err) == (2, True)
    assert cli(*OWN, *more, "--model", "m", "--scorer", "goodness").code == 3
    assert cli(*OWN, *more, "--model", "m", "--key-env", "NO_SUCH_KEY").code == 3


PROBE = ("evalset", "probe", "--application", APP, "--out", "out.jsonl")


def probed(cli: Cli, model: FakeChat, *more: object) -> Any:
    return cli(*PROBE, "--target", model.url + "/v1", *QUICK, "--json", *more)


def test_probes_keep_first_answers_and_tell_how_near_the_next_ones_are(cli: Cli, model: FakeChat) -> None:
    first = probed(cli, model, "--probes", "set.jsonl")
    assert (first.code, first.data["same_answer"]) == (0, None), first.err
    assert {row["purpose"] for row in rows()} == {"probe"}
    Path("out.jsonl").unlink()
    second = probed(cli, model)  # they are frozen
    assert (second.data["same_answer"], second.data["compared"]) == (1.0, COUNT)
    again = probed(cli, model)
    assert (again.code, len(model.requests)) == (0, 2 * COUNT), "one pass in an hour is one"
    model.answer = lambda shown: f"As an AI I think that {shown.removeprefix('How much is ')}"
    Path("out.jsonl").unlink()
    swapped = probed(cli, model)
    assert swapped.data["same_answer"] < 0.6
    told = [row for row in rows() if row["name"] == "same_answer"]
    assert {row["scorer"] for row in told} == {"dice4"}
    assert len({row["run_id"] for row in told}) == 1
    Path("out.jsonl").unlink()
    released = probed(cli, model, "--deployment", "d2")
    assert released.data["same_answer"] is None
    kept = next(Path(f"evalsets/{APP}/probes/answers").rglob("*.json"))
    kept.write_text(kept.read_text().replace("You said", "You cried"))
    Path("out.jsonl").unlink()
    damaged = probed(cli, model)
    assert (damaged.code, "is not what it was" in damaged.err) == (5, True)
