"""Whether an incident's first cluster is what came in: topics injected at 10 % into real prompts."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from app.adapters.describe import describe
from app.adapters.pipeline import Pipeline
from app.adapters.redaction import redact
from app.adapters.tuning import measure_settings, monitor_settings
from app.adapters.watches import load_bank
from app.core.baseline import Baseline
from app.core.sampling import References
from app.ports import Encoder
from app.settings import DetectionSettings
from benchmarks import page
from benchmarks.streams import APPLICATION, START, rows
from schemas.decisions import Alert
from schemas.events import Interaction
from schemas.readings import ClusterMove

PREVALENCE = 0.10
LEARNED, CLEAN, MOST = 2000, 256, 4000  # events: of the baseline, before the injection, after it
SECONDS = 20.0  # between events, so that few texts repeat within the horizon
PARTITIONS = 2
FOREIGN = (
    "code_codealpaca.jsonl.gz", "math_gsm8k_models.jsonl.gz", "jailbreak_jbb.jsonl.gz",
    "roleplay_awesome_prompts.jsonl.gz", "zh_belle_eval.jsonl",
)  # fmt: skip
LANGUAGES = ("de", "es", "fr", "ru", "ja")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Texts of clean traffic, and the topics that are not in it: name -> texts."""

    name: str
    known: list[str]
    topics: dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One injection: what its first page said, if there was one."""

    world: str
    topic: str
    delay: int | None = None  # events
    rank: int | None = None  # of the injected cluster among those that the alert tells, from 1
    purity: float = 0.0  # share of the first cluster's examples that were injected
    shares: tuple[float, ...] = ()  # of the distance: the clusters' and what is elsewhere
    clusters: int = 0
    misstated: float | None = None  # share now of the first cluster less the prevalence


def worlds(*, held: int, seed: int) -> list[World]:
    """Two of short requests with intents held out, one of long instructions."""
    out = []
    for name in ("intents_banking77.jsonl.gz", "intents_hwu64.jsonl.gz"):
        found = rows(name)
        labels = sorted({row["label"] for row in found})
        out_of_it = set(Random(f"{seed} {name}").sample(labels, held))
        topics = {label: _distinct(found, label) for label in sorted(out_of_it)}
        known = sorted({row["text"] for row in found if row["label"] not in out_of_it})
        out.append(World(name=name.split("_")[1].split(".")[0], known=known, topics=topics | foreign()))
    banking = rows("intents_banking77.jsonl.gz")
    some = Random(f"{seed} instructions").sample(sorted({row["label"] for row in banking}), 10)
    known = sorted({r["text"] for name in ("instructions_alpaca.jsonl.gz", "feedback_hh_harmless.jsonl.gz")
                    for r in rows(name)})  # fmt: skip
    topics = {label: _distinct(banking, label) for label in sorted(some)}
    return [*out, World(name="instructions", known=known, topics=topics | foreign())]


def foreign() -> dict[str, list[str]]:
    """Topics of other sources."""
    out = {name.split(".")[0]: sorted({row["text"] for row in rows(name)}) for name in FOREIGN}
    found = rows("multilingual_mgsm.jsonl.gz")
    spoken = {lang: sorted({row["text"] for row in found if row["lang"] == lang}) for lang in LANGUAGES}
    return out | {f"mathematics in {lang}": texts for lang, texts in spoken.items()}


def _distinct(found: Sequence[dict[str, str]], label: str) -> list[str]:
    return sorted({row["text"] for row in found if row["label"] == label})


def traffic(world: World, topic: str | None, *, count: int, first: int, seed: int) -> Iterator[Interaction]:
    """Events number `first` on, each of another user; of a topic, at its prevalence."""
    random = Random(f"{seed} {world.name} {topic} {first}")
    for number in range(first, first + count):
        injected = topic is not None and random.random() < PREVALENCE
        pool = world.topics[topic] if injected and topic is not None else world.known
        yield Interaction(
            application=APPLICATION,
            id=f"{world.name}-{topic}-{number}",
            time=START + timedelta(seconds=SECONDS * number),
            prompt=random.choice(pool),
            user_hash=f"{world.name}-{topic}-{number}",
        )


class Bench:
    """The product's road from event to alert, as replay and the agents walk it."""

    def __init__(self, encoder: Encoder, *, seed: int = 0) -> None:
        self._encoder, self._seed = encoder, seed
        self._detection = DetectionSettings(baseline_events=LEARNED, seed=seed)
        self._bank = load_bank(encoder, self._detection)

    def _pipeline(self, references: dict[str, References]) -> Pipeline:
        return Pipeline(
            encoder=self._encoder,
            describe=describe,
            references=references,
            measure=measure_settings(self._detection),
            monitor=monitor_settings(self._detection, self._bank),
            partitions=PARTITIONS,
        )

    def learn(self, world: World) -> Baseline:
        """The baseline of a world's clean traffic.  Cost: that of a calibration."""
        events = traffic(world, None, count=LEARNED + 600, first=0, seed=self._seed)
        return next(b for output in self._pipeline({}).run(events) for b in output.baselines)

    def inject(self, world: World, topic: str, baseline: Baseline) -> Result:
        """Some clean traffic, then the topic until the first page."""
        start, seed = LEARNED + 600, self._seed
        turn = start + CLEAN
        events = [
            *traffic(world, None, count=CLEAN, first=start, seed=seed),
            *traffic(world, topic, count=MOST, first=turn, seed=seed),
        ]
        changed_at = START + timedelta(seconds=SECONDS * turn)
        for output in self._pipeline({APPLICATION: References(baseline=baseline)}).run(events):
            for alert in output.alerts:
                if alert.transition == "opened" and alert.detected_at >= changed_at:
                    delay = (alert.detected_at - changed_at).total_seconds() / SECONDS
                    return judged(alert, world.name, topic, world.topics[topic], delay=round(delay))
        return Result(world=world.name, topic=topic)


