"""Simulated users around a deployment: what happened is known, so what is said can be judged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from app.core.encoding import Encoded
from app.core.exposure import Release
from app.core.fixedpoint import Floats
from app.core.joint import JointMetric
from app.core.panel import BITS, History, Prompt, rows_of
from app.core.reference import Reference
from app.ports import Encoder
from benchmarks.streams import rows

DAY = 86_400.0
DEPLOYED_AT = 1_800_000_000.0
RELEASE = Release(id="v2", time=DEPLOYED_AT)
PERIOD_DAYS = 14.0
PROMPTS = 6.0  # of a user, before and after
FAVOURITES = 4  # topics of a user
USES_LEARNED = 4
STOP_WORDS = frozenset(
    "a an and are can do for how i in is it me my of on please that the this to what you".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Pool:
    """Encoded texts as a panel keeps them; `groups` holds the rows of each topic."""

    wording: list[bytes]
    shape: list[bytes]
    groups: list[list[int]]

    @classmethod
    def of(cls, encoded: Encoded, labels: Sequence[str] | None = None) -> "Pool":
        """Each text one row; one topic where nothing else is told."""
        named = np.array(labels) if labels is not None else np.zeros(len(encoded.wording), int)
        return cls(
            [(row >> BITS).astype(np.int8).tobytes() for row in encoded.wording],
            [row.astype("<f4").tobytes() for row in encoded.shape],
            [np.flatnonzero(named == name).tolist() for name in np.unique(named)],
        )

    def prompts(self, which: Iterable[int]) -> list[Prompt]:
        """Some rows."""
        told = (None, None, "en", False)
        return [Prompt(0.0, 0, self.wording[i], self.shape[i], *told) for i in which]


@dataclass(frozen=True, slots=True)
class Pools:
    """What users ask, how they ask after adapting (row by row), what the outside brings, what others ask."""

    usual: Pool
    adapted: Pool
    outside: Pool
    audience: Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Shares of prompts that each force changes; 0.0 everywhere: nothing happened."""

    name: str
    adaptation: float = 0.0  # of exposed users' prompts after the deployment
    outside: float = 0.0  # of everybody's
    newcomers: float = 0.0  # as a share of the exposed
    churn: float = 0.0  # share of users who leave
    spill_over: float = 0.0  # share of the control that adapts as well
    staggered_days: float = 0.0  # exposure begins within so many days
    both: float = 0.0  # share of the exposed whom a coin sends to either version, prompt by prompt
    apart_before: float = 0.0  # share of exposed users' prompts that moved a week before the deployment
    busier: float = 1.0  # as many times as many prompts of exposed users after the deployment
    learned: bool = False  # adaptation grows with use, instead of at once
    users: tuple[int, int] = (150, 150)  # exposed, control

    @property
    def blameless(self) -> bool:
        """Whether whoever blames the deployment errs."""
        return self.adaptation == 0.0


WORLDS = (
    World(name="nothing"),
    World(name="outside 15 %", outside=0.15),
    World(name="audience 30 %", newcomers=0.3),
    World(name="outside and audience", outside=0.15, newcomers=0.3),
    World(name="churn 30 %, outside 15 %", churn=0.3, outside=0.15),
    World(name="staggered, outside 15 %", outside=0.15, staggered_days=7.0),
    World(name="users in both arms, outside 15 %", outside=0.15, both=0.3),
    World(name="exposed ask twice as much, outside 15 %", outside=0.15, busier=2.0),
    World(name="arms of 40 and 560, outside 15 %", outside=0.15, users=(40, 560)),
    World(name="arms moved apart a week before", apart_before=0.3),
    World(name="adaptation 15 %", adaptation=0.15),
    World(name="adaptation 30 %", adaptation=0.30),
    World(name="adaptation 60 %", adaptation=0.60),
    World(name="adaptation 60 %, learned with use", adaptation=0.60, learned=True),
    World(name="adaptation 30 %, churn 30 %", adaptation=0.30, churn=0.3),
    World(name="adaptation 30 %, staggered", adaptation=0.30, staggered_days=7.0),
    World(name="adaptation 30 %, spill-over 20 %", adaptation=0.30, spill_over=0.2),
    World(name="adaptation 30 %, users in both arms", adaptation=0.30, both=0.3),
    World(name="adaptation 30 %, arms of 40 and 560", adaptation=0.30, users=(40, 560)),
    World(name="all three", adaptation=0.30, outside=0.15, newcomers=0.3),
)


@dataclass(frozen=True, slots=True)
class Remembered(JointMetric):
    """The metric that has seen every prompt of the pools before."""

    table: Floats
    marks: NDArray[np.uint64]  # of each row of the table, ascending

    @classmethod
    def of_pools(cls, reference: Reference, pools: Pools) -> "Remembered":
        """Rows of each prompt as a panel keeps it."""
        metric = JointMetric.of(reference)
        four = (pools.usual, pools.adapted, pools.outside, pools.audience)
        wording, shape = rows_of([p for pool in four for p in pool.prompts(range(len(pool.wording)))])
        marks, first = np.unique(_marks(wording, shape), return_index=True)
        rows = metric.rows(wording[first], shape[first])
        return cls(metric.reference, metric.projections, rows, marks)

    def rows(self, wording: NDArray[np.int16], shape: NDArray[np.float32]) -> Floats:
        """As the metric itself says."""
        return np.asarray(self.table[np.searchsorted(self.marks, _marks(wording, shape))])

    def mean(self, pool: Pool) -> Floats:
        """Of a user of no favourite topics."""
        topics = [self.rows(*rows_of(pool.prompts(group))).mean(axis=0) for group in pool.groups]
        return np.asarray(np.mean(topics, axis=0))


