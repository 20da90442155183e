"""From the log of one partition to ticks: what each interaction adds, and to which block.

Everything here is a function of the log alone (no clock, seeded, bounded): a block that is sent again
after a crash is the same block.  `agents/measure.py` is the shell around `Measurer`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.core.aspects import PROMPTS, RESPONSES, Subject, is_answered
from app.core.blocks import Block, Blocks, Part
from app.core.encoding import Encoded
from app.core.folding import judge
from app.core.sampling import Candidate, Carrying, Described, References, known_of, make_sample, sampling
from app.core.serving import Asked, ServedRows
from app.core.shedding import looked_at
from app.core.units import Admission, UnitRule, Verdict, is_unit
from app.core.watermark import Watermark
from schemas.events import Interaction
from schemas.ticks import Aspect, Sample, Tick, Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """Constants of the block and unit rules; changing one changes the counts."""

    block_offsets: int = 64  # and interactions: a record may hold many, and a tick must fit a message
    lateness_seconds: float = 30.0
    text_horizon_seconds: float = 3600.0
    memory_entries: int = 16_384
    responses: bool = True  # whether they are measured


class Measurer:
    """One partition's state: unit rule, watermark, open block, totals.

    Call `admit` with the interactions of each record in offset order, encode the candidates, `fold`
    them; `flush` gives the ticks to send.  `snapshot` is taken after a fold and a flush.
    """

    def __init__(self, *, partition: int, partitions: int, settings: MeasureSettings) -> None:
        self.partition, self._partitions, self._settings = partition, partitions, settings
        self._rule = UnitRule(
            text_horizon_seconds=settings.text_horizon_seconds, capacity=settings.memory_entries
        )
        self.last_offset = -1
        self._served = ServedRows(settings.memory_entries)
        self._watermark = Watermark(lateness_seconds=settings.lateness_seconds)
        self._ordinals: dict[Subject, int] = {}
        self._passed: dict[Subject, int] = {}  # units passed over since the last one looked at
        self.share = 1.0  # of units to look at, learning aside; set by a worker that sheds
        self._totals: dict[Subject, dict[str, int]] = {}
        self._blocks = Blocks(settings.block_offsets)

    def resume(self, offset: int) -> None:
        """Go on behind `offset` with an empty memory, in a block of its own: those up to there were told."""
        self.last_offset = offset
        self._blocks.resume(offset)

    @property
    def watermark(self) -> float | None:
        """No unit older than this is still to come; None before the third event."""
        return self._watermark.value

    def admit(
        self,
        offset: int,
        interactions: Sequence[Interaction],
        references: Mapping[str, References],
        *,
        recorded: float | None = None,
    ) -> list[Candidate]:
        """Judge the interactions of one record; those returned want encoding.  Skips replayed offsets.

        `recorded`: when the record was written, epoch seconds; it bounds what event times may claim.
        """
        if offset <= self.last_offset:
            return []
        self.last_offset = offset
        block = self._blocks.opened(offset)
        block.up_to, block.interactions = offset, block.interactions + len(interactions)
        return [c for event in interactions for c in self._judge(offset, event, references, recorded)]

    def _judge(
        self,
        offset: int,
        interaction: Interaction,
        references: Mapping[str, References],
        recorded: float | None,
    ) -> list[Candidate]:
        app = interaction.application
        prompts = Subject(app)
        self._blocks.of(offset).dirty.add(prompts)
        if interaction.source != "production":
            self._count(prompts, excluded=1)
            return []
        time = interaction.time.timestamp()
        key = interaction.user_hash or interaction.conversation_id
        # One log may carry many applications; what one of them saw is nothing to the others.
        admission = self._rule.admit(
            id=f"{app}|{interaction.id}",
            key=None if key is None else f"{app}|{key}",
            text=f"{app}|{interaction.prompt}",
            time=time,
        )
        if admission.verdict is Verdict.DUPLICATE:
            self._count(prompts, duplicates=1)
            return []
        late = not self._watermark.admits(time, recorded)
        asked = Asked(interaction, admission.id, admission.key, self.watermark if late else None)
        self._served.ask(asked, into=self._blocks.of(offset).of(prompts).served)
        self._count(prompts, unanswered=not is_answered(interaction))
        placed = self._placed(offset, interaction, admission, known_of(references, app))
        return [candidate for candidate in placed if self._is_unit(candidate, admission, late=late)]

    def _placed(
        self, offset: int, interaction: Interaction, admission: Admission, known: References
    ) -> list[Candidate]:
        """The prompt, and the response where there is one and it is measured."""
        answered = self._settings.responses and is_answered(interaction)
        aspects: list[Aspect] = [PROMPTS, RESPONSES] if answered else [PROMPTS]
        return [
            Candidate(
                partition=self.partition,
                offset=offset,
                interaction=interaction,
                time=interaction.time.timestamp(),
                ordinal=self._ordinals.get(subject, 0),
                key=admission.key,
                gap=admission.gap,
                references=known.of(subject.aspect),
                subject=subject,
                share=self.share,
                passed=self._passed.get(subject, 0),
            )
            for subject in (Subject(interaction.application, aspect) for aspect in aspects)
        ]

    def _is_unit(self, candidate: Candidate, admission: Admission, *, late: bool) -> bool:
        """Count one aspect of an event; whether it is a unit of it, as far as the horizon is known."""
        subject, baseline = candidate.subject, candidate.references.baseline
        horizon = 0.0 if baseline is None else baseline.horizon_seconds
        unit = admission.verdict is Verdict.CANDIDATE and is_unit(admission.gap, horizon)
        keyless = admission.key is None
        self._blocks.of(candidate.offset).dirty.add(subject)
        self._count(subject, events=1, keyless=keyless, late=late, collapsed=not late and not unit)
        if late:
            return False
        if unit and baseline is not None and not looked_at(candidate.interaction.id, candidate.share):
            self._count(subject, shed=1)
            self._passed[subject] = candidate.passed + 1
            return False
        if unit:
            self._passed.pop(subject, None)
        if admission.verdict is Verdict.CANDIDATE:  # also where it is no unit: the horizon may not be known
            self._ordinals[subject] = candidate.ordinal + 1
        if not unit:
            self._note_time(candidate)
        return unit

    def _note_time(self, candidate: Candidate) -> None:
        """While learning, an event that gives no sample still counts towards the baseline's events."""
        if candidate.references.baseline is None:
            self._part_of(candidate).event_times.append(candidate.time)

    def _count(self, subject: Subject, **more: int) -> None:
        counts = self._totals.get(subject)
        if counts is None:
            counts = self._totals[subject] = dict.fromkeys(Totals.__struct_fields__, 0)
        for name, count in more.items():
            counts[name] += count

    def _part_of(self, candidate: Candidate) -> Part:
        return self._blocks.of(candidate.offset).of(candidate.subject)

    def fold(
        self,
        candidates: Sequence[Candidate],
        encoded: Encoded,
        describe: Callable[[str], Described],
        carrying: Carrying | None = None,
    ) -> list[Sample]:
        """Add the encoded candidates, row i to candidate i; returns the samples that were kept.

        Some of those carry their exchanges; their copies inside ticks do not.
        """
        kept: list[Sample] = []
        groups: dict[int, list[int]] = {}
        for i, candidate in enumerate(candidates):
            if encoded.readable[i] or candidate.is_empty_answer:
                groups.setdefault(id(candidate.references), []).append(i)
            else:
                self._count(candidate.subject, unreadable=1)
                self._note_time(candidate)
        for rows in groups.values():
            kept += self._fold_group([candidates[i] for i in rows], encoded, rows, describe)
        if carrying is None:
            return kept
        told = {(c.offset, c.interaction.id, c.aspect): c for c in candidates}
        return [carrying.onto(sample, told[sample.offset, sample.id, sample.aspect]) for sample in kept]

    def _fold_group(
        self,
        candidates: list[Candidate],
        encoded: Encoded,
        rows: list[int],
        describe: Callable[[str], Described],
    ) -> list[Sample]:
        known = candidates[0].references
        seen = encoded.select(rows)
        judged = None
        if known.baseline is not None:
            wanted = {evalset.id: evalset for candidate in candidates for evalset in candidate.evalsets}
            judged = judge(seen, baseline=known.baseline, evalsets=wanted.values())
        kept: list[Sample] = []
        for i, candidate in enumerate(candidates):
            part = self._part_of(candidate)
            if not part.units:
                part.units_before = self._totals[candidate.subject]["units"]
            part.units += 1
            self._count(candidate.subject, units=1)
            if judged is not None:
                part.add(judged, i, candidate)
            reason, inclusion = sampling(candidate, judged, i)
            if inclusion > 0.0:
                described = describe(candidate.text)
                self._count(candidate.subject, undescribed=described.failed)
                sample = make_sample(candidate, seen, judged, i, (reason, inclusion), described)
                part.samples.append(sample)
                kept.append(sample)
        return kept

    def flush(self) -> list[Tick]:
        """Ticks of every block that grew since the last flush; whole blocks are then forgotten."""
        self._served.tell()
        return [self._tick(start, block, subject) for start, block, subject in self._blocks.take_grown()]

    def _tick(self, start: int, block: Block, subject: Subject) -> Tick:
        return Tick(
            application=subject.application,
            aspect=subject.aspect,
            partition=self.partition,
            partitions=self._partitions,
            block_start=start,
            up_to=block.up_to,
            watermark=self.watermark,
            totals=Totals(**self._totals.get(subject, {})),
            **block.parts.get(subject, Part()).to_wire(),
        )

    def progress(self, *, idle: bool) -> Tick:
        """Watermark and idleness for every application, also those this partition never saw."""
        return Tick(
            application="*",
            partition=self.partition,
            partitions=self._partitions,
            block_start=0,
            up_to=self.last_offset,
            watermark=self.watermark,
            idle=idle,
        )

    def snapshot(self) -> dict[str, Any]:
        """State as a value of plain types; restores to the same future."""
        return {
            "last_offset": self.last_offset,
            "watermark": self._watermark.snapshot(),
            "ordinals": list(self._ordinals.items()),
            "passed": list(self._passed.items()),
            "totals": list(self._totals.items()),
            "opened": [
                (start, block.up_to, block.interactions) for start, block in self._blocks.held.items()
            ],
            "blocks": [
                msgspec.msgpack.encode(self._tick(start, block, subject))
                for start, block in self._blocks.held.items()
                for subject in sorted(block.parts)
            ],
            "rule": self._rule.snapshot(),
            "served": self._served.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self.last_offset = state["last_offset"]
        self._watermark.restore(state["watermark"])
        self._ordinals = {Subject(*subject): count for subject, count in state["ordinals"]}
        self._passed = {Subject(*subject): count for subject, count in state["passed"]}
        self._totals = {Subject(*subject): dict(counts) for subject, counts in state["totals"]}
        self._rule.restore(state["rule"])
        self._served.restore(state["served"])
        opened = state["opened"]
        self._blocks.held = {start: Block(up_to=up_to, interactions=n) for start, up_to, n in opened}
        for raw in state["blocks"]:
            tick = msgspec.msgpack.decode(raw, type=Tick)
            block = self._blocks.held[tick.block_start]
            block.parts[Subject(tick.application, tick.aspect)] = Part.from_wire(tick)
