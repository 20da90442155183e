"""The harness itself, on made-up vectors and a plan of seconds."""

import numpy as np
import pytest

from benchmarks import contest, oracle, peer_defaults, power, power_tables, worlds
from benchmarks.contest import NULL, Plan
from benchmarks.run_lengths import Paths
from benchmarks.shifts import GRID, Shift, stream
from benchmarks.vectors import Vectors
from tests.benchmarks import made


def test_clean_traffic_keeps_its_shares_and_the_error_of_a_reference_that_is_one_of_many() -> None:
    """The squared distance of live and reference means is tr(S)/n, as if the pool were endless."""
    world = made.world(1000)
    meaning = made.vectors(world).meaning
    random = np.random.default_rng(7)
    pool = meaning[world.strata["a"]]
    ratios = []
    alone = worlds.assemble({"a": ["x"] * 1000}, {"a": 1.0}, {})
    for _ in range(6):
        reference = worlds.reference_rows(alone, random, 400)
        live = worlds.Traffic(alone, reference).clean(random, (1, 200_000))[0]
        apart = meaning[live].mean(axis=0) - meaning[reference].mean(axis=0)
        ratios.append(float(apart @ apart) * 400 / pool.var(axis=0).sum())
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.08)
    drawn = worlds.Traffic(world, worlds.reference_rows(world, random, 200)).clean(random, (4, 5000))
    assert np.isin(drawn, world.strata["a"]).mean() == pytest.approx(0.7, abs=0.015)


def test_a_shift_begins_when_it_should_and_ramps_as_it_should() -> None:
    world = made.world()
    random = np.random.default_rng(8)
    traffic = worlds.Traffic(world, worlds.reference_rows(world, random, 200))
    new = np.isin(stream(traffic, Shift("ramp", "code", 0.4, 4000), random, 20), world.strata["new"])
    assert not new[:, :1504].any()
    assert new[:, 1504:3504].mean() == pytest.approx(0.1, abs=0.02)
    assert new[:, -2000:].mean() == pytest.approx(0.4, abs=0.02)


def test_the_oracle_is_faster_than_anyone_and_keeps_its_run_length(monkeypatch: pytest.MonkeyPatch) -> None:
    world = made.world()
    seen = made.vectors(world)
    grid = (Shift("code 10 %", "code", 0.1),)
    for module in (contest, power, power_tables):
        monkeypatch.setattr(module, "GRID", grid)
    for shown in (peer_defaults, power_tables):
        monkeypatch.setattr(shown, "SHOWN", ("code 10 %",))
    monkeypatch.setattr(contest, "WINDOWS", (50,))
    plan = Plan(references=1, shifted=6, null=6, bootstrap=8, units=4000)
    monkeypatch.setattr(contest, "reference_rows", lambda w, r: worlds.reference_rows(w, r, 200))

    def quick(
        v: Vectors, reference: worlds.Rows, streams: dict[str, worlds.Rows], seed: int, _: object = None
    ) -> dict[str, Paths]:
        random = np.random.default_rng(seed)
        return contest.scalar(v, reference, streams, random, plan)["PageHinkley"]

    for slow in ("ours", "transformer_eye"):  # calibrations; see test_ours.py
        monkeypatch.setattr(contest, slow, quick)
    monkeypatch.setattr(power, "default_bank", lambda: None)
    found = power.measure(world, seen, plan)

    peers = {"MMD W=50", "NEWMA", "PageHinkley", "KSWIN"}
    assert peers | {power_tables.OURS, power_tables.UNWATCHED, power_tables.EYE} == set(found.scores)
    assert all(set(paths) == {NULL, "code 10 %"} for paths in found.scores.values())
    assert found.limit("code 10 %").mean < found.delays("MMD W=50", "code 10 %", 4.0).mean
    assert "code 10 %" in power_tables.delay_table(found, equal=True)
    assert "| MMD W=50 |" in power_tables.run_length_table(found)
    assert "delta 0.002" in peer_defaults.default_table(found.defaults)
    assert len(GRID) == 17


def test_what_was_always_there_has_a_known_ratio() -> None:
    world = worlds.assemble({"a": ["x"], "b": ["y"]}, {"a": 0.8, "b": 0.2}, {"topic": ("b",)})
    ratios = oracle.log_ratios(world, np.zeros((2, 1), np.float32), "topic", np.random.default_rng(0))
    assert np.exp(ratios) == pytest.approx([0.0, 5.0], abs=1e-6)
