"""No prompt text in any log line, metric or header, whatever a prompt holds and however it fails."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
import structlog
from prometheus_client import generate_latest

from agents import telemetry
from agents.plumbing import Record
from app.settings import LogSettings
from schemas.codec import encode
from schemas.ticks import Sample
from schemas.topics import DEAD_LETTERS, INTERACTIONS, SAMPLES
from tests.agents.doubles import record
from tests.agents.measuring import Setting
from tests.rig.made import START, interactions

CANARY = "cAnArY7f3a"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the process writes to its log, at its most talkative; the tests' own comes back after."""
    root, stream = logging.getLogger(), io.StringIO()
    held, level = root.handlers[:], root.level
    libraries = {name: logging.getLogger(name).level for name in ("aiokafka", "faust", "mode", "kafka")}
    monkeypatch.setattr("sys.stderr", stream)
    telemetry.configure_logging(LogSettings(level="DEBUG"))
    yield stream
    root.handlers[:] = held
    root.setLevel(level)
    for name, was in libraries.items():
        logging.getLogger(name).setLevel(was)
    structlog.reset_defaults()


def poisons() -> list[bytes]:
    """Values with the canary in every place where a decoder may quote what it refuses."""
    good = json.loads(encode(interactions(1)[0]))
    fields = {"time": CANARY, "source": CANARY, "latency_ms": CANARY, "tags": CANARY, "messages": [CANARY]}
    broken = [{**good, "prompt": CANARY, field: value} for field, value in fields.items()]
    broken += [
        {**good, "application": f"{CANARY} !"},
        {**good, "type": CANARY},
        {**good, "attributes": {CANARY: [CANARY]}},
        {**good, "usage": {"input_tokens": CANARY}},
        {**good, "environment": CANARY * 100},
        {"prompt": CANARY},
    ]
    return [
        *(json.dumps(each).encode() for each in broken),
        b'{"prompt": "' + CANARY.encode() + b'\xff"}',
        b'{"prompt": "' + CANARY.encode(),
        b'{"prompt": "\\x' + CANARY.encode() + b'"}',
        b'{"prompt": ' + CANARY.encode() + b"}",
        b'"' + CANARY.encode() + b'"',
        CANARY.encode(),
        CANARY.encode() * 100_000,
        json.dumps([CANARY] * 3).encode(),
        json.dumps([CANARY] * 100).encode(),
    ]


def traffic() -> list[Record]:
    readable = [
        msgspec.structs.replace(event, prompt=f"{event.prompt} {CANARY}", response=CANARY)
        for event in interactions(20)
    ]
    silent = msgspec.structs.replace(readable[0], id="s", prompt=" ", response=CANARY)
    late = msgspec.structs.replace(readable[0], id="l", time=START - timedelta(days=1))
    values = [*(encode(event) for event in (*readable, silent, late)), *poisons()]
    return [record(INTERACTIONS, value, offset) for offset, value in enumerate(values)]


def test_a_canary_in_prompts_is_in_no_log_line_no_metric_and_no_header(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Setting(monkeypatch)
    place.process(traffic())
    place.save()
    telemetry.log.debug("listening")

    letters = place.outbox.on(DEAD_LETTERS)
    assert len(letters) == len(poisons()) + 2  # each of three elements has its own
    assert all(CANARY.encode() in letter.value for letter in letters)
    assert any(CANARY in sample.text for sample in place.outbox.values(SAMPLES, Sample))
    assert "listening" in lines.getvalue()
    assert CANARY not in lines.getvalue()
    assert CANARY.encode() not in generate_latest()
    headers = [(name, value) for letter in letters for name, value in letter.headers.items()]
    assert not [pair for pair in headers if CANARY in pair[0] or CANARY.encode() in pair[1]]


def test_a_log_line_is_one_json_object_for_our_events_and_for_those_of_libraries(lines: io.StringIO) -> None:
    telemetry.log.info("baseline_learned", application="shop", units=7)
    logging.getLogger("aiokafka.consumer").warning("heartbeat %s", "failed")
    logging.getLogger("aiokafka.consumer").info("chatter")
    ours, theirs = (json.loads(line) for line in lines.getvalue().splitlines())
    assert (ours["event"], ours["application"], ours["units"], ours["level"]) == (
        "baseline_learned",
        "shop",
        7,
        "info",
    )
    assert (theirs["event"], theirs["level"], theirs["logger"]) == (
        "heartbeat failed",
        "warning",
        "aiokafka.consumer",
    )
    assert {"timestamp", "logger"} <= set(ours) & set(theirs)


def test_a_traceback_stays_inside_its_line(lines: io.StringIO) -> None:
    try:
        raise RuntimeError("a bug")
    except RuntimeError:
        telemetry.log.exception("agent_failed")
    (line,) = lines.getvalue().splitlines()
    assert "RuntimeError: a bug" in json.loads(line)["exception"]


def test_the_console_shape_is_for_people(lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", lines)
    telemetry.configure_logging(LogSettings(format="console"))
    telemetry.log.info("worker_starts", group="g")
    assert "worker_starts" in lines.getvalue()
    assert not lines.getvalue().startswith("{")


def test_what_a_library_says_again_and_again_is_written_now_and_then(lines: io.StringIO) -> None:
    library = logging.getLogger("aiokafka")
    for node in range(1000):
        library.error("Unable connect to node with id %s", node)
    library.error("another")
    for number in range(3):
        telemetry.log.error("ours", number=number)
    said = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert said == ["Unable connect to node with id 0", "another", "ours", "ours", "ours"]


def test_the_next_line_tells_how_many_were_left_out() -> None:
    seldom = telemetry.Seldom(seconds=30.0)
    said = []
    for second in range(0, 70, 2):
        record = logging.makeLogRecord({"name": "mode", "msg": "away for %d s", "args": (second,)})
        record.created = 1000.0 + second
        if seldom.filter(record):
            said.append(record.getMessage())
    assert said == [
        "away for 0 s",
        "away for 30 s (14 times more before)",
        "away for 60 s (14 times more before)",
    ]


def test_a_library_that_never_says_the_same_fills_no_memory() -> None:
    seldom = telemetry.Seldom()
    for number in range(5000):
        assert seldom.filter(logging.makeLogRecord({"name": "mode", "msg": f"{number}"}))
    assert len(seldom._told) <= seldom.KINDS
