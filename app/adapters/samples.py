"""Samples as the eval set wants them: of a topic, of a file, or made from a log of interactions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from app.adapters.describe import WITHHELD, describe
from app.adapters.files import lines_of
from app.core.aspects import RESPONSES
from app.core.curation_pool import CUT, thinned
from app.core.measurement import Measurer, MeasureSettings
from app.errors import InputError
from app.ports import Encoder
from schemas.codec import Event
from schemas.events import Interaction
from schemas.ticks import Sample

BATCH = 512


@dataclass(slots=True)
class Kept:
    """Samples of prompts, thinned, and the whole responses that were asked for, by interaction id."""

    samples: list[Sample]
    responses: dict[str, str] = field(default_factory=dict)


def keep(samples: Iterable[Sample], *, application: str, most: int, seed: int, praised: set[str]) -> Kept:
    """What an eval set needs of samples.  Memory: `most` prompts, and the responses of `praised`."""
    responses: dict[str, str] = {}

    def own() -> Iterator[Sample]:
        for sample in samples:
            if sample.application != application:
                continue
            if sample.id in praised and (answer := whole_answer(sample)):
                responses[sample.id] = max(answer, responses.get(sample.id, ""), key=len)
            yield msgspec.structs.replace(sample, text=question_of(sample), exchange=None)

    return Kept(thinned(own(), most=most, seed=seed), responses)


def whole_answer(sample: Sample) -> str | None:
    """The response that a sample holds, where it holds all of it."""
    said = sample.exchange
    if said is not None:
        return None if said.response_cut else said.response
    return sample.text if sample.aspect == RESPONSES and not sample.text.endswith(CUT) else None


def question_of(sample: Sample) -> str:
    """The prompt, of its exchange where that holds more of it; nothing where it is withheld."""
    said = sample.exchange
    if said is not None and sample.text.endswith(CUT) and len(said.prompt) > len(sample.text):
        return said.prompt
    return "" if sample.text == WITHHELD else sample.text


def read_samples(path: Path) -> Iterator[Sample]:
    """Every sample of a file, one JSON object per line as on `samples.v1`.  Raises: InputError."""
    for number, line in lines_of(path):
        yield decode_sample(line, f"{path}, line {number:,}")


def decode_sample(value: bytes, place: str) -> Sample:
    """One sample.  Raises: InputError naming the place, never the text."""
    try:
        sample = msgspec.json.decode(value, type=Sample)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        told = str(error) if isinstance(error, msgspec.ValidationError) else "no JSON object"
        raise InputError(f"{place}: is no sample ({told}); give records of samples.v1") from None
    if not 0 < sample.inclusion <= 1:
        raise InputError(f"{place}: inclusion: is not above 0 and at most 1; give records of samples.v1")
    return sample


def samples_of_log(events: Sequence[Event], encoder: Encoder) -> Iterator[Sample]:
    """Every interaction that may be a unit, kept whole and redacted, as a worker does while it learns."""
    found = [event for event in events if isinstance(event, Interaction)]
    measurer = Measurer(partition=0, partitions=1, settings=MeasureSettings())
    for start in range(0, len(found), BATCH):
        offsets = enumerate(found[start : start + BATCH], start=start)
        candidates = [c for offset, event in offsets for c in measurer.admit(offset, [event], {})]
        measurer.fold(candidates, encoder.encode([c.text for c in candidates]), describe)
        for tick in measurer.flush():
            yield from tick.samples
