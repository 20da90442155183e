"""A small made-up world: two clean topics, one change, 384 numbers."""

import numpy as np

from app.core.fixedpoint import WORDING_SCALE, quantise
from benchmarks.vectors import Vectors
from benchmarks.worlds import World, assemble


def world(size: int = 400) -> World:
    pools = {name: [f"{name} {i}" for i in range(size)] for name in ("a", "b", "new")}
    return assemble(pools, {"a": 0.7, "b": 0.3}, {"code": ("new",)})


def vectors(made: World, seed: int = 0) -> Vectors:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((3, 384)) / np.sqrt(384)
    rows = np.repeat(centres, [len(made.strata[name]) for name in ("a", "b", "new")], axis=0)
    rows = rows + 1.2 * random.standard_normal(rows.shape) / np.sqrt(384)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Vectors(
        wording=quantise(rows, WORDING_SCALE),
        shape=np.exp(0.4 * random.standard_normal((len(rows), 11))).astype(np.float32),
        meaning=rows.astype(np.float32),
    )
