"""Shadow scoring of one partition of samples: windows of event time, what of each is scored, what waits.

A window collects samples that carry their exchange.  Where it holds more than it may, those of the lowest
hash / weight stay (as `selection.choose` does), with the chance of that.  When event time has passed it, the
budget's worth is chosen for judges and candidates.  All of this is decided once, and saved before anything
of it is told or asked: a crash repeats work and changes nothing.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.core.selection import Budget, Eligible, Spread, choose
from app.core.shadow_jobs import Batch, Job
from app.core.shadow_samples import Held
from app.core.units import hash64
from app.core.watermark import Watermark
from schemas.readings import Place

DAY_SECONDS = 86_400.0
REMEMBERED = 4096  # ids of samples that were held: the topic may repeat some after a crash
MOST_WAITING = 1000  # answers that wait for an endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowPolicy:
    """What may be used, and how; `asks` is whether anything is called at all."""

    window_seconds: float = 300.0
    window_samples: int = 1000
    lateness_seconds: float = 30.0
    budget: Budget = field(default_factory=lambda: Budget(2000))
    asks: bool = False
    candidates: tuple[str, ...] = ()
    gold: int = 0  # gold items that there are
    gold_every: int = 25
    salt: str = ""


class _Used(Struct):
    """What was used of one application's day."""

    day: int = 0
    count: int = 0
    money: float = 0.0
    judged: int = 0  # since ever: the schedule of gold items


