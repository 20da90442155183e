"""Live scoring when something fails: a crash anywhere, an outage, a text or a judge that cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agents import shadow_trials
from agents.plumbing import Record
from app.adapters.fake_chat import FakeChat
from schemas.events import Evaluation
from tests.agents.evaluator import JUDGE, Place, records, samples, with_models
from tests.rig.made import APP


@dataclass
class Mortal:
    """An evaluator that is killed at every seventh delivery: the broker has it, and nobody hears of that."""

    place: Place
    calls: int = 0
    deaths: int = 0

    def __post_init__(self) -> None:
        self._deliver = self.place.outbox.deliver

    async def deliver(self) -> None:
        self.calls += 1
        await self._deliver()
        if self.calls % 7 == 0:
            raise ConnectionError("killed")

    async def lives_through(self, batch: Sequence[Record], *, end: bool) -> bool:
        try:
            await self.place.read(batch, size=10)
            await (self.place.finish() if end else self.place.station.checkpoint())
        except ConnectionError:
            self.deaths += 1
            await self.place.kill()
            return False
        return True


@pytest.mark.parametrize("faults", ["prosex400", "ok,503,prose,503,prosex3,slow,ok,503,shape", "okx10,503x3"])
def test_money_of_a_day_counts_what_failed_and_what_was_asked_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, faults: str
) -> None:
    monkeypatch.setattr(shadow_trials, "FIRST_PAUSE", 0.01)
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"prompt": "Why?", "response": "Because it is so, in short.", "score": 0.25}\n')

    async def what(place: Place, server: FakeChat) -> None:
        server.script(faults)
        await place.read(records(samples(20)))
        await place.finish()
        used = place.station._partitions[0].shadow.used(APP)[1]
        assert 0.0 < used == pytest.approx(place.scoring.spent)
        judged = [row for row in place.of(JUDGE) if row.label == "unusable"]
        assert all(row.cost for row in judged)

    endpoint = {"price_in": 1.0, "price_out": 10.0}
    more: dict[str, Any] = {"gold": gold, "gold_every": 5, "money_per_day": 1e6}
    with_models(monkeypatch, what, endpoint=endpoint, candidate=True, timeout_seconds=0.3, **more)


def test_a_crash_anywhere_changes_no_row_and_writes_none_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    found = records(samples(120, seconds=10.0))
    lives: list[dict[str, Evaluation]] = []

    async def one_life(place: Place, server: FakeChat) -> None:
        await place.read(found, size=10)
        await place.finish()
        lives.append({row.id: row for row in place.rows})

    async def many(place: Place, server: FakeChat) -> None:
        mortal = Mortal(place)
        monkeypatch.setattr(place.outbox, "deliver", mortal.deliver)
        for end in (40, 80, len(found)):  # all of it again after each death: the state says what is known
            while not await mortal.lives_through(found[:end], end=end == len(found)):
                assert mortal.deaths < 100
        assert mortal.deaths > 3
        assert len({row.id for row in place.rows}) == len(place.rows)
        lives.append({row.id: row for row in place.rows})

    for life in (one_life, many):
        with_models(monkeypatch, life, candidate=True, scores_per_day=288 * 10)
    assert lives[0].keys() == lives[1].keys()
    assert lives[0] == lives[1]


def test_what_waits_goes_on_after_a_restart_without_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        server.script("503x99")
        await place.read(records(samples(40, seconds=30.0)))
        await place.station.checkpoint()
        await place.kill()
        server.faults.clear()
        await place.station.process([])
        await place.finish()
        assert {row.interaction_id for row in place.of(JUDGE) if row.score is not None} == {
            row.interaction_id for row in place.of("complete")
        }
        assert len(place.of("complete")) == 40

    with_models(monkeypatch, what)


def test_an_outage_is_waited_for_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        monkeypatch.setattr(shadow_trials, "FIRST_PAUSE", 0.001)
        monkeypatch.setattr(shadow_trials, "LONGEST_PAUSE", 0.01)
        server.script("503x12")
        for judge in place.by.judges.values():
            judge._chat.caller.clock = iter(range(0, 10**9, 700)).__next__  # breakers open for 10 minutes
        await place.read(records(samples(10)))
        await place.finish()
        assert [row.score is not None for row in place.of(JUDGE)] == [True] * 10
        assert place.station.facts()["endpoints"] == [
            {"endpoint": JUDGE, "kind": "judge", "waiting": 0, "says": None}
        ]

    with_models(monkeypatch, what)


def test_a_text_that_nobody_can_judge_is_not_asked_about_for_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        monkeypatch.setattr(shadow_trials, "FIRST_PAUSE", 0.3)
        monkeypatch.setattr(shadow_trials, "LONGEST_PAUSE", 0.3)
        server.grade = breaks_on_short
        await place.read(records(samples(4)))
        await place.finish()
        assert sorted(row.label or "" for row in place.of(JUDGE)) == ["", "", "", "refused: HTTP 500"]
        assert len(server.requests) == 3 + shadow_trials.TRIES

    def breaks_on_short(shown: dict[str, str]) -> dict[str, Any]:
        if shown["answer"] == "No.":
            raise RuntimeError("of this text")
        return {"reason": "fine", "score": 5}

    with_models(monkeypatch, what)


@pytest.mark.parametrize(
    ("faults", "more", "label"),
    [
        ("503x99", {"patience_seconds": 0}, "HTTP 503"),
        ("429x99", {"patience_seconds": 0}, "HTTP 429"),
        ("slowx99", {"patience_seconds": 0, "timeout_seconds": 0.5}, "slow"),
        ("closex99", {"patience_seconds": 0}, "unreachable"),
        ("prosex99", {}, "unusable"),
        ("foreignx99", {}, "unusable"),
        ("halfjsonx99", {}, "unusable"),
        ("nanx99", {}, "unusable"),
        ("rangex99", {}, "unusable"),
        ("shapex99", {}, "malformed"),
        ("htmlx99", {}, "malformed"),
    ],
)
def test_a_judge_that_fails_is_said_on_the_row(
    monkeypatch: pytest.MonkeyPatch, faults: str, more: dict[str, Any], label: str
) -> None:
    async def what(place: Place, server: FakeChat) -> None:
        monkeypatch.setattr(shadow_trials, "FIRST_PAUSE", 0.001)
        server.script(faults)
        await place.read(records(samples(2)))
        await place.finish()
        rows = place.of(JUDGE)
        assert len(rows) == 2
        assert {row.score for row in rows} == {None}
        assert all(label in (row.label or "") for row in rows)
        assert len(place.of("complete")) == 2, "the others scored on"

    with_models(monkeypatch, what, **more)