def judged(alert: Alert, world: str, topic: str, injected: Sequence[str], *, delay: int) -> Result:
    """An alert beside the truth: a cluster is the injected one where most of its examples were injected."""
    fresh = {redact(text)[:500] for text in injected}

    def purity(cluster: ClusterMove) -> float:
        found = [any(each.startswith(e.rstrip("…")) for each in fresh) for e in cluster.examples]
        return sum(found) / len(found) if found else 0.0

    pure = [purity(cluster) for cluster in alert.clusters]
    told = [c.contribution for c in alert.clusters if c.contribution is not None]
    return Result(
        world=world,
        topic=topic,
        delay=delay,
        rank=next((i for i, share in enumerate(pure, 1) if share > 0.5), None),
        purity=pure[0] if pure else 0.0,
        shares=(*told, alert.elsewhere) if alert.elsewhere is not None else (),
        clusters=len(alert.clusters),
        misstated=alert.clusters[0].share_now - PREVALENCE if alert.clusters else None,
    )


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Of `python -m benchmarks injections`."""
    command.add_argument("--seed", type=int, default=0)


def main(chosen: argparse.Namespace) -> None:
    """A hundred injections; the page is written by the full form alone."""
    from app.adapters.encoders import load_encoder

    seed = getattr(chosen, "seed", 0)
    bench = Bench(load_encoder(), seed=seed)
    results = []
    for world in worlds(held=1 if chosen.quick else 30, seed=seed):
        baseline = bench.learn(world)
        for topic in list(world.topics)[:: 5 if chosen.quick else 1]:
            results.append(bench.inject(world, topic, baseline))
            sys.stderr.write(f"{results[-1]}\n")
    section = table(results)
    sys.stdout.write(section + "\n")
    if not chosen.quick:
        page.write("injections", section)


def table(results: Sequence[Result]) -> str:
    """A row a world, and all of them."""
    header = [
        "traffic", "injections", "paged", "events to the page, median", "ranked first", "told at all",
        "its share now, median error", "examples from the injection", "parts sum to 1 within",
    ]  # fmt: skip
    names = list(dict.fromkeys(r.world for r in results))
    lines = [_row(name, [r for r in results if r.world == name]) for name in names]
    return page.table(header, [*lines, _row("all", results)])


def _row(name: str, results: Sequence[Result]) -> list[str]:
    paged = [r for r in results if r.delay is not None]
    delays = sorted(r.delay for r in paged if r.delay is not None)
    errors = sorted(abs(r.misstated) for r in paged if r.misstated is not None)
    sums = [abs(sum(r.shares) - 1.0) for r in paged if r.shares]
    return [
        name,
        str(len(results)),
        str(len(paged)),
        f"{delays[len(delays) // 2]:,}" if delays else "",
        f"{sum(r.rank == 1 for r in paged)}",
        f"{sum(r.rank is not None for r in paged)}",
        f"{errors[len(errors) // 2]:.3f}" if errors else "",
        f"{sum(r.purity for r in paged) / len(paged):.0%}" if paged else "",
        f"{max(sums):.1e} ({len(sums)} told)" if sums else "",
    ]
