"""Made-up traffic: topics of invented words, an encoder that knows nothing but words, small references.

A test fake from end to end: texts that share words lie near each other, which is all that the core needs
to see.  Everything is a function of the arguments.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from app.core import calibration, spectrum
from app.core.baseline import Baseline, BaselineSettings, learn
from app.core.encoding import Encoded
from app.core.fixedpoint import WORDING_SCALE, quantise
from app.core.measurement import Candidate, Described, Measurer, MeasureSettings, References
from app.core.reference import Reference, Rows, build
from app.core.units import hash64
from schemas.events import Interaction
from schemas.readings import Sample, Tick

DIMENSIONS = 384
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
EPOCH = START.timestamp()
FINGERPRINT = "made-up-words"
APP = "made"
TOPICS = {
    "parcel": ("parcel", "delivery", "courier", "tracking", "doorstep"),
    "invoice": ("invoice", "payment", "refund", "billing", "receipt"),
    "password": ("password", "login", "account", "reset", "locked"),
    "gluten": ("gluten", "bread", "flour", "oven", "yeast"),  # in no baseline: the topic that tests plant
}
USUAL = {"parcel": 0.5, "invoice": 0.3, "password": 0.2}
FILLER = ("today", "quickly", "morning", "friend", "again", "phone", "page", "week", "house", "colour")


@cache
def direction(word: str) -> NDArray[np.float64]:
    return np.random.default_rng(hash64(word)).standard_normal(DIMENSIONS)


class WordEncoder:
    """`ports.Encoder`: the sum of its words' fixed random directions; a text without words is unreadable."""

    fingerprint = FINGERPRINT

    def encode(self, texts: Sequence[str]) -> Encoded:
        split = [text.lower().split() for text in texts]
        summed = [sum((direction(w) for w in words), np.zeros(DIMENSIONS)) for words in split]
        wording = np.array(summed).reshape(len(texts), DIMENSIONS)
        wording /= np.maximum(np.linalg.norm(wording, axis=1, keepdims=True), 1e-12)
        return Encoded(
            wording=quantise(wording, WORDING_SCALE),
            shape=np.array([form(text) for text in texts], np.float32).reshape(len(texts), 11),
            readable=np.array([bool(words) for words in split], np.bool_),
            unknown=np.zeros(len(texts), np.float32),
        )


def form(text: str) -> list[float]:
    """Eleven numbers about letters."""
    return [len(text.split()), *(text.count(letter) / max(len(text), 1) for letter in "etaoinsrhl")]


def describe(text: str) -> Described:
    return Described(text, "en", code=False)


def prompt(random: Random, topic: str) -> str:
    words = [*random.choices(TOPICS[topic], k=3), *random.sample(FILLER, random.randint(1, 5))]
    return " ".join([*words, f"ref{random.randrange(10**9)}"])  # no two alike


def interactions(
    count: int,
    *,
    seed: int = 0,
    first: int = 0,
    topics: Mapping[str, float] = USUAL,
    application: str = APP,
    seconds: float = 1.0,
    users: int | None = None,
) -> list[Interaction]:
    """Events number `first` on, one every `seconds`; each from a user of its own unless `users` says how many."""
    random = Random(f"{seed}/{first}/{application}")
    drawn = random.choices(list(topics), list(topics.values()), k=count)
    return [
        Interaction(
            application=application,
            id=f"{application}-{number}",
            time=START + timedelta(seconds=number * seconds),
            prompt=prompt(random, topic),
            user_hash=f"user-{number if users is None else random.randrange(users)}",
        )
        for number, topic in enumerate(drawn, start=first)
    ]


def rows(count: int, *, seed: int = 0, topics: Mapping[str, float] = USUAL) -> Rows:
    texts = tuple(event.prompt for event in interactions(count, seed=seed, topics=topics))
    encoded = WordEncoder().encode(texts)
    return Rows(
        wording=encoded.wording,
        shape=encoded.shape,
        texts=texts,
        languages=("en",) * count,
        code=(False,) * count,
    )


@cache
def reference(count: int = 300, *, kind: str = "evalset", seed: int = 0) -> Reference:
    with quick_calibration():
        return build(rows(count, seed=seed), application=APP, kind=kind, fingerprint=FINGERPRINT)


@contextmanager
def quick_calibration(streams: int = 24, length: int = 4096) -> Iterator[None]:
    """Fewer folds and null streams than production demands: rough thresholds, everything else the same."""
    with (
        patch.object(spectrum, "FOLDS", 4),
        patch.object(calibration, "STREAMS", streams),
        patch.object(calibration, "LENGTH", length),
    ):
        yield


def measured(
    events: Sequence[Interaction],
    *,
    references: Mapping[str, References] | None = None,
    batch: int = 64,
    partition: int = 0,
    partitions: int = 1,
    settings: MeasureSettings = MeasureSettings(),
) -> list[Tick]:
    """Every tick that one partition sends for a log of one event a record."""
    measurer = Measurer(partition=partition, partitions=partitions, settings=settings)
    return list(feed(measurer, events, references=references, batch=batch))


def feed(
    measurer: Measurer,
    events: Sequence[Interaction],
    *,
    references: Mapping[str, References] | None = None,
    batch: int = 64,
    offset: int = 0,
) -> Iterator[Tick]:
    """Ticks of events at consecutive offsets, flushed after each batch."""
    for start in range(0, len(events), batch):
        candidates: list[Candidate] = []
        for i, event in enumerate(events[start : start + batch], start=start + offset):
            candidates += measurer.admit(i, [event], references or {})
        encoded = WordEncoder().encode([c.interaction.prompt for c in candidates])
        measurer.fold(candidates, encoded, describe)
        yield from measurer.flush()


def samples(events: Sequence[Interaction]) -> list[Sample]:
    """The candidates of a log, whole."""
    newest = {tick.block_start: tick for tick in measured(events)}
    return [sample for tick in newest.values() for sample in tick.samples]


@cache
def baseline(count: int = 300, *, seed: int = 0, seconds: float = 1.0) -> Baseline:
    """Learned from the first `count` events of `interactions(..., seed=seed)`."""
    found = samples(interactions(count, seed=seed, seconds=seconds))
    with quick_calibration():
        return learn(
            found,
            application=APP,
            fingerprint=FINGERPRINT,
            settings=BaselineSettings(events=count),
            partitions=1,
            until=found[-1].time,
        )
