"""From the log of one partition to ticks: what each interaction adds, and to which block.

Everything here is a function of the log alone (no clock, seeded, bounded): a block that is sent again
after a crash is the same block.  `agents/measure.py` is the shell around `Measurer`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.core.encoding import Encoded
from app.core.folding import Fold, Judged, SumKey, judge, key_of, sum_key
from app.core.sampling import UNKNOWN, Candidate, Described, References, make_sample, sampling
from app.core.units import UnitRule, Verdict, is_unit
from app.core.watermark import Watermark
from schemas.events import Interaction
from schemas.readings import Sample, Tick, Totals

__all__ = ["Candidate", "Described", "MeasureSettings", "Measurer", "References"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """Constants of the block and unit rules; changing one changes the counts."""

    block_offsets: int = 64
    lateness_seconds: float = 30.0
    text_horizon_seconds: float = 3600.0
    memory_entries: int = 16_384


@dataclass(slots=True)
class _Block:
    sums: dict[str, dict[SumKey, Fold]] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    event_times: dict[str, list[float]] = field(default_factory=dict)
    units: dict[str, tuple[int, int]] = field(default_factory=dict)  # counted before it, and in it
    up_to: int = -1
    dirty: set[str] = field(default_factory=set)


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
        self._watermark = Watermark(lateness_seconds=settings.lateness_seconds)
        self._ordinals: dict[str, int] = {}
        self._totals: dict[str, Totals] = {}
        self._blocks: dict[int, _Block] = {}

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
        block = self._block_of(offset)
        block.up_to = offset
        judged = [self._judge(offset, event, references, recorded) for event in interactions]
        block.dirty.update(interaction.application for interaction in interactions)
        return [candidate for candidate in judged if candidate is not None]

    def _judge(
        self,
        offset: int,
        interaction: Interaction,
        references: Mapping[str, References],
        recorded: float | None,
    ) -> Candidate | None:
        app = interaction.application
        if interaction.source != "production":
            self._count(app, excluded=1)
            return None
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
            self._count(app, duplicates=1)
            return None
        late = not self._watermark.admits(time, recorded)
        known = references.get(app) or references.get("*") or UNKNOWN
        horizon = 0.0 if known.baseline is None else known.baseline.horizon_seconds
        unit = admission.verdict is Verdict.CANDIDATE and is_unit(admission.gap, horizon)
        self._count(app, events=1, keyless=key is None, late=late, collapsed=not late and not unit)
        if late:
            return None
        ordinal = self._ordinals.get(app, 0)
        if admission.verdict is Verdict.CANDIDATE:  # also where it is no unit: the horizon may not be known
            self._ordinals[app] = ordinal + 1
        if not unit:
            self._note_time(offset, app, time, known)
            return None
        return Candidate(
            self.partition, offset, interaction, time, ordinal, admission.key, admission.gap, known
        )

    def _note_time(self, offset: int, app: str, time: float, known: References) -> None:
        """While learning, an event that gives no sample still counts towards the baseline's events."""
        if known.baseline is None:
            self._block_of(offset).event_times.setdefault(app, []).append(time)

    def _count(self, app: str, **more: int) -> None:
        was = self._totals.get(app, Totals())
        self._totals[app] = msgspec.structs.replace(was, **{k: getattr(was, k) + v for k, v in more.items()})

    def _block_of(self, offset: int) -> _Block:
        start = offset - offset % self._settings.block_offsets
        return self._blocks.setdefault(start, _Block())

    def fold(
        self, candidates: Sequence[Candidate], encoded: Encoded, describe: Callable[[str], Described]
    ) -> list[Sample]:
        """Add the encoded candidates, row i to candidate i; returns the samples that were kept."""
        kept: list[Sample] = []
        groups: dict[int, list[int]] = {}
        for i, candidate in enumerate(candidates):
            if encoded.readable[i]:
                groups.setdefault(id(candidate.references), []).append(i)
            else:
                app = candidate.interaction.application
                self._count(app, unreadable=1)
                self._note_time(candidate.offset, app, candidate.time, candidate.references)
        for rows in groups.values():
            kept += self._fold_group([candidates[i] for i in rows], encoded, rows, describe)
        return kept

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
            judged = judge(seen, baseline=known.baseline, evalset=known.evalset)
        kept: list[Sample] = []
        for i, candidate in enumerate(candidates):
            app, block = candidate.interaction.application, self._block_of(candidate.offset)
            before, inside = block.units.get(app, (self._totals[app].units, 0))
            block.units[app] = before, inside + 1
            self._count(app, units=1)
            if judged is not None:
                self._add(block, candidate, judged, i)
            reason, inclusion = sampling(candidate, judged, i)
            if inclusion > 0.0:
                sample = make_sample(candidate, seen, judged, i, (reason, inclusion), describe)
                block.samples.setdefault(app, []).append(sample)
                kept.append(sample)
        return kept

    def _add(self, block: _Block, candidate: Candidate, judged: Judged, row: int) -> None:
        known, interaction = candidate.references, candidate.interaction
        if known.baseline is None or known.baseline.holds(candidate.time):
            return
        key = sum_key(
            known.baseline,
            known.evalset,
            time=candidate.time,
            ordinal=candidate.ordinal,
            cohort=(interaction.deployment_id, interaction.variant),
        )
        fold = block.sums.setdefault(interaction.application, {}).setdefault(key, Fold())
        clusters = 0 if known.evalset is None else len(known.evalset.clusters.names)
        fold.add(judged, row, candidate.offset, clusters, keyless=candidate.key is None)

    def flush(self) -> list[Tick]:
        """Ticks of every block that grew since the last flush; whole blocks are then forgotten."""
        current = self.last_offset - self.last_offset % self._settings.block_offsets
        out: list[Tick] = []
        for start, block in self._blocks.items():
            out += [self._tick(start, block, app) for app in sorted(block.dirty)]
            block.dirty.clear()
        self._blocks = {start: block for start, block in self._blocks.items() if start >= current}
        return out

    def _tick(self, start: int, block: _Block, app: str) -> Tick:
        return Tick(
            application=app,
            partition=self.partition,
            partitions=self._partitions,
            block_start=start,
            up_to=block.up_to,
            watermark=self.watermark,
            sums=[fold.to_wire(key) for key, fold in block.sums.get(app, {}).items()],
            samples=list(block.samples.get(app, [])),
            event_times=list(block.event_times.get(app, [])),
            units_before=block.units.get(app, (0, 0))[0],
            units=block.units.get(app, (0, 0))[1],
            totals=self._totals.get(app, Totals()),
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
            "ordinals": self._ordinals,
            "totals": {app: msgspec.to_builtins(t) for app, t in self._totals.items()},
            "blocks": [
                msgspec.msgpack.encode(self._tick(start, block, app))
                for start, block in self._blocks.items()
                for app in sorted(set(block.sums) | set(block.samples) | set(block.event_times))
            ],
            "rule": self._rule.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self.last_offset = state["last_offset"]
        self._watermark.restore(state["watermark"])
        self._ordinals = dict(state["ordinals"])
        self._totals = {app: msgspec.convert(t, Totals) for app, t in state["totals"].items()}
        self._rule.restore(state["rule"])
        self._blocks = {}
        for raw in state["blocks"]:
            tick = msgspec.msgpack.decode(raw, type=Tick)
            block = self._blocks.setdefault(tick.block_start, _Block())
            block.up_to = tick.up_to
            block.sums[tick.application] = {key_of(s): Fold.from_wire(s) for s in tick.sums}
            block.samples[tick.application] = list(tick.samples)
            block.event_times[tick.application] = list(tick.event_times)
            if tick.units:
                block.units[tick.application] = tick.units_before, tick.units
