"""Simulated users around a deployment: what happened is known, so what is said can be judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from app.core.encoding import Encoded
from app.core.exposure import Release
from app.core.panel import BITS, History, Prompt
from app.ports import Encoder
from benchmarks.streams import rows

DAY = 86_400.0
DEPLOYED_AT = 1_800_000_000.0
RELEASE = Release(id="v2", time=DEPLOYED_AT)
PERIOD_DAYS = 14.0
FAVOURITES = 4
STOP_WORDS = frozenset(
    "a an and are can do for how i in is it me my of on please that the this to what you".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Pool:
    """Encoded texts; `groups` holds the rows of each topic."""

    wording: list[bytes]
    shape: list[bytes]
    groups: list[np.ndarray]

    @classmethod
    def of(cls, encoded: Encoded, labels: Sequence[str] | None = None) -> "Pool":
        named = np.array(labels) if labels is not None else np.zeros(len(encoded.wording), int)
        return cls(
            [(row >> BITS).astype(np.int8).tobytes() for row in encoded.wording],
            [row.astype("<f4").tobytes() for row in encoded.shape],
            [np.flatnonzero(named == name) for name in np.unique(named)],
        )


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
    newcomers: float = 0.0  # as a share of an arm
    churn: float = 0.0  # share of users who leave
    spill_over: float = 0.0  # share of the control that adapts as well
    staggered_days: float = 0.0  # exposure begins within so many days
    apart_before: float = 0.0  # share of exposed users' prompts that moved a week before the deployment
    learned: bool = False  # adaptation grows with use, instead of at once


WORLDS = (
    World(name="nothing"),
    World(name="outside 15 %", outside=0.15),
    World(name="audience", newcomers=0.3),
    World(name="outside and audience", outside=0.15, newcomers=0.3),
    World(name="churn", churn=0.3),
    World(name="staggered, outside 15 %", outside=0.15, staggered_days=7.0),
    World(name="adaptation 15 %", adaptation=0.15),
    World(name="adaptation 30 %", adaptation=0.30),
    World(name="adaptation 60 %", adaptation=0.60),
    World(name="staggered, adaptation 30 %", adaptation=0.30, staggered_days=7.0),
    World(name="spill-over 20 %, adaptation 30 %", adaptation=0.30, spill_over=0.2),
    World(name="all three", adaptation=0.30, outside=0.15, newcomers=0.3),
)


def real_pools(encoder: Encoder, *, terse: bool) -> Pools:
    """Assistant prompts of HWU64; adapting users grow terse, or learn to ask in detail."""
    usual = rows("intents_hwu64.jsonl.gz")
    texts = [r["text"] for r in usual]
    adapted = [shortened(t) if terse else detailed(t) for t in texts]
    return Pools(
        Pool.of(encoder.encode(texts), [r["label"] for r in usual]),
        Pool.of(encoder.encode(adapted)),
        Pool.of(encoder.encode([r["text"] for r in rows("intents_banking77.jsonl.gz")][:3000])),
        Pool.of(encoder.encode([r["text"] for r in rows("intents_snips.jsonl.gz")][:3000])),
    )


def shortened(text: str) -> str:
    return " ".join(w for w in text.lower().split() if w not in STOP_WORDS) or text


def detailed(text: str) -> str:
    return f"You know this well. {text} Take it step by step and end with one example."


def histories(world: World, pools: Pools, *, users_per_arm: int, prompts: float, seed: int) -> list[History]:
    """Two weeks before and two after; users of the first arm meet the deployment."""
    rng = Random(f"{world.name} {seed}")
    out = []
    for user in range(2 * users_per_arm):
        exposed = user < users_per_arm
        gone = rng.random() < world.churn
        out.append(_user(world, pools, rng, exposed=exposed, prompts=(prompts, 0.0 if gone else prompts)))
    for _ in range(round(world.newcomers * users_per_arm)):
        out.append(_user(world, pools, rng, exposed=True, prompts=(0.0, prompts), stranger=True))
    return [h for h in out if h.prompts]


def _user(
    world: World,
    pools: Pools,
    rng: Random,
    *,
    exposed: bool,
    prompts: tuple[float, float],
    stranger: bool = False,
) -> History:
    favourites = rng.sample(range(len(pools.usual.groups)), min(FAVOURITES, len(pools.usual.groups)))
    met = DEPLOYED_AT + rng.random() * world.staggered_days * DAY
    adapts = exposed or rng.random() < world.spill_over
    before = sorted(DEPLOYED_AT - rng.random() * PERIOD_DAYS * DAY for _ in range(_count(rng, prompts[0])))
    after = sorted(DEPLOYED_AT + rng.random() * PERIOD_DAYS * DAY for _ in range(_count(rng, prompts[1])))
    history = History()
    used = 0
    for time in [*before, *after]:
        served = exposed and time >= met
        used += time >= met
        share = world.adaptation if time >= met and adapts else 0.0
        if world.learned:
            share *= min(1.0, used / 4)
        if exposed and time >= DEPLOYED_AT - 7 * DAY:
            share = max(share, world.apart_before)
        pool, row = _prompt(world, pools, rng, favourites, (share, time >= DEPLOYED_AT, stranger))
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
    row = int(rng.choice(pools.usual.groups[rng.choice(favourites)].tolist()))
    return (pools.adapted if rng.random() < share else pools.usual), row


def _count(rng: Random, mean: float) -> int:
    """Poisson by its gaps, at least 1 where any is expected."""
    if mean <= 0:
        return 0
    count, left = 0, mean
    while (left := left - rng.expovariate(1.0)) > 0:
        count += 1
    return max(count, 1)
