"""Real questions, real answers of several models, as rows of live scores: who is blamed, and who is not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

import pytest

from app.adapters.scorers import scorers_of
from app.core.monitor_settings import MonitorSettings
from app.core.quality_monitors import QualityMonitors
from app.core.scorers.answered import Answered
from benchmarks import streams
from schemas.events import Evaluation
from schemas.quality import QualityComparison
from schemas.readings import Reading

pytestmark = [
    pytest.mark.statistical,
    pytest.mark.shared_data,
    pytest.mark.skipif(not streams.available(), reason="../shared/data is not here"),
]
START = datetime(2026, 3, 1, tzinfo=UTC)
KEPT, CHOSEN, RUNS = 1000, 0.5, 2
Graded = list[tuple[str, float]]  # stratum, score


@cache
def maths(model: str) -> Graded:
    """Short, middling and long questions of GSM8K with the score of a model's answer."""
    found = [row for row in streams.rows("math_gsm8k_models.jsonl.gz") if row["model"] == model]
    names = ("short", "middling", "long")
    return [(names[sum(len(row["text"]) >= cut for cut in (185, 260))], float(row["score"])) for row in found]


@cache
def chat(model: str) -> Graded:
    """Questions of the vicuna bench by their category, with GPT-4's scores of 1 to 10."""
    found = [row for row in streams.rows("answers_vicuna_bench.jsonl") if row["model"] == model]
    return [(row["label"], (float(row["score"]) - 1) / 9) for row in found if "score" in row]


@cache
def safe(model: str) -> Graded:
    """Answers to safe prompts of XSTest: 1 where our own scorer does not call them a refusal."""
    scorer = scorers_of(["answers_benign"])["answers_benign"]
    rows = [
        r
        for r in streams.rows("safety_xstest_models.jsonl.gz")
        if r["model"] == model and r["kind"] == "safe"
    ]
    found = [
        scorer.score(Answered(prompt=row["text"], response=row["response"], benign=True))
        for row in rows
        if row.get("response")
    ]
    return [("safe", score) for score in found if score is not None]


def log(pools: Sequence[Graded], seed: int, *, long: float = 1.0) -> list[Evaluation]:
    """A version after the other, a sample a minute; the last gets long questions `long` times as often."""
    random, rows = Random(seed), []
    for version, pool in enumerate(pools):
        factor = long if version == len(pools) - 1 else 1.0
        weights = [factor if stratum == "long" else 1.0 for stratum, _ in pool]
        for n, (stratum, score) in enumerate(random.choices(pool, weights, k=KEPT)):
            number = version * KEPT + n
            row = Evaluation(
                application="real",
                time=START + timedelta(minutes=number),
                id=str(number),
                name="score",
                purpose="shadow",
                interaction_id=str(number),
                deployment_id=f"v{version + 1}",
                stratum=stratum,
                inclusion=0.2,
                selection=CHOSEN,
                score=score if random.random() < CHOSEN else None,
            )
            rows.append(row)
    return rows


def read(rows: Sequence[Evaluation]) -> tuple[list[Reading], QualityComparison]:
    """Alarms on the way, and the comparison at the end."""
    state, said = QualityMonitors(MonitorSettings()), []
    for n, row in enumerate(rows):
        state.observe(row)
        said += state.advance() if n % 25 == 0 else []
    said += state.advance(final=True)
    last = said[-1].quality
    assert last is not None
    return [reading for reading in said if reading.state == "alarm"], last.comparisons[0]


WORSE = {
    "maths": (maths, "gpt3-175b_verification", "gpt3-6b_verification"),
    "chat": (chat, "vicuna-13b", "llama-13b"),
    "refusals": (safe, "mistral-7b-instruct", "llama-2-70b-chat (original system prompt)"),
}


@pytest.mark.parametrize("world", WORSE)
def test_a_worse_model_is_found_and_blamed_and_the_questions_are_not(world: str) -> None:
    graded, better, worse = WORSE[world]
    for run in range(RUNS):
        alarms, compared = read(log([graded(better), graded(worse)], run))
        assert alarms, run
        assert {alarm.deployment for alarm in alarms} == {"v2"}
        assert compared.better is False
        assert compared.cause in ("scores", "both")
        print(world, run, compared.verdict, alarms[0].time - (START + timedelta(minutes=KEPT)))


@pytest.mark.parametrize("world", ["chat", "refusals"])
def test_a_better_model_is_said_to_be_and_pages_nobody(world: str) -> None:
    graded, better, worse = WORSE[world]
    for run in range(RUNS):
        alarms, compared = read(log([graded(worse), graded(better)], run))
        assert not alarms
        assert compared.better is True


@pytest.mark.parametrize("long", [1.0, 5.0])
def test_the_same_model_pages_nobody_whatever_it_is_asked(long: float) -> None:
    model = maths("gpt3-6b_verification")
    causes = []
    for run in range(4):
        alarms, compared = read(log([model, model], 100 + run, long=long))
        assert not alarms
        assert not compared.decided
        causes.append(compared.cause)
    print(long, causes)
    if long > 1:
        assert causes.count("mix") >= 3
