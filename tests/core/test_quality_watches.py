"""Candidates, runs of the eval set, gold items and probes, as rows of the same log."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from app.core.incidents import Incidents
from app.core.monitor_settings import MonitorSettings
from app.core.quality_monitors import QualityMonitors
from schemas.events import Deployment, Evaluation
from schemas.readings import Reading
from tests.core.test_quality import METRIC, USUAL, read, row, shadow
from tests.rig.made import APP, EPOCH, through_msgpack

JUDGE = "judge@1"


def when(seconds: float) -> datetime:
    return datetime.fromtimestamp(EPOCH + seconds, UTC)


def run_of(version: str, at: float, rights: dict[str, float]) -> list[Evaluation]:
    """Forty items of each stratum, of which the same first ones are right."""
    return [
        Evaluation(
            application=APP,
            time=when(at),
            id=f"run {version} {stratum} {n}",
            name=METRIC,
            score=float(n < 40 * right),
            item_id=f"{stratum}{n}",
            evalset_version="set-1",
            deployment_id=version,
            purpose="run",
            stratum=stratum,
        )
        for stratum, right in rights.items()
        for n in range(40)
    ]


def asked(purpose: str, number: int, score: float, **more: Any) -> Evaluation:
    told: dict[str, Any] = {
        "name": METRIC,
        "item_id": f"item{number % 20}",
        "id": f"{purpose}{number}",
    } | more
    at = when(60.0 * number)
    return Evaluation(application=APP, time=at, purpose=purpose, score=score, **told)  # type: ignore[arg-type]


def of(readings: Sequence[Reading], monitor: str) -> list[Reading]:
    return [reading for reading in readings if reading.monitor.startswith(monitor)]


def test_a_candidate_is_compared_on_the_prompts_that_both_answered() -> None:
    random, rows = Random(1), []
    for n in range(700):
        hard = random.random() < 0.5
        more = {"selection": 0.5, "inclusion": 0.5, "stratum": "hard" if hard else "easy", "scorer": JUDGE}
        score = float(random.random() < (0.4 if hard else 0.9))
        rows.append(row(n, 6.0 * n, score, deployment_id="v1", **more))
        better = max(score, float(random.random() < 0.3))
        if n % 2:
            told = row(n, 6.0 * n + 1, better, candidate="next", id=f"next{n}", deployment_id="v1", **more)
            rows.append(told)
    quality = of(read(rows), "quality")[-1].quality
    assert quality is not None
    (found,) = quality.candidates
    assert (found.candidate, found.primary, found.pairs, found.better) == ("next", "v1", 350, True)
    assert found.difference is not None
    assert found.difference.low > 0
    assert found.p_value is not None
    assert found.p_value < 0.05
    assert quality.versions[0].scored == quality.counts.scored == 700


def hidden_fall() -> list[Evaluation]:
    """Live answers to hard questions get worse with a release; the eval set says the opposite."""
    mix = {"easy": 0.5, "hard": 0.5}
    return [
        *run_of("v1", 0.0, {"easy": 0.9, "hard": 0.5}),
        *shadow("v1", 1200, mix=mix, chosen=1.0),
        *run_of("v2", 7200.0, {"easy": 0.9, "hard": 0.6}),
        *[each for each in shadow("v2", 1200, first=1200, mix=mix, chosen=1.0) if each.stratum == "easy"],
        *[
            each
            for each in shadow("v2", 1200, first=1200, mix=mix, chosen=1.0, loss=0.35)
            if each.stratum == "hard"
        ],
    ]


def test_a_benchmark_that_hides_a_fall_pages_and_names_the_stratum() -> None:
    readings = read(sorted(hidden_fall(), key=lambda each: each.time))
    alarm = next(reading for reading in of(readings, "validity") if reading.state == "alarm")
    assert alarm.validity is not None
    assert [each.name for each in alarm.validity.broken] == ["hard"]
    assert alarm.deployment == "v2"
    told = Incidents().decide(alarm)[0].summary
    assert "the eval score of v2 hides a fall: in 'hard'" in told
    last = of(readings, "validity")[-1].validity
    assert last is not None
    v1, v2 = last.releases
    assert (v1.name, v2.name, v2.items) == ("v1", "v2", 80)
    assert v2.on_set.value == pytest.approx(0.75)
    assert v2.on_live is not None
    assert v2.unknown == pytest.approx(0.0)


def test_a_set_without_traffic_on_it_says_what_it_scored_and_what_is_missing() -> None:
    rows = [*run_of("v1", 0.0, {"easy": 0.9}), *shadow("v1", 600, mix=USUAL)]
    found = of(read(rows), "validity")[-1]
    assert found.state == "ok"
    assert found.validity is not None
    (release,) = found.validity.releases
    assert found.validity.missing == ["hard"]
    assert release.unknown == pytest.approx(0.2, abs=0.05)
    assert release.low is not None
    assert release.high is not None
    assert release.low < 0.75 < release.high


def gold(count: int, right: float, *, first: int = 0) -> Iterator[Evaluation]:
    random = Random(first)
    for n in range(first, first + count):
        score = 1.0 if random.random() < right else 0.0
        yield asked("gold", n, score, gold=1.0, scorer=JUDGE)


def test_a_judge_that_got_worse_is_named_and_its_scores_page_nobody() -> None:
    live = [*shadow("v1", 1000), *shadow("v2", 2000, first=1000, loss=0.3)]
    rows = sorted([*gold(200, 0.9), *gold(150, 0.4, first=200), *live], key=lambda each: each.time)
    readings = read(rows)
    flagged = [reading for reading in of(readings, "judge") if reading.state == "alarm"]
    assert flagged[0].monitor == f"judge:{JUDGE}"
    assert "its scores are not reliable" in Incidents().decide(flagged[0])[0].summary
    doubted = [reading for reading in of(readings, "quality") if reading.time > flagged[0].time]
    assert {reading.state for reading in doubted} == {"unknown"}
    assert all(reading.quality is not None and reading.quality.unreliable for reading in doubted)


def probes(
    count: int, *, first: int = 0, same: float = 1.0, deployment: str | None = None
) -> list[Evaluation]:
    """Twenty probes a pass, `same` like the frozen answer, but for one in ten."""
    random = Random(first)
    return [
        asked(
            "probe",
            n,
            max(same - (0.3 if random.random() < 0.1 else 0.0), 0.0),
            name="same_answer",
            model="gpt-x",
            deployment_id=deployment,
            scorer="dice4",
        )
        for n in range(first, first + count)
    ]


@pytest.mark.parametrize(
    ("deployed", "deployment", "silent"), [(False, None, True), (True, None, False), (False, "v2", False)]
)
def test_answers_to_probes_that_move_without_a_deployment_are_a_silent_change(
    *, deployed: bool, deployment: str | None, silent: bool
) -> None:
    rows = [*probes(400), *probes(200, first=400, same=0.4, deployment=deployment)]
    state, readings = QualityMonitors(MonitorSettings()), []
    if deployed:
        told = Deployment(application=APP, time=when(60.0 * 400), deployment_id="v2", version="v2")
        state.deployed(told)
    for n, each in enumerate(rows):
        state.observe(each)
        readings += state.advance()
        if n % 150 == 0:
            saved = through_msgpack(state.snapshot())
            state = QualityMonitors(MonitorSettings())
            state.restore(saved)
    found = of(readings, "silent-change:gpt-x")
    alarms = [reading for reading in found if reading.state == "alarm"]
    assert bool(alarms) is silent
    if silent:
        first = alarms[0]
        assert first.segment == "metric=same_answer"
        assert first.onset_at is not None
        assert abs((first.onset_at.timestamp() - EPOCH) / 60.0 - 400) < 30
        assert "nothing was deployed" in Incidents().decide(first)[0].summary
    else:
        assert "v2" in {reading.deployment for reading in found}


def test_probes_that_stay_as_they_were_stay_silent_and_repeats_count_once() -> None:
    rows = probes(600)
    found = of(read([*rows, *rows[-50:]]), "silent-change")
    assert {reading.state for reading in found} == {"learning", "ok"}
    assert found[-1].units == 600 - 60