class _Moments(Struct):
    """Count, mean and squared deviations of scores (Welford, 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, score: float) -> None:
        self.count += 1
        off = score - self.mean
        self.mean += off / self.count
        self.squares += off * (score - self.mean)

    @property
    def spread(self) -> Spread:
        return Spread(math.sqrt(self.squares / self.count) if self.count else 0.0, self.count)


class _Window(Struct):
    application: str
    number: int  # floor(event time / window)
    closes_at: float  # event time
    limit: float = math.inf  # lowest rank that found no room
    held: dict[str, Held] = {}
    ranks: dict[str, float] = {}  # hash over weight, the weight being one over the inclusion


class _State(Struct):
    windows: list[_Window] = []
    outgoing: list[Batch] = []
    jobs: list[Job] = []
    used: dict[str, _Used] = {}
    moments: dict[str, dict[str, _Moments]] = {}  # application -> stratum
    seen: dict[int, None] = {}  # hashes of ids, in their order
    places: dict[str, dict[str, list[Place]]] = {}  # application -> monitor -> places that it told of
    mark: dict[str, Any] = {}


class Shadow:
    """`receive` samples, `close` windows, tell `outgoing`, ask `jobs`, `settle` them.  Restorable."""

    def __init__(self, policy: ShadowPolicy) -> None:
        self._policy = policy
        self._state = _State()
        self._mark = Watermark(lateness_seconds=policy.lateness_seconds)

    @property
    def outgoing(self) -> list[Batch]:
        """Windows that are closed and not yet told, oldest first."""
        return self._state.outgoing

    @property
    def jobs(self) -> list[Job]:
        """What is to be asked, oldest first."""
        return self._state.jobs

    @property
    def open_samples(self) -> int:
        """Samples in windows that are open."""
        return sum(len(window.held) for window in self._state.windows)

    def used(self, application: str) -> tuple[int, float]:
        """Answers and money used of the day of event time that an application is in."""
        found = self._state.used.get(application, _Used())
        return found.count, found.money

    def places(self, application: str) -> list[Place]:
        """Of what grew, and of what the eval set hardly has, as far as readings said."""
        return [place for told in self._state.places.get(application, {}).values() for place in told]

    def drifted(self, application: str, monitor: str, places: Iterable[Place]) -> None:
        """Remember what a monitor tells of."""
        self._state.places.setdefault(application, {})[monitor] = list(places)

    def receive(self, time: float, held: Held | None, *, recorded: float | None = None) -> None:
        """One sample of the log: its event time, and what is held of it; `recorded` as in `Watermark`.

        A sample whose window is over makes another one of its own: every window stands for itself.
        """
        self._mark.admits(time, recorded)
        if held is None or not 0 < held.inclusion <= 1:
            return
        identity = hash64(f"{held.application}|{held.id}")
        seen = self._state.seen
        if identity in seen:
            return
        seen[identity] = None
        if len(seen) > REMEMBERED:
            del seen[next(iter(seen))]
        self._keep(self._window_of(held), held)

    def close(self, price: Callable[[Held], float], *, final: bool = False) -> bool:
        """Close the windows that event time has passed, all of them where `final`; whether there was one.

        Args: price, what asking all endpoints about a sample may cost.
        """
        mark = self._mark.value
        due = [w for w in self._state.windows if final or (mark is not None and mark >= w.closes_at)]
        for window in sorted(due, key=lambda w: (w.number, w.application)):
            self._state.windows.remove(window)
            self._choose(window, price)
        return bool(due)

    def told(self, batch: Batch) -> None:
        """A closed window is on its topic."""
        self._state.outgoing.remove(batch)

    def settle(self, job: Job, *, score: float | None, cost: float) -> None:
        """A job is done: `score` of the live answer steers what is chosen next."""
        self._state.jobs = [each for each in self._state.jobs if each.key != job.key]
        self._charge(job, cost - job.price)
        if score is not None and job.kind == "answer" and job.held is not None:
            strata = self._state.moments.setdefault(job.application, {})
            strata.setdefault(job.held.reason, _Moments()).add(score)

    def failed(self, job: Job, now: float, *, cost: float = 0.0) -> bool:
        """A job stays, and knows since when it fails; what it cost is charged.  Whether any of it is news."""
        self._charge(job, cost)
        if job.since is not None:
            return cost > 0
        marked = replace(job, since=now)
        self._state.jobs = [marked if each.key == job.key else each for each in self._state.jobs]
        return True

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        self._state.mark = self._mark.snapshot()
        return {"shadow": msgspec.msgpack.encode(self._state)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._state = msgspec.msgpack.decode(state["shadow"], type=_State)
        self._mark.restore(self._state.mark)

    def _window_of(self, held: Held) -> _Window:
        seconds = self._policy.window_seconds
        number = math.floor(held.time / seconds)
        for window in self._state.windows:
            if (window.application, window.number) == (held.application, number):
                return window
        end, mark = (number + 1) * seconds, self._mark.value
        closes_at = end if mark is None or mark < end else mark + self._policy.lateness_seconds
        window = _Window(held.application, number, closes_at)
        self._state.windows.append(window)
        return window

    def _keep(self, window: _Window, held: Held) -> None:
        rank = (hash64(f"window:{self._policy.salt}:{held.id}") + 1) / 2**64 * held.inclusion
        if rank >= window.limit:
            return
        window.held[held.id], window.ranks[held.id] = held, rank
        if len(window.held) > self._policy.window_samples:
            last = max(window.ranks, key=window.ranks.__getitem__)
            window.limit = window.ranks.pop(last)
            del window.held[last]

    def _choose(self, window: _Window, price: Callable[[Held], float]) -> None:
        kept = [replace(h, inclusion=min(h.inclusion, window.limit)) for h in window.held.values()]
        kept.sort(key=lambda held: (held.time, held.id))
        jobs: list[Job] = []
        chosen: set[str] = set()
        if self._policy.asks:
            used = self._day(window)
            prices = {held.id: price(held) for held in kept}
            by_id = {held.id: held for held in kept}
            for one in choose(
                [
                    Eligible(id=h.id, stratum=h.reason, inclusion=h.inclusion, cost=prices[h.id])
                    for h in kept
                    if h.problem is None
                ],
                budget=self._slice(window, used, max(prices.values(), default=0.0)),
                spreads={k: m.spread for k, m in self._state.moments.get(window.application, {}).items()},
                salt=self._policy.salt,
            ):
                held = by_id[one.eligible.id]
                chosen.add(held.id)
                used.count += 1
                used.money += prices[held.id]
                jobs += self._jobs(held, one.selection, prices[held.id], used)
        self._state.jobs += jobs
        over = self._state.jobs[MOST_WAITING:]  # the newest: older ones may be under way
        self._state.jobs = self._state.jobs[:MOST_WAITING]
        for job in over:
            self._charge(job, -job.price)
        self._state.outgoing.append(
            Batch(application=window.application, kept=kept, chosen=chosen, given_up=over)
        )

    def _jobs(self, held: Held, selection: float, price: float, used: _Used) -> list[Job]:
        """What is asked about one sample; its price is that of the first, and is settled with all."""
        asked = [name for name in self._policy.candidates if held.may_be_asked]
        each = price / (1 + len(asked))
        first = Job(
            kind="answer",
            application=held.application,
            held=held,
            selection=selection,
            time=held.time,
            price=each,
            day=used.day,
        )
        out = [first, *(replace(first, kind="candidate", candidate=name) for name in asked)]
        used.judged += 1
        if self._policy.gold and used.judged % self._policy.gold_every == 0:
            number = used.judged // self._policy.gold_every - 1
            out.append(
                Job(kind="gold", application=held.application, gold=number, time=held.time, day=used.day)
            )
        return out

    def _charge(self, job: Job, money: float) -> None:
        """To the day that the job is of, unless it is over; below zero, money is given back."""
        used = self._state.used.setdefault(job.application, _Used())
        if used.day == job.day:
            used.money = max(used.money + money, 0.0)

    def _day(self, window: _Window) -> _Used:
        used = self._state.used.setdefault(window.application, _Used())
        day = math.floor(window.number * self._policy.window_seconds / DAY_SECONDS)
        if day > used.day:
            used.day, used.count, used.money = day, 0, 0.0
        return used

    def _slice(self, window: _Window, used: _Used, dearest: float) -> Budget:
        """A window's even part of what is left, rounded by a draw, for it may be less than one call."""
        seconds, policy = self._policy.window_seconds, self._policy
        left = (used.day + 1) * DAY_SECONDS - window.number * seconds
        first = min(window.held, default="")
        fraction = hash64(f"slice:{policy.salt}:{window.application}:{window.number}:{first}") / 2**64
        part = policy.budget.slice(
            count=used.count,
            money=used.money,
            windows_left=max(math.ceil(left / seconds), 1),
            fraction=fraction,
        )
        if dearest <= 0 or not math.isfinite(part.money):
            return part
        rest = policy.budget.money - used.money
        calls = int(part.money / dearest + fraction)
        return Budget(part.count, min(rest, max(part.money, calls * dearest)))
