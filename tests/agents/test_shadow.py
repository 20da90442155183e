"""Live answers before scorers, judges and candidates that speak HTTP: budget, caps, gold, expectations."""

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agents import shadow
from app.adapters.expected import read_gold
from app.adapters.fake_chat import FakeChat
from app.core.estimates import Row, estimate
from app.errors import InputError
from tests.agents.doubles import settings
from tests.agents.evaluator import JUDGE, Place, records, samples, with_models


def test_by_default_what_windows_kept_is_scored_and_nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(monkeypatch, settings())

    async def go() -> None:
        await place.read(records(samples(40)))
        await place.finish()

    asyncio.run(go())
    assert not place.by.calls
    complete = place.of("complete")
    assert len(complete) == len({row.interaction_id for row in complete}) == 40
    assert {row.inclusion for row in complete} == {0.5}
    assert {row.purpose for row in place.rows} == {"shadow"}
    assert len({row.id for row in place.rows}) == len(place.rows)
    assert all(row.score is not None for row in place.rows)
    assert {row.name for row in place.rows} >= {"complete", "no_refusal", "no_pii", "no_error_text"}


def test_the_budget_is_judged_and_the_rows_alone_estimate_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        await place.read(records(samples(250)))
        await place.finish()
        rows = place.of(JUDGE)
        scored = [row for row in rows if row.score is not None]
        assert len(rows) == 250
        assert len(scored) == pytest.approx(60 * 24 / 16, abs=3), "the log begins at 8 in the morning"
        assert len(server.requests) == len(scored)
        assert all(row.selection is not None and row.scorer and row.source == "llm_judge" for row in scored)
        known = [
            Row(
                stratum=r.stratum or "",
                inclusion=r.inclusion or 1.0,
                selection=r.selection or 1.0,
                score=r.score,
            )
            for r in rows
        ]
        found = estimate(known)
        assert found is not None
        assert found.kept == 250
        assert found.mean.low < 0.75 * 1.0 + 0.25 * 0.25 < found.mean.high

    with_models(monkeypatch, what, scores_per_day=288 * 60)


def test_a_candidate_answers_the_same_prompts_and_meets_the_same_scorers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        await place.read(records(samples(20)))
        await place.finish()
        theirs = [row for row in place.rows if row.candidate == "next"]
        ours = [row for row in place.rows if row.candidate is None]
        for name in (JUDGE, "complete", "no_pii"):
            pairs = [{r.interaction_id for r in rows if r.name == name} for rows in (theirs, ours)]
            assert pairs[0] == pairs[1]
            assert len(pairs[0]) == 20
        assert {row.model for row in theirs} == {"m"}

    with_models(monkeypatch, what, candidate=True)


def test_a_backlog_waits_for_endpoints_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        monkeypatch.setattr(shadow, "MOST_WAITING", 40)
        waiting = 0
        for batch in range(0, 240, 30):
            await place.read(found[batch : batch + 30])
            waiting = max(waiting, place.station._waiting)
        assert 20 < waiting <= 20 + 30 + 30, "half of the room, and what two windows chose"
        await place.finish()
        assert all(row.score is not None for row in place.of(JUDGE))

    found = records(samples(240, seconds=10.0))
    with_models(monkeypatch, what)


def test_gold_items_come_among_the_others_and_are_asked_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        '{"id": "g1", "prompt": "Why?", "response": "Because it is so, in short.", "score": 0.25}\n'
    )

    async def what(place: Place, server: FakeChat) -> None:
        await place.read(records(samples(40)))
        await place.finish()
        rows = [row for row in place.rows if row.purpose == "gold"]
        assert [(row.item_id, row.gold, row.score) for row in rows] == [("g1", 0.25, 1.0)] * 4
        assert len({row.id for row in rows}) == 4
        assert len(server.requests) == 44

    with_models(monkeypatch, what, gold=gold, gold_every=10)


def test_a_cap_that_is_reached_is_said_and_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        place.assigned = {0, 1, 2}
        await place.read(records(samples(30)))
        await place.finish()
        labels = [row.label for row in place.of(JUDGE) if row.score is None]
        assert set(labels) == {"spent"}
        assert 0 < len(labels) < 30
        assert sum(row.cost or 0.0 for row in place.rows) <= 0.06

    with_models(monkeypatch, what, endpoint={"price_out": 100.0, "spend_per_day": 0.06})


def test_a_cap_holds_for_two_evaluators_and_over_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        for partition in (0, 1):  # one evaluator after another, each with another third
            place.assigned = {partition}
            await place.kill()
            log = [replace(each, partition=partition) for each in records(samples(60))]
            await place.read(log[:30])
            await place.finish()
            assert 0.0 < place.scoring.spent <= 0.06 + 1e-9
            await place.station.checkpoint()
            spent, asked = place.scoring.spent, len(server.requests)
            await place.kill()
            await place.read(log[30:])
            await place.finish()
            assert place.scoring.spent >= spent, "it was not forgotten"
            assert place.scoring.spent <= 0.06 + 1e-9
            assert len(server.requests) <= asked + 2, "there may be room for a last one"
        assert sum(row.cost or 0.0 for row in place.rows) <= 0.12 + 1e-9

    with_models(monkeypatch, what, endpoint={"price_out": 100.0, "spend_per_day": 0.18})


def test_what_redaction_left_nothing_of_is_kept_and_asked_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        await place.read(records(samples(5, prompt="<email> <phone>")))
        await place.finish()
        assert not server.requests
        assert {row.label for row in place.rows} == {"nothing is left after redaction"}
        assert len(place.of(JUDGE)) == 5

    with_models(monkeypatch, what)


def test_answers_are_held_to_the_eval_set_in_force(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = samples(12, response="Press 42.")
    path = tmp_path / "items.jsonl"
    items = [{"id": f"q{n}", "prompt": each.text, "expected": "42"} for n, each in enumerate(found)]
    path.write_bytes(b"\n".join(msgspec.json.encode(item) for item in items))
    place = Place(monkeypatch, settings(evaluation={"evalset": str(path)}))

    async def go() -> None:
        await place.read(records(found))
        await place.finish()

    asyncio.run(go())
    assert {row.score for row in place.of("accuracy")} == {1.0}
    assert {row.item_id for row in place.of("accuracy")} <= {f"q{n}" for n in range(12)}
    assert all((row.evalset_version or "").startswith("evalfile-") for row in place.of("accuracy"))


@pytest.mark.parametrize(
    ("line", "named"),
    [("{}", "line 1"), ('{"prompt": "a", "response": "b", "score": 7}', "score"), ("", "no item")],
)
def test_gold_that_cannot_be_read_is_named(tmp_path: Path, line: str, named: str) -> None:
    (tmp_path / "gold.jsonl").write_text(line)
    with pytest.raises(InputError, match=named):
        read_gold(tmp_path / "gold.jsonl")
