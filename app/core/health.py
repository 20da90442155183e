"""Whether the pipeline itself lives: what is seen of its stages every few seconds, judged.

This is the one monitor whose evidence is not the log but how the log is being read, so its times are wall
clock and it says nothing in a replay.  From its readings on everything is a function of the log again.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from statistics import median
from typing import Literal

from schemas.readings import Reading
from schemas.ticks import Totals

PIPELINE = "*"  # the application that stands for all of them
MONITOR = "health"
Grade = Literal["ok", "warning", "critical"]
PACE = 3.0  # times the usual pause between commits
MOVES = 20  # pauses remembered
UNSCORED = ("late", "unreadable", "lost")
LOOKS = 1000  # remembered of a partition that is behind; then every second one
FEWEST = 50  # records, or events, that a share is said of


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLimits:
    """From where on something is wrong."""

    stalled_seconds: float = 40.0  # nothing was finished although records wait
    learning_seconds: float = 300.0  # the same, of the stage that learns a baseline, while one is learned
    behind_seconds: float = 600.0  # age of the oldest record that waits
    store_seconds: float = 60.0  # the status store has not been reached
    dead_letter_share: float = 0.05
    unscored_share: float = 0.2
    span_seconds: float = 600.0  # over which shares are taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a stage is on one partition of its input: next offset to finish, and the partition's end."""

    stage: str
    topic: str
    partition: int
    committed: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One condition, judged: of the pipeline, or of one application."""

    condition: str
    grade: Grade
    note: str
    value: float
    limit: float
    application: str = PIPELINE


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """A stage over all its partitions."""

    stage: str
    partitions: int
    waiting: int  # records
    behind_seconds: float
    still_seconds: float  # since it last finished something although records wait


@dataclass(slots=True)
class _Track:
    """What is remembered of one partition of a stage."""

    committed: int
    moved_at: float
    ends: list[tuple[float, int]] = field(default_factory=list)  # when the end was first seen there
    pauses: deque[float] = field(default_factory=lambda: deque(maxlen=MOVES))
    still: float = 0.0
    behind: float = 0.0

    def see(self, now: float, place: Place, patience: float) -> None:
        """Take note of a look; a pause longer than `patience` is not remembered as usual."""
        if not self.ends or place.end > self.ends[-1][1]:
            self.ends.append((now, place.end))
        if place.committed != self.committed and now - self.moved_at <= patience:
            self.pauses.append(now - self.moved_at)
        if place.committed != self.committed or place.committed >= place.end:
            self.committed, self.moved_at = place.committed, now
        done = bisect_right(self.ends, place.committed, key=itemgetter(1))
        self.ends = self.ends[done:] if len(self.ends) - done <= LOOKS else self.ends[done::2]
        self.still = now - self.moved_at
        self.behind = now - self.ends[0][0] if self.ends else 0.0


class Health:
    """Looks at the pipeline; `now` is wall clock in epoch seconds.  Memory: some 100 KB at most."""

    def __init__(self, limits: HealthLimits) -> None:
        self._limits = limits
        self._tracks: dict[tuple[str, str, int], _Track] = {}
        self._letters: deque[tuple[float, int, int]] = deque()
        self._heard: dict[str, deque[tuple[float, Totals]]] = {}
        self._learning: dict[str, bool] = {}
        self._reached: float | None = None
        self.stages: list[StageState] = []

    def hear(self, reading: Reading) -> None:
        """A reading of any other monitor: what it says of how much was judged."""
        if reading.monitor != "change":
            return
        self._learning[reading.application] = reading.state == "learning"
        kept = self._heard.setdefault(reading.application, deque())
        time = reading.time.timestamp()
        if kept and time <= kept[-1][0]:
            return
        kept.append((time, reading.totals))
        while len(kept) > 2 and kept[1][0] <= time - self._limits.span_seconds:
            kept.popleft()

    def look(
        self, now: float, places: Sequence[Place], *, letters: int, arrived: int, store_fresh: bool
    ) -> list[Finding]:
        """Judge what is seen now.

        Args: letters and arrived, ends of the dead letters and of all inputs, in records since ever.
        """
        self._see(now, places)
        self._letters.append((now, letters, arrived))
        while self._letters[0][0] < now - self._limits.span_seconds:
            self._letters.popleft()
        if store_fresh or self._reached is None:
            self._reached = now
        pipeline = [*self._stages(), self._dead_letters(), self._store(now)]
        return [*pipeline, *self._scored()]

    def _see(self, now: float, places: Sequence[Place]) -> None:
        seen = {}
        for place in places:
            name = (place.stage, place.topic, place.partition)
            track = self._tracks.get(name) or _Track(place.committed, now)
            track.see(now, place, self._patience(place.stage))
            seen[name] = track
        self._tracks = seen
        self.stages = []
        for stage in dict.fromkeys(place.stage for place in places):
            mine = [track for name, track in seen.items() if name[0] == stage]
            waiting = sum(max(0, place.end - place.committed) for place in places if place.stage == stage)
            self.stages.append(
                StageState(
                    stage=stage,
                    partitions=len(mine),
                    waiting=waiting,
                    behind_seconds=max(track.behind for track in mine),
                    still_seconds=max(track.still for track in mine),
                )
            )

    def _stages(self) -> Iterator[Finding]:
        for state in self.stages:
            limit = self._patience(state.stage)
            stalled, behind = (
                state.still_seconds >= limit,
                state.behind_seconds >= self._limits.behind_seconds,
            )
            records = f"{state.waiting:,} records wait"
            note = f"{state.stage} is up to date" if not state.waiting else f"{state.stage} works; {records}"
            if stalled:
                note = f"{state.stage} has finished nothing for {state.still_seconds:.0f} s while {records}"
            elif behind:
                note = f"{state.stage} is {state.behind_seconds / 60:.0f} minutes behind; {records}"
            yield Finding(
                condition=f"stage {state.stage}",
                grade="critical" if stalled else "warning" if behind else "ok",
                note=note,
                value=round(state.still_seconds if stalled else state.behind_seconds, 1),
                limit=limit if stalled else self._limits.behind_seconds,
            )

    def _patience(self, stage: str) -> float:
        """Seconds without progress that are still usual."""
        if stage == "detect" and any(self._learning.values()):
            return self._limits.learning_seconds
        pauses = [pause for name, track in self._tracks.items() if name[0] == stage for pause in track.pauses]
        return max(self._limits.stalled_seconds, PACE * median(pauses) if pauses else 0.0)

    def _dead_letters(self) -> Finding:
        (_, letters, arrived), (_, letters_now, arrived_now) = self._letters[0], self._letters[-1]
        fresh, of = letters_now - letters, arrived_now - arrived
        share = fresh / max(of, 1)
        many = of >= FEWEST and share > self._limits.dead_letter_share
        return Finding(
            condition="dead letters",
            grade="warning" if many else "ok",
            note=f"{fresh:,} of {of:,} records of the last minutes could not be read",
            value=round(share, 4),
            limit=self._limits.dead_letter_share,
        )

    def _store(self, now: float) -> Finding:
        away = now - (now if self._reached is None else self._reached)
        gone = away >= self._limits.store_seconds
        return Finding(
            condition="status store",
            grade="warning" if gone else "ok",
            note=f"Redis was not reached for {away:.0f} s; the page is stale" if gone else "Redis answers",
            value=round(away, 1),
            limit=self._limits.store_seconds,
        )

    def _scored(self) -> Iterator[Finding]:
        """Share of an application's prompts that arrived and could not be judged."""
        for application, kept in sorted(self._heard.items()):
            (_, before), (_, now) = kept[0], kept[-1]
            events = now.events - before.events
            parts = {
                name: getattr(now, name) - getattr(before, name) for name in ("late", "unreadable", "lost")
            }
            share = sum(parts.values()) / max(events, 1)
            bad = events >= FEWEST and share > self._limits.unscored_share
            told = "; ".join(f"{count:,} {name}" for name, count in parts.items() if count)
            yield Finding(
                application=application,
                condition="scored",
                grade="warning" if bad else "ok",
                note=f"{share:.0%} of {events:,} prompts could not be judged"
                + (f" ({told})" if told else ""),
                value=round(share, 4),
                limit=self._limits.unscored_share,
            )
