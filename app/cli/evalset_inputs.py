"""What the commands of `evalset` share: whose set, where it lies, and what a version is built from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from getpass import getuser
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.inputs import events_of, tell_unreadable
from app.cli.terminal import say, settings_of
from app.errors import DependencyError, InputError
from app.settings import KafkaSettings, Settings

if TYPE_CHECKING:
    from app.adapters.curate import Before
    from app.adapters.evalsets import EvalSets
    from app.adapters.samples import Kept
    from app.core.curation_signals import Signals
    from app.ports import Encoder
    from schemas.codec import Event
    from schemas.evalsets import Plan
    from schemas.ticks import Sample
    from schemas.topics import Topic

STORE = ""  # as configured
UNCONFIGURED = "evalsets"


def _configured(ctx: typer.Context, given: str) -> str:
    return given or settings_of(ctx).curation.store or UNCONFIGURED


Application = Annotated[str, typer.Option(help="Whose eval set.")]
Store = Annotated[
    str,
    typer.Option(
        callback=_configured,
        show_default="curation.store, else the folder evalsets",
        help="Folder or URL that holds versions and history.",
    ),
]
Version = Annotated[str, typer.Argument(help="Name, its beginning, `current` or `latest`.")]
By = Annotated[str | None, typer.Option("--by", help="Who; default the user of the system.")]


def who(by: str | None) -> str:
    """Who acts; containers may run as a user without a name."""
    if by:
        return by
    try:
        return getuser()
    except (KeyError, OSError):
        return "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Where samples and signals come from: a log, a file of samples, else the topics."""

    application: str
    events: Path | None
    samples: Path | None
    outcomes: Path | None
    mapped: Sequence[str] | None

    def read(
        self, kafka: KafkaSettings, encoder: "Encoder", plan: "Plan", *, most: int, seed: int
    ) -> "tuple[Kept, Signals]":
        """All of it.  Raises: InputError, DependencyError."""
        from app.adapters.samples import keep, read_samples, samples_of_log
        from app.core.curation_signals import signals_of

        told: Iterable[Event] = ()
        drawn: Iterator[Sample]
        if self.events is not None:
            logged = events_of(self.events, application=self.application, mapped=self.mapped).events
            told, drawn = logged, samples_of_log(logged, encoder)
        elif self.samples is not None:
            drawn = read_samples(self.samples)
        else:
            told, drawn = _signals(kafka), _samples(kafka)  # one by one: there may be millions
        if self.outcomes is not None:
            told = chain(told, events_of(self.outcomes, application=self.application, mapped=None).events)
        signals = signals_of((event for event in told if event.application == self.application), plan)
        kept = keep(drawn, application=self.application, most=most, seed=seed, praised=signals.praised)
        return kept, signals


def announce(settings: Settings, sets: "EvalSets", *, connected: bool) -> None:
    """Put what stands in the store on `evalsets.v1`: where the store is the one that is configured, or the
    command is `connected` to a broker anyway.  A broker that is away is told of, and stops nothing.
    """
    from app.adapters.evalset_topic import announce

    if not connected and settings.curation.store != sets.store:
        return
    try:
        announce(settings.kafka, sets)
    except DependencyError as error:
        say(f"recorded in {sets.store}; the page hears of it with the next command ({error})")


def built_on(sets: "EvalSets", by_hand: Path | None) -> "Before":
    """The version in force, else a set written by hand, else nothing.  Raises: InputError for both."""
    from app.adapters import curate
    from app.adapters.files import read_evalset
    from app.core.curation_history import standing

    current = standing(sets.history()).current
    if current is not None and by_hand is not None:
        raise InputError(f"--previous: {current} is in force, and is built on; leave --previous out")
    if current is not None:
        manifest, items = sets.load(current)
        return curate.Before(version=current, items=tuple(items), retired=tuple(manifest.retired))
    if by_hand is None:
        return curate.Before()
    found = read_evalset(by_hand)
    tell_unreadable(by_hand, found.unreadable)
    return curate.by_hand(found.items)


def _samples(kafka: KafkaSettings) -> "Iterator[Sample]":
    from app.adapters.samples import decode_sample
    from schemas.topics import SAMPLES

    skipped = 0
    for place, value in _values(kafka, SAMPLES):
        try:
            yield decode_sample(value, place)
        except InputError:
            skipped += 1
    if skipped:
        say(f"{skipped:,} records of {SAMPLES.name} could not be read")


def _signals(kafka: KafkaSettings) -> "Iterator[Event]":
    from schemas.codec import Rejection, decode
    from schemas.topics import EVALUATIONS, OUTCOMES

    for topic, kind in ((OUTCOMES, "outcome"), (EVALUATIONS, "evaluation")):
        for _, value in _values(kafka, topic):
            yield from (event for event in decode(value, kind=kind) if not isinstance(event, Rejection))


def _values(kafka: KafkaSettings, topic: "Topic") -> Iterator[tuple[str, bytes]]:
    from app.adapters.kafka import full_name
    from app.adapters.kafka_reading import read_all

    for record in read_all(kafka, full_name(kafka, topic)):
        if record.value:
            yield f"{topic.name} {record.partition}:{record.offset}", record.value
