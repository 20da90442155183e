"""From the sentence-transformers model to a wording table: done once, then cached."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from app.adapters.full_precision import FullPrecision
from app.adapters.models import default_cache, model_fingerprint, model_folder
from app.adapters.wording import EYE_CHARACTERS, EYE_TOKENS, FORMAT, ZIPF_A, StaticTable, zipf_weights
from app.errors import InputError

Progress = Callable[[int, int], None]  # tokens done, tokens in all

_BATCH = 256


def table_fingerprint(model: str) -> str:
    """Identity of a wording table: the model's, the weighting and the limits.

    Not of the table's bytes: another machine's last bits may differ, its vectors still compare.
    """
    recipe = f"{model}:wording-{FORMAT}:zipf-{ZIPF_A:g}:{EYE_CHARACTERS}c:{EYE_TOKENS}t"
    return hashlib.blake2b(recipe.encode(), digest_size=16).hexdigest()


def cached_path(cache_dir: Path | None, fingerprint: str) -> Path:
    """Where the table of this fingerprint lies, or would lie."""
    return (cache_dir or default_cache()) / f"wording-{fingerprint}.npz"


def distil(
    model: str | None = None, *, fingerprint: str | None = None, progress: Progress | None = None
) -> StaticTable:
    """Run every token of the vocabulary through the model, alone, and keep its weighted pooled output.

    "Alone" is the model's own frame for one text, [CLS] token [SEP]; pooled as the model pools,
    before it normalises: lengths carry information that unit vectors lose.
    Cost: half a minute to two on two cores, and 600 MB.  Raises ModelMissing without the extra `model`.
    """
    folder = model_folder(model)
    identity = fingerprint or model_fingerprint(folder)
    tokenizer = (folder / "tokenizer.json").read_bytes()
    reader = Tokenizer.from_buffer(tokenizer)
    size = reader.get_vocab_size(with_added_tokens=True)
    pooled = _pooled(folder, _frames(reader, size), progress)
    weights = zipf_weights(size)
    weights[_never_read(reader)] = 0.0
    vectors = pooled * weights[:, None]
    if not np.abs(vectors).max() < np.finfo(np.float16).max:
        raise InputError(f"model {folder}: its token vectors are too long for a table")
    metadata: dict[str, Any] = {"model": identity, "a": ZIPF_A, "tokens": size, "dimension": pooled.shape[1]}
    return StaticTable(
        vectors.astype(np.float16),
        tokenizer=tokenizer,
        fingerprint=table_fingerprint(identity),
        metadata=metadata,
    )


def _frames(reader: Tokenizer, size: int) -> NDArray[np.int64]:
    """Input ids (vocabulary, frame): each token inside the special tokens of a one-text input."""
    reader.no_padding()
    reader.no_truncation()
    sample = reader.encode("a")
    special = np.array(sample.special_tokens_mask, dtype=bool)
    frames = np.tile(np.array(sample.ids, dtype=np.int64), (size, 1))
    frames[:, np.flatnonzero(~special)[0]] = np.arange(size)
    return frames


def _never_read(reader: Tokenizer) -> list[int]:
    """Ids that no text yields: special tokens but the unknown one, and BERT's [unused] places."""
    unknown = json.loads(reader.to_str())["model"].get("unk_token")
    special = [i for i, token in reader.get_added_tokens_decoder().items() if token.special]
    unused = [i for token, i in reader.get_vocab().items() if token.startswith("[unused")]
    return [i for i in (*special, *unused) if reader.id_to_token(i) != unknown]


def _pooled(folder: Path, frames: NDArray[np.int64], progress: Progress | None) -> NDArray[np.float32]:
    """The model's pooled output before normalisation, float32 (vocabulary, d)."""
    runtime = FullPrecision(folder, threads=min(2, os.cpu_count() or 1))
    rows: list[NDArray[np.float32]] = []
    for start in range(0, len(frames), _BATCH):
        rows.append(runtime.pooled(frames[start : start + _BATCH].tolist()))
        if progress is not None:
            progress(min(start + _BATCH, len(frames)), len(frames))
    return np.concatenate(rows)
