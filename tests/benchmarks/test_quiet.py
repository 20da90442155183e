"""The page of unchanged streams says what was found and promised; a long run goes on where it stopped."""

from dataclasses import asdict, replace
from pathlib import Path

import msgspec

from benchmarks import quiet
from benchmarks.quiet import Calm

ONE = Calm(
    seed=0,
    events=60_000,
    units=20_000,
    days=112.0,
    learned=2700,
    horizon_seconds=600.0,
    cycles_found=True,
    claimed=True,
    incidents=0,
    highest=4.0,
    threshold=6.0,
    pages_per_30_days=0.5,
)


def test_incidents_stand_beside_what_the_budget_allows() -> None:
    text = quiet.section([ONE, replace(ONE, seed=1, incidents=1, highest=6.5)])
    assert "Incidents: **1**, in 2 streams of 40,000 units" in text
    assert "1,000,000 units allows 0.04" in text
    assert "in 30 days for this monitor) 4." in text.replace("\n", " ")
    assert "1 of 2 did" in text


def test_streams_of_an_earlier_part_are_not_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    assert quiet.kept(path) == quiet.kept(None) == []
    path.write_bytes(msgspec.json.encode(asdict(ONE)) + b"\n")
    assert quiet.kept(path) == [ONE]
