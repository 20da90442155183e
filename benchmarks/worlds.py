"""The world of the power benchmark: which real texts clean traffic is made of, and what can come into it.

The mix is fresh: neither of the two mixes that the design was chosen on (docs/method.md, "In the study").
A third of the files (`HELD`) was not opened before the final run; `--quick` leaves them out.
"""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import restyling
from benchmarks.streams import rows

Rows = NDArray[np.int64]
REFERENCE_UNITS = 2000

# Clean traffic: file -> (share, most texts of it).
BASE = {
    "intents_banking77.jsonl.gz": (0.35, 4000),
    "intents_snips.jsonl.gz": (0.20, 3000),
    "intents_hint3.jsonl": (0.12, 2400),
    "instructions_alpaca.jsonl.gz": (0.12, 2000),
    "math_gsm8k_models.jsonl.gz": (0.06, 1400),
    "feedback_hh_harmless.jsonl.gz": (0.11, 1500),
    "instructions_self_instruct.jsonl": (0.04, 500),
}
# What comes in: kind -> files, in equal parts.
CHANGES = {
    "topic": ("instructions_alpaca.jsonl.gz", "math_gsm8k_models.jsonl.gz"),  # more of what was there
    "code": ("code_codealpaca.jsonl.gz", "code_humaneval.jsonl"),
    "jailbreak": ("jailbreak_jbb.jsonl.gz", "jailbreak_self_reminder.jsonl"),
    "language": ("multilingual_mgsm.jsonl.gz", "zh_belle_eval.jsonl", "zh_roleplay_prompts.jsonl"),
}
HELD = frozenset(
    {
        "feedback_hh_harmless.jsonl.gz",
        "instructions_self_instruct.jsonl",
        "code_humaneval.jsonl",
        "jailbreak_self_reminder.jsonl",
        "zh_belle_eval.jsonl",
        "zh_roleplay_prompts.jsonl",
    }
)
LANGUAGES = ("de", "es", "fr", "ru")  # of the multilingual file
MOST_CHANGE_TEXTS = 1000
RESTYLED_TEXTS = 1200


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Distinct texts in strata.  `base`: stratum -> share of clean traffic; `strata`: name -> rows."""

    texts: tuple[str, ...]
    strata: dict[str, Rows]
    base: dict[str, float]
    changes: dict[str, tuple[str, ...]]

    def clean_rows(self) -> Rows:
        """Rows of all base strata."""
        return np.concatenate([self.strata[name] for name in self.base])


def load(*, held: bool, seed: int = 0) -> World:
    """The world from ../shared/data; without `held`, only of files that were looked at."""
    pools: dict[str, list[str]] = {}
    for name, (_, most) in BASE.items():
        if held or name not in HELD:
            pools[name] = _some(name, most, seed)
    shares = {name: BASE[name][0] for name in pools}
    total = sum(shares.values())
    base = {name: share / total for name, share in shares.items()}
    changes: dict[str, tuple[str, ...]] = {}
    for kind, files in CHANGES.items():
        changes[kind] = tuple(name for name in files if held or name not in HELD)
        for name in changes[kind]:
            if name not in pools:
                pools[name] = _some(name, MOST_CHANGE_TEXTS, seed)
    plain = [
        text for name, share in base.items() for text in pools[name][: max(round(RESTYLED_TEXTS * share), 1)]
    ]
    for style, restyle in restyling.STYLES.items():
        pools[style] = [restyle(text, number) for number, text in enumerate(plain)]
        changes[style] = (style,)
    return assemble(pools, base, changes)


def assemble(
    pools: dict[str, list[str]], base: dict[str, float], changes: dict[str, tuple[str, ...]]
) -> World:
    """Number the texts of all pools, one pool after another."""
    strata: dict[str, Rows] = {}
    texts: list[str] = []
    for name, pool in pools.items():
        strata[name] = np.arange(len(texts), len(texts) + len(pool))
        texts += pool
    return World(texts=tuple(texts), strata=strata, base=base, changes=changes)


def reference_rows(world: World, random: np.random.Generator, units: int = REFERENCE_UNITS) -> Rows:
    """A reference: units drawn from clean traffic, no text twice; the strata's counts are chance, too."""
    names = list(world.base)
    counts = random.multinomial(units, [world.base[name] for name in names])
    drawn = [
        random.choice(world.strata[name], size=min(int(count), len(world.strata[name]) // 2), replace=False)
        for name, count in zip(names, counts, strict=True)
    ]
    return random.permutation(np.concatenate(drawn))


class Traffic:
    """Units of clean and changed traffic against one reference.

    A pool of N texts from which the reference took n is not what is behind a live stream: if clean units
    came from the other texts alone, the two means would differ by N/(N-n) more than 1/n says, and if they
    came from all, by (N-n)/N less.  Clean units therefore repeat a text of the reference with
    probability 1 - sqrt(1 - n/N), stratum by stratum, which makes it exactly 1/n.
    """

    def __init__(self, world: World, reference: Rows) -> None:
        self._world = world
        self._names = list(world.base)
        self._shares = np.cumsum([world.base[name] for name in self._names])
        inside = np.zeros(len(world.texts), bool)
        inside[reference] = True
        self._known = [world.strata[name][inside[world.strata[name]]] for name in self._names]
        self._other = [world.strata[name][~inside[world.strata[name]]] for name in self._names]

    def clean(self, random: np.random.Generator, shape: tuple[int, int]) -> Rows:
        """Rows of clean units."""
        stratum = np.searchsorted(self._shares, random.random(shape) * self._shares[-1])
        out = np.empty(shape, np.int64)
        for number, (known, other) in enumerate(zip(self._known, self._other, strict=True)):
            here = np.flatnonzero(stratum == number)
            repeats = random.random(len(here)) < 1 - np.sqrt(len(other) / (len(known) + len(other)))
            if not len(known):
                repeats[:] = False
            out.flat[here[~repeats]] = random.choice(other, size=int((~repeats).sum()))
            if repeats.any():
                out.flat[here[repeats]] = random.choice(known, size=int(repeats.sum()))
        return out

    def changed(self, kind: str, random: np.random.Generator, shape: tuple[int, int]) -> Rows:
        """Rows of units that carry a change, its files in equal parts."""
        pools = [self._world.strata[name] for name in self._world.changes[kind]]
        which = random.integers(0, len(pools), shape)
        out = np.empty(shape, np.int64)
        for number, pool in enumerate(pools):
            here = np.flatnonzero(which == number)
            out.flat[here] = random.choice(pool, size=len(here))
        return out


def _texts(name: str) -> list[str]:
    """Distinct texts of one file that belong to this benchmark, in a fixed order."""
    found = rows(name)
    if name.startswith("multilingual"):
        found = [row for row in found if row["lang"] in LANGUAGES]
    if name.startswith("intents_hint3"):
        found = [row for row in found if row["label"] != "oos"]
    return sorted({row["text"] for row in found})


def _some(name: str, most: int, seed: int) -> list[str]:
    """At most so many texts of one file, in an order that no other file has a say in."""
    texts = _texts(name)
    return random.Random(f"{seed} {name}").sample(texts, min(most, len(texts)))
