"""What every encoder says of every text, once; kept in a temporary folder, never in the repository."""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.adapters.encoders import load_encoder
from app.adapters.transformer import TransformerEncoder
from app.adapters.watches import load_bank
from app.core.encoding import Encoded
from app.core.watch import Bank
from app.settings import DetectionSettings
from benchmarks.worlds import Rows, World

CACHE = Path(tempfile.gettempdir()) / "promptdrift-benchmarks"
BLOCK = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """Of N texts: our eyes, wording int16 (N, 384) and shape float32 (N, 11), and what peers embed with,
    the transformer's unit vectors, meaning float32 (N, 384)."""

    wording: NDArray[np.int16]
    shape: NDArray[np.float32]
    meaning: NDArray[np.float32]

    def ours(self, rows: Rows | slice = slice(None)) -> Encoded:
        """Some of the texts as the product's own eyes see them."""
        wording = self.wording[rows]
        return Encoded(
            wording=wording,
            shape=self.shape[rows],
            readable=np.ones(len(wording), np.bool_),
            unknown=np.zeros(len(wording), np.float32),
        )


@cache
def default_bank() -> Bank | None:
    """The product's own watches."""
    return load_bank(load_encoder(), DetectionSettings())


def encode(world: World) -> Vectors:
    """Encode the world; what an encoder has said of a stratum before comes from the cache."""
    ours, theirs = load_encoder(), TransformerEncoder(precision="fp32", memory_bytes=0)
    parts: list[dict[str, NDArray[Any]]] = []
    for name, rows in world.strata.items():
        texts = [world.texts[row] for row in rows]
        parts.append(
            kept(name, ours.fingerprint, texts, lambda some: _seen(ours.encode(some)))
            | kept(name, theirs.fingerprint, texts, lambda some: {"meaning": theirs.encode(some)})
        )
    return Vectors(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def kept(
    name: str, encoder: str, texts: list[str], work: Callable[[list[str]], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """What `work` says of the texts, block by block, or said before."""
    key = hashlib.blake2b("\0".join([encoder, *texts]).encode("utf-8", "surrogatepass"), digest_size=16)
    path = CACHE / f"{key.hexdigest()}.npz"
    if not path.is_file():
        sys.stderr.write(f"encoding {len(texts):,} texts of {name} with {encoder}\n")
        blocks = [work(texts[start : start + BLOCK]) for start in range(0, len(texts), BLOCK)]
        said: dict[str, Any] = {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.npz")  # another run may be at it
        np.savez(part, **said)
        part.replace(path)
    with np.load(path) as found:
        return dict(found)


def _seen(encoded: Encoded) -> dict[str, NDArray[Any]]:
    return {"wording": encoded.wording, "shape": encoded.shape}
