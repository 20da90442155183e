"""The known fraction that is kept whole: which units, and with what probability."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from msgspec.structs import replace as changed

from app.core.aspects import PROMPTS, RESPONSES, Subject, text_of
from app.core.baseline import Baseline
from app.core.encoding import Seen
from app.core.fixedpoint import pack
from app.core.folding import Judged
from app.core.reference import Reference
from app.core.responses import EMPTY, labels_of
from app.core.segments import segments_of
from app.core.succession import Succession
from app.core.units import hash64, place_of
from schemas.events import Interaction
from schemas.exchanges import Exchange
from schemas.ticks import LEARNING, Aspect, Sample

NOVEL_LEVEL = 0.02
WHILE_LEARNING = 0.25  # share of exchanges that are carried at first, while the rate of units is not known
FIRST = 128  # of a partition that are carried so; then, of n candidates so far, one in n / FIRST
NOVEL_TIMES = 10.0  # as likely as others are novel exchanges carried


@dataclass(frozen=True, slots=True)
class References:
    """What an application is measured against; each may still be missing.

    `before` is the eval set that `evalset` takes over from, at the event time `since`.
    """

    evalset: Reference | None = None
    baseline: Baseline | None = None
    responses: "References | None" = None  # the same for its responses, where eval sets have no part
    before: Succession | None = None
    since: float | None = None

    @property
    def evalsets(self) -> Succession:
        """The eval set in force and those before it."""
        return Succession(self.evalset, self.since, self.before)

    def of(self, aspect: Aspect) -> "References":
        """What one aspect is measured against."""
        return self if aspect == PROMPTS else self.responses or UNKNOWN

    def learned(self, baseline: Baseline) -> "References":
        """With a baseline, of whichever aspect it is."""
        if baseline.reference.aspect == PROMPTS:
            return replace(self, baseline=baseline)
        return replace(self, responses=References(baseline=baseline))


UNKNOWN = References()


def known_of(references: Mapping[str, References], application: str) -> References:
    """What is known of an application; "*" serves whoever has nothing of his own."""
    return references.get(application) or references.get("*") or UNKNOWN


@dataclass(frozen=True, slots=True)
class Described:
    """A text as it may be kept: redacted, with its descriptors."""

    text: str
    language: str | None
    code: bool
    programming: str | None = None
    failed: bool = False  # a part of it could not be made


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An interaction of which an aspect may become a unit and therefore needs the encoder."""

    partition: int
    offset: int
    interaction: Interaction
    time: float
    ordinal: int
    key: int | None
    gap: float | None
    subject: Subject  # whose unit it may become
    references: References  # of the aspect
    share: float = 1.0  # of units that were looked at when this one was (`shedding`)
    passed: int = 0  # units passed over since the one before

    @property
    def aspect(self) -> Aspect:
        """Whose text it is."""
        return self.subject.aspect

    @property
    def evalsets(self) -> tuple[Reference, ...]:
        """Those that it is measured against, the newest first; none while there is no baseline."""
        known = self.references
        if known.baseline is None:
            return ()
        return known.evalsets.at(self.time, known.baseline.units_per_second)

    @property
    def text(self) -> str:
        """What the eyes read."""
        return text_of(self.interaction, self.aspect)

    @property
    def is_empty_answer(self) -> bool:
        """A response without text: nothing to read, and yet something that a model did."""
        return self.aspect == RESPONSES and not self.text.strip()


def sampling(candidate: Candidate, judged: Judged | None, row: int) -> tuple[str, float]:
    """Reason and inclusion probability of a unit; probability 0 means that it is not kept."""
    baseline = candidate.references.baseline
    if judged is None or baseline is None:
        return LEARNING, 1.0
    event = candidate.interaction
    place = place_of(event.application, event.user_hash, event.id)
    reason, inclusion = drawn(place, float(judged.novelty[row]), baseline)
    return reason, inclusion * candidate.share


def drawn(place: int, novelty: float, baseline: Baseline) -> tuple[str, float]:
    """Every novel unit is kept, else those of a uniform share of users (units, where there is no user)."""
    if novelty <= NOVEL_LEVEL:
        return "novel", 1.0
    return "uniform", baseline.sample_rate if place < baseline.sample_rate * 2**64 else 0.0


def make_sample(
    candidate: Candidate,
    seen: Seen,
    judged: Judged | None,
    row: int,
    kept_as: tuple[str, float],
    described: Described,
) -> Sample:
    """The unit as it is kept: redacted, with its vectors."""
    interaction = candidate.interaction
    answer = candidate.aspect == RESPONSES
    return Sample(
        id=interaction.id,
        application=interaction.application,
        time=candidate.time,
        ordinal=candidate.ordinal,
        partition=candidate.partition,
        offset=candidate.offset,
        text=described.text or EMPTY if answer else described.text,
        language=described.language,
        code=described.code,
        segments=segments_of(interaction, None if answer else described.language),
        labels=labels_of(candidate.text, interaction.finish_reason) if answer else [],
        programming=described.programming,
        unknown=float(seen.unknown[row]),
        aspect=candidate.aspect,
        wording=pack(seen.wording[row], "<i2"),
        shape=seen.shape[row].astype("<f4").tobytes(),
        meaning=b"" if seen.meaning is None else pack(seen.meaning[row], "<i2"),
        reason=kept_as[0],
        inclusion=kept_as[1],
        gap=candidate.gap,
        key=candidate.key,
        cluster=next((int(judged.placed[e.id].clusters[row]) for e in candidate.evalsets if judged), None),
        novelty=None if judged is None else float(judged.novelty[row]),
        user_hash=interaction.user_hash,
        deployment_id=interaction.deployment_id,
        variant=interaction.variant,
        model=interaction.model,
        system_prompt=(interaction.system_prompt_sha256 or "")[:12] or None,
    )


@dataclass(frozen=True, slots=True)
class Carrying:
    """How exchanges are put on samples: about so many a second, since redacting long texts takes time."""

    per_second: float
    exchange: Callable[[Interaction, float], Exchange]

    def onto(self, sample: Sample, candidate: Candidate) -> Sample:
        """The sample with its exchange, where it is one of those that carry theirs."""
        chance = self._chance(sample, candidate.references.baseline)
        if sample.aspect != PROMPTS or hash64(f"exchange|{sample.id}") >= chance * 2**64:
            return sample
        return changed(sample, exchange=self.exchange(candidate.interaction, sample.inclusion * chance))

    def _chance(self, sample: Sample, baseline: Baseline | None) -> float:
        if baseline is None:
            return min(WHILE_LEARNING, FIRST / (sample.ordinal + 1))
        share = self.per_second / max(baseline.units_per_second, 1e-9)
        if sample.reason == "novel":
            return min(1.0, NOVEL_TIMES * share)
        return min(1.0, share / baseline.sample_rate)
