"""Detection delay and run length against every peer, on real prompts: the same streams, one run."""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks import contest, oracle, page, peer_defaults, peers, power_tables, vectors, worlds
from benchmarks.contest import NULL, QUICK, Plan, Scored
from benchmarks.power_tables import EYE, ORACLE, OURS, UNWATCHED, Findings
from benchmarks.run_lengths import Paths, level_at
from benchmarks.shifts import GRID, TICK
from benchmarks.vector_peers import Matrix
from benchmarks.vectors import Vectors, default_bank
from benchmarks.worlds import Rows, World


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Of `python -m benchmarks power`."""
    command.add_argument("--seed", type=int, default=1)


def main(chosen: argparse.Namespace) -> None:
    """Everything; the page is written by the full form alone."""
    plan = QUICK if chosen.quick else Plan(seed=getattr(chosen, "seed", 1))
    world = worlds.load(held=not chosen.quick)
    seen = vectors.encode(world)
    found = ask_libraries(measure(world, seen, plan), world, seen)
    section = power_tables.section(found, world)
    sys.stdout.write(section + "\n")
    if not chosen.quick:
        page.write("power", section)
        (page.PAGE.parent / "power.svg").write_text(power_tables.picture(found), encoding="utf-8")


def measure(world: World, seen: Vectors, plan: Plan) -> Findings:
    """Scores of every detector on every stream, references one after another."""
    drawn = [contest.draw(world, plan, number) for number in range(plan.references)]
    gram = contest.gram_of(seen, drawn[0][0])
    parts = [one_reference(seen, gram, one, plan, number) for number, one in enumerate(drawn)]
    scores = {
        name: {stream: [part[name][stream] for part in parts] for stream in parts[0][name]}
        for name in parts[0]
    }
    return Findings(
        plan=plan,
        scores=scores,
        limits=limits(world, seen, [streams for _, streams in drawn], plan),
        defaults=peer_defaults.rivers(seen, drawn, streams=plan.dear),
    )


def ask_libraries(found: Findings, world: World, seen: Vectors) -> Findings:
    """What only the peers' own libraries can say, in their own environment; without it, nothing."""
    plan = found.plan
    drawn = [contest.draw(world, plan, number) for number in range(min(2, plan.references))]
    reference, streams = drawn[0]
    try:
        return replace(
            found,
            agreement=peer_defaults.agreement(seen, reference, streams[NULL][0, :600]),
            defaults=[
                *found.defaults,
                *peer_defaults.evidently(seen, drawn, null=plan.dear // 2, shifted=plan.dear // 2),
            ],
        )
    except peers.NotInstalled as why:
        sys.stderr.write(f"the peers' libraries are left out: {why}\n")
        return found


def one_reference(
    seen: Vectors, gram: Matrix, drawn: tuple[Rows, dict[str, Rows]], plan: Plan, number: int
) -> Scored:
    """All detectors on the streams of one reference."""
    reference, streams = drawn
    random = np.random.default_rng([plan.seed, number, 1])
    out: Scored = {}
    steps: dict[str, Callable[[], Scored]] = {
        OURS: lambda: {OURS: contest.ours(seen, reference, streams, number, default_bank())},
        UNWATCHED: lambda: {UNWATCHED: contest.ours(seen, reference, streams, number, None)},
        EYE: lambda: {EYE: contest.transformer_eye(seen, reference, streams, number)},
        "MMD": lambda: contest.windowed(gram, reference, streams, random, plan),
        "NEWMA": lambda: {"NEWMA": contest.newma(seen, reference, streams, random, plan)},
        "scalar": lambda: contest.scalar(seen, reference, streams, random, plan),
    }
    for name, step in steps.items():
        began = time.process_time()
        out |= step()
        sys.stderr.write(f"reference {number}: {name} {time.process_time() - began:.0f} s\n")
    return out


def limits(
    world: World, seen: Vectors, drawn: list[dict[str, Rows]], plan: Plan
) -> dict[str, tuple[Paths, float]]:
    """The oracle of each shift: its paths, and its threshold at a realised run length of 10,000."""
    random = np.random.default_rng([plan.seed, 2])
    everything = oracle.features(seen)
    kinds = dict.fromkeys(shift.kind for shift in GRID)
    ratios = {kind: oracle.log_ratios(world, everything, kind, random) for kind in kinds}
    out = {}
    for shift in GRID:
        null = np.concatenate([oracle.paths(ratios[shift.kind], shift.share, s[NULL]) for s in drawn])
        paths = [oracle.paths(ratios[shift.kind], shift.share, s[shift.name]) for s in drawn]
        out[shift.name] = (np.concatenate(paths), level_at(null, 10_000.0, TICK))
    sys.stderr.write(f"{ORACLE}: done\n")
    return out
