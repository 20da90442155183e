"""Made-up traffic: topics of invented words, an encoder that knows nothing but words, small references.

A test fake from end to end: texts that share words lie near each other, which is all that the core needs
to see.  Everything is a function of the arguments.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.core import calibration, spectrum
from app.core.aspects import PROMPTS, Subject
from app.core.baseline import Baseline, BaselineSettings, learn
from app.core.encoding import Encoded
from app.core.fixedpoint import WORDING_SCALE, quantise
from app.core.measurement import Measurer, MeasureSettings
from app.core.reference import Reference, build
from app.core.rows import Rows
from app.core.sampling import Candidate, Described, References
from app.core.ticks import TickBook, in_time
from app.core.units import hash64
from schemas.events import Interaction
from schemas.readings import Reading
from schemas.ticks import Aspect, Sample, Tick, Totals

DIMENSIONS = 384
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
EPOCH = START.timestamp()
FINGERPRINT = "made-up-words"
APP = "made"
TOPICS = {
    "parcel": ("parcel", "delivery", "courier", "tracking", "doorstep"),
    "invoice": ("invoice", "payment", "refund", "billing", "receipt"),
    "password": ("password", "login", "account", "reset", "locked"),
    "holiday": ("holiday", "flight", "hotel", "luggage", "passport"),
    "garden": ("garden", "roses", "pruning", "compost", "seeds"),
    "music": ("music", "guitar", "chords", "melody", "concert"),
    "weather": ("weather", "rain", "storm", "forecast", "umbrella"),
    "exam": ("exam", "essay", "grade", "lecture", "homework"),
    "bicycle": ("bicycle", "pedal", "saddle", "brakes", "helmet"),
    "doctor": ("doctor", "fever", "tablets", "allergy", "symptom"),
    "gluten": ("gluten", "bread", "flour", "oven", "yeast"),  # in no baseline: the topic that tests plant
}
USUAL = {topic: 0.1 for topic in TOPICS if topic != "gluten"}
SETTINGS = MeasureSettings()
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
    core, *rest = TOPICS[topic]
    words = [core, *random.sample(rest, 2), *random.sample(FILLER, random.randint(1, 4))]
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
    """Events number `first` on, one every `seconds`; every one from a new user, else from `users` users.

    What an event says is a function of the seed and its number: logs with one seed share their beginning.
    """
    out = []
    for number in range(first, first + count):
        random = Random(f"{seed}/{number}/{application}")
        topic = random.choices(list(topics), list(topics.values()))[0]
        user = number if users is None else random.randrange(users)
        out.append(
            Interaction(
                application=application,
                id=f"{application}-{number}",
                time=START + timedelta(seconds=number * seconds),
                prompt=prompt(random, topic),
                user_hash=f"user-{user}",
            )
        )
    return out


def answered(
    events: Sequence[Interaction], *, topics: Mapping[str, float] = USUAL, seed: int = 1
) -> list[Interaction]:
    """The same events with responses, whose topics have nothing to do with those of the prompts."""
    out = []
    for event in events:
        random = Random(f"{seed}/{event.id}/answer")
        topic = random.choices(list(topics), list(topics.values()))[0]
        out.append(msgspec.structs.replace(event, response=prompt(random, topic)))
    return out


def rows(count: int, *, seed: int = 0, topics: Mapping[str, float] = USUAL) -> Rows:
    texts = tuple(event.prompt for event in interactions(count, seed=seed, topics=topics))
    encoded = encode(texts)
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


def feed(
    measurer: Measurer,
    events: Sequence[Interaction],
    *,
    references: Mapping[str, References] | None = None,
    batch: int = 64,
    offset: int = 0,
) -> Iterator[Tick]:
    """Ticks of events at consecutive offsets, sent after each batch; then the progress, as the agent does."""
    for start in range(0, len(events), batch):
        candidates: list[Candidate] = []
        for i, event in enumerate(events[start : start + batch], start=start + offset):
            candidates += measurer.admit(i, [event], references or {})
        encoded = encode([c.text for c in candidates])
        measurer.fold(candidates, encoded, describe)
        yield from measurer.flush()
        yield measurer.progress(idle=False)


def encode(texts: Sequence[str]) -> Encoded:
    return WordEncoder().encode(texts)


def measured(
    events: Sequence[Interaction],
    *,
    references: Mapping[str, References] | None = None,
    batch: int = 64,
    partition: int = 0,
    partitions: int = 1,
    settings: MeasureSettings = SETTINGS,
) -> list[Tick]:
    """Every tick that one partition sends for a log of one event a record."""
    measurer = Measurer(partition=partition, partitions=partitions, settings=settings)
    return list(feed(measurer, events, references=references, batch=batch))


def spread(
    events: Sequence[Interaction],
    partitions: int,
    *,
    references: Mapping[str, References] | None = None,
    batch: int = 64,
) -> list[list[Tick]]:
    """The ticks of each partition when events go to the partition of their key; silent at the end."""
    logs: list[list[Interaction]] = [[] for _ in range(partitions)]
    for event in events:
        logs[hash64(event.key) % partitions].append(event)
    out = []
    for number, log in enumerate(logs):
        measurer = Measurer(partition=number, partitions=partitions, settings=SETTINGS)
        sent = list(feed(measurer, log, references=references, batch=batch))
        out.append([*sent, measurer.progress(idle=True)])
    return out


def book_of(ticks: Sequence[Tick], book: TickBook | None = None, *, aspect: Aspect = PROMPTS) -> TickBook:
    """A book, perhaps one that there is, which has received the ticks of one aspect of the application."""
    found = TickBook() if book is None else book
    for tick in ticks:
        if (tick.application, tick.aspect) == Subject(APP, aspect):
            found.receive(tick)
    return found


def newest(ticks: Sequence[Tick]) -> list[Tick]:
    """The last version of each block, without what depends on when it was sent."""
    own = [t for t in ticks if t.application != "*"]
    blocks = {(t.application, t.aspect, t.partition, t.block_start): t for t in own}
    return [msgspec.structs.replace(t, watermark=None, totals=Totals()) for _, t in sorted(blocks.items())]


def samples(events: Sequence[Interaction], aspect: Aspect = PROMPTS) -> list[Sample]:
    """The candidates of a log, whole, in order of time."""
    own = [t for t in newest(measured(events)) if t.aspect == aspect]
    return sorted((s for tick in own for s in tick.samples), key=in_time)


def comparable(readings: Sequence[Reading]) -> list[Reading]:
    """Without what depends on the portions of arrival: the counts so far, and the progress of learning."""
    told = [r for r in readings if r.progress is None or r.progress == 1.0]
    return [msgspec.structs.replace(r, totals=Totals()) for r in told]


def through_msgpack(state: Any) -> Any:
    """A snapshot as it comes back from its topic."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), strict=False)


@cache
def baseline(count: int = 300, *, seed: int = 0, seconds: float = 1.0) -> Baseline:
    """Learned from the first `count` events of `interactions(..., seed=seed)`."""
    return learned(interactions(count, seed=seed, seconds=seconds))


def learned(events: Sequence[Interaction], aspect: Aspect = PROMPTS) -> Baseline:
    """A baseline of all of these."""
    found = samples(events, aspect)
    with quick_calibration():
        return learn(
            found,
            subject=Subject(APP, aspect),
            fingerprint=FINGERPRINT,
            settings=BaselineSettings(events=len(events)),
            partitions=1,
            until=found[-1].time,
        )
