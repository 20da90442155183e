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
    return Events(rows=_swinging(world, random, times), times=times, keys=np.arange(count))


def everyday(world: World, near: Rows, random: np.random.Generator, *, weeks: int, per_week: int) -> Events:
    """All at once: sessions with retries and returning users, whose number and mix swing with day and week.

    Args: near, the texts on the subject of each text (N, NEIGHBOURS); per_week, sessions a week.  A person
    asks twice on average, 40 s apart, and sends a quarter of all again after 15 s.
    """
    grid = np.arange(0.0, 7 * DAY * weeks + 1, 900.0)
    busy = np.concatenate([[0.0], np.cumsum(_swing(grid[1:]))])
    count = per_week * weeks
    starts = np.sort(np.interp(random.random(count) * busy[-1], busy, grid))
    first = _swinging(world, random, starts)
    rows, times, keys, users = [], [], [], 0
    for start, row in zip(starts.tolist(), first.tolist(), strict=True):
        returns = users > 0 and random.random() < RETURNING
        user = int(random.integers(users)) if returns else users
        users += not returns
        time, asked = start, row
        while True:
            rows.append(asked)
            times.append(time)
            keys.append(user)
            if random.random() < RETRY:
                time += random.exponential(15.0)
                continue
            if random.random() < 0.5:
                break
            time += random.exponential(40.0)
            asked = int(near[row, random.integers(NEIGHBOURS)])
    order = np.argsort(times, kind="stable")
    return Events(rows=np.array(rows)[order], times=np.array(times)[order], keys=np.array(keys)[order])


def _swing(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How frequent the first source is, over its mean by day and night of weekdays."""
    return (1 + DAYTIME * np.sin(2 * np.pi * times / DAY)) * np.where(times / DAY % 7 >= 5, WEEKEND, 1.0)


def _swinging(world: World, random: np.random.Generator, times: NDArray[np.float64]) -> Rows:
    """Independent clean rows; the first source's share swings."""
    head, *rest = world.base
    share = world.base[head] * _swing(times)
    one = World(texts=world.texts, strata=world.strata, base={head: 1.0}, changes={})
    total = sum(world.base[name] for name in rest)
    other = World(
        texts=world.texts,
        strata=world.strata,
        base={name: world.base[name] / total for name in rest},
        changes={},
    )
    of_head = random.random(len(times)) < np.minimum(share / (share + total), 1.0)
    return np.where(of_head, _draw(one, random, len(times)), _draw(other, random, len(times)))


def neighbours(world: World, seen: Vectors) -> Rows:
    """The nearest clean texts of every clean text by the transformer's vectors, (N, NEIGHBOURS)."""
    clean = world.clean_rows()
    return nearest(seen.meaning[clean], clean, len(world.texts))


def nearest(vectors: NDArray[np.float32], numbers: Rows, count: int) -> Rows:
    """The nearest others of each unit vector (n, D), by their `numbers` (n,): (count, NEIGHBOURS)."""
    out = np.zeros((count, NEIGHBOURS), np.int64)
    for start in range(0, len(numbers), 512):
        close = vectors[start : start + 512] @ vectors.T
        close[np.arange(len(close)), start + np.arange(len(close))] = -1.0
        out[numbers[start : start + 512]] = numbers[
            np.argpartition(-close, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        ]
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
