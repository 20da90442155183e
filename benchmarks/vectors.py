"""What every encoder says of every text, once; kept in a temporary folder, never in the repository."""

import hashlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.adapters.encoders import TransformerEncoder, load_encoder
from benchmarks.worlds import World

CACHE = Path(tempfile.gettempdir()) / "promptdrift-benchmarks"
BLOCK = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """Of N texts: our eyes, wording int16 (N, 384) and shape float32 (N, 11), and what peers embed with,
    the transformer's unit vectors, meaning float32 (N, 384)."""

    wording: NDArray[np.int16]
    shape: NDArray[np.float32]
    meaning: NDArray[np.float32]


def encode(world: World) -> Vectors:
    """Encode the world; a stratum that was encoded before comes from the cache."""
    ours, theirs = load_encoder(), TransformerEncoder()
    prints = f"{ours.fingerprint} {theirs.fingerprint}"
    parts: list[Vectors] = []
    for name, rows in world.strata.items():
        texts = [world.texts[row] for row in rows]
        key = hashlib.blake2b("\0".join([prints, *texts]).encode("utf-8", "surrogatepass"), digest_size=16)
        path = CACHE / f"{key.hexdigest()}.npz"
        if not path.is_file():
            sys.stderr.write(f"encoding {len(texts):,} texts of {name}\n")
            seen = ours.encode(texts)
            meaning = np.concatenate(
                [theirs.encode(texts[i : i + BLOCK]) for i in range(0, len(texts), BLOCK)]
            )
            CACHE.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part.npz")
            np.savez(part, wording=seen.wording, shape=seen.shape, meaning=meaning)
            part.replace(path)
        with np.load(path) as kept:
            parts.append(Vectors(wording=kept["wording"], shape=kept["shape"], meaning=kept["meaning"]))
    return Vectors(
        wording=np.concatenate([part.wording for part in parts]),
        shape=np.concatenate([part.shape for part in parts]),
        meaning=np.concatenate([part.meaning for part in parts]),
    )
