"""Traffic whose prompts depend on each other: sessions, retries, returning users, weeks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import Vectors
from benchmarks.worlds import Rows, World

CONCURRENT, MEAN_LENGTH, RETRY, RETURNING, NEIGHBOURS = 20, 3, 0.25, 0.30, 8
DAY = 86_400.0
WEEKEND, DAYTIME = 0.5, 0.4  # the first source: half on weekends, more by day than by night


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Rows, seconds and keys (-1: none) of events in order of time."""

    rows: Rows
    times: NDArray[np.float64]
    keys: Rows


def independent(world: World, random: np.random.Generator, count: int) -> Events:
    """Every event from a person of his own, one a second."""
    return Events(rows=_draw(world, random, count), times=np.arange(float(count)), keys=np.arange(count))


def sessions(
    world: World, near: Rows, random: np.random.Generator, count: int, *, keyless: float = 0.0
) -> Events:
    """Twenty people at a time, about three prompts on one subject each, a quarter of all sent again.

    Args: near, the texts on the subject of each text (N, NEIGHBOURS); keyless, share of sessions without
    a key.  Three in ten sessions are of someone who came before.  One event a second.
    """
    first = iter(_draw(world, random, count + CONCURRENT).tolist())
    choice = iter(random.random((count + CONCURRENT, 5)).tolist())
    slots = random.integers(0, CONCURRENT, count).tolist()
    rows, keys, users = [], [], 0
    subject, last, key = [-1] * CONCURRENT, [-1] * CONCURRENT, [-1] * CONCURRENT
    for slot in slots:
        again, returns, which, ends, without = next(choice)
        if subject[slot] < 0:
            subject[slot] = last[slot] = next(first)
            key[slot] = users
            if users and returns < RETURNING:
                key[slot] = int(which * users)
            else:
                users += 1
            if without < keyless:
                key[slot] = -1
        elif again >= RETRY:
            last[slot] = int(near[subject[slot], int(which * NEIGHBOURS)])
        rows.append(last[slot])
        keys.append(key[slot])
        if again >= RETRY and ends < 1 / MEAN_LENGTH:
            subject[slot] = -1
    return Events(rows=np.array(rows), times=np.arange(float(count)), keys=np.array(keys))


def weekly(world: World, random: np.random.Generator, count: int, *, spacing: float) -> Events:
    """Independent people, `spacing` seconds apart; the mix swings with the day and the week."""
    times = spacing * np.arange(count) + DAY * random.integers(0, 7)
    swing = 1 + DAYTIME * np.sin(2 * np.pi * times / DAY)
    swing *= np.where(times / DAY % 7 >= 5, WEEKEND, 1.0)
    head, *rest = world.base
    share = world.base[head] * swing
    one = World(texts=world.texts, strata=world.strata, base={head: 1.0}, changes={})
    total = sum(world.base[name] for name in rest)
    other = World(
        texts=world.texts,
        strata=world.strata,
        base={name: world.base[name] / total for name in rest},
        changes={},
    )
    of_head = random.random(count) < np.minimum(share / (share + total), 1.0)
    rows = np.where(of_head, _draw(one, random, count), _draw(other, random, count))
    return Events(rows=rows, times=times, keys=np.arange(count))


def neighbours(world: World, seen: Vectors) -> Rows:
    """The nearest clean texts of every clean text by the transformer's vectors, (N, NEIGHBOURS)."""
    clean = world.clean_rows()
    vectors = seen.meaning[clean]
    out = np.zeros((len(world.texts), NEIGHBOURS), np.int64)
    for start in range(0, len(clean), 512):
        close = vectors[start : start + 512] @ vectors.T
        close[np.arange(len(close)), start + np.arange(len(close))] = -1.0
        out[clean[start : start + 512]] = clean[np.argpartition(-close, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]]
    return out


def _draw(world: World, random: np.random.Generator, count: int) -> Rows:
    """Independent clean rows."""
    shares = np.array([world.base[name] for name in world.base])
    stratum = random.choice(len(shares), size=count, p=shares / shares.sum())
    out = np.empty(count, np.int64)
    for number, name in enumerate(world.base):
        here = np.flatnonzero(stratum == number)
        out[here] = random.choice(world.strata[name], size=len(here))
    return out