def _marks(wording: NDArray[np.int16], shape: NDArray[np.float32]) -> NDArray[np.uint64]:
    """64 bits of each prompt, shape (n,): equal rows have equal marks, and so few rows no other ones."""
    whole = np.hstack([wording.astype(np.uint64), np.ascontiguousarray(shape).view(np.uint32)])
    factors = np.random.default_rng(0).integers(2**64, size=whole.shape[1], dtype=np.uint64)
    return np.asarray(whole @ (factors | np.uint64(1)))  # wraps


def true_shares(world: World, pools: Pools, metric: Remembered) -> Floats | None:
    """Shares of adaptation, outside, audience by squared size, of endless users in either arm; None: nothing.

    What spills over to the control is outside, as no comparison of the arms can tell.
    """
    usual, adapted, outside, audience = (
        metric.mean(pool) for pool in (pools.usual, pools.adapted, pools.outside, pools.audience)
    )
    adapts = (1 - world.outside) * world.adaptation * (adapted - usual)
    by_users = (1 - world.spill_over) * adapts
    by_world = world.outside * (outside - usual) + world.spill_over * adapts
    by_others = world.newcomers / (1 + world.newcomers) * (audience - usual - by_users - by_world)
    sizes = np.array([float(np.square(part).sum()) for part in (by_users, by_world, by_others)])
    return sizes / sizes.sum() if sizes.sum() > 0 else None


def real_pools(encoder: Encoder, *, terse: bool) -> Pools:
    """Assistant prompts of HWU64; adapting users grow terse, or learn to ask in detail."""
    usual = rows("intents_hwu64.jsonl.gz")
    texts = [r["text"] for r in usual]
    adapted = [shortened(t) if terse else detailed(t) for t in texts]
    return Pools(
        Pool.of(encoder.encode(texts), [r["label"] for r in usual]),
        Pool.of(encoder.encode(adapted), [r["label"] for r in usual]),
        Pool.of(encoder.encode([r["text"] for r in rows("intents_banking77.jsonl.gz")][:3000])),
        Pool.of(encoder.encode([r["text"] for r in rows("intents_snips.jsonl.gz")][:3000])),
    )


def shortened(text: str) -> str:
    """Without stop words."""
    return " ".join(w for w in text.lower().split() if w not in STOP_WORDS) or text


def detailed(text: str) -> str:
    """With a role, a wish and an example."""
    return f"You know this well. {text} Take it step by step and end with one example."


def histories(world: World, pools: Pools, *, seed: int) -> list[History]:
    """Two weeks before and two after; users of the first arm meet the deployment."""
    rng = Random(f"{world.name} {seed}")
    exposed, control = world.users
    out = []
    for user in range(exposed + control):
        stays = rng.random() >= world.churn
        out.append(_user(world, pools, rng, exposed=user < exposed, periods=(True, stays)))
    for _ in range(round(world.newcomers * exposed)):
        out.append(_user(world, pools, rng, exposed=True, periods=(False, True)))
    return [h for h in out if h.prompts]


def _user(world: World, pools: Pools, rng: Random, *, exposed: bool, periods: tuple[bool, bool]) -> History:
    """One user; who is not here in the first period is a stranger."""
    favourites = rng.sample(range(len(pools.usual.groups)), min(FAVOURITES, len(pools.usual.groups)))
    met = DEPLOYED_AT + rng.random() * world.staggered_days * DAY
    adapts = exposed or rng.random() < world.spill_over
    torn = exposed and rng.random() < world.both
    before = sorted(DEPLOYED_AT - rng.random() * PERIOD_DAYS * DAY for _ in range(periods[0] * _count(rng)))
    rate = PROMPTS * (world.busier if exposed else 1.0)
    after = sorted(
        DEPLOYED_AT + rng.random() * PERIOD_DAYS * DAY for _ in range(periods[1] * _count(rng, rate))
    )
    history = History(place=rng.getrandbits(64))
    used = 0
    for time in [*before, *after]:
        used += time >= met
        share = world.adaptation if time >= met and adapts else 0.0
        if world.learned:
            share *= min(1.0, used / USES_LEARNED)
        if exposed and time >= DEPLOYED_AT - PERIOD_DAYS / 2 * DAY:
            share = max(share, world.apart_before)
        pool, row = _prompt(world, pools, rng, favourites, (share, time >= DEPLOYED_AT, not periods[0]))
        served = exposed and time >= met and not (torn and rng.random() < 0.5)
        told = ("v2" if served else "v1", None, "en", False)
        history.prompts.append(Prompt(time, history.seen, pool.wording[row], pool.shape[row], *told))
        history.seen += 1
    return history


def _prompt(
    world: World, pools: Pools, rng: Random, favourites: list[int], state: tuple[float, bool, bool]
) -> tuple[Pool, int]:
    share, later, stranger = state
    if stranger:
        return pools.audience, rng.randrange(len(pools.audience.wording))
    if later and rng.random() < world.outside:
        return pools.outside, rng.randrange(len(pools.outside.wording))
    row = rng.choice(pools.usual.groups[rng.choice(favourites)])
    return (pools.adapted if rng.random() < share else pools.usual), row


def _count(rng: Random, rate: float = PROMPTS) -> int:
    """Poisson by its gaps, at least 1."""
    count, left = 0, rate
    while (left := left - rng.expovariate(1.0)) > 0:
        count += 1
    return max(count, 1)
