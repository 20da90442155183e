"""The eyes as the ports want them: the cheap pair for every prompt, the transformer for samples."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.adapters import shape as shapes
from app.adapters.admission import ADMIT_CHARACTERS, admit
from app.adapters.distillation import (
    Progress,
    cached_path,
    distil,
    model_fingerprint,
    model_folder,
    open_transformer,
    table_fingerprint,
)
from app.adapters.shape import SHAPE_NAMES, shape
from app.adapters.wording import EYE_CHARACTERS, StaticTable
from app.errors import InputError, SettingsError
from app.ports import Encoded

__all__ = [
    "ADMIT_CHARACTERS",
    "SHAPE_NAMES",
    "LiveEncoder",
    "StaticTable",
    "TransformerEncoder",
    "admit",
    "distil",
    "load_encoder",
]


class LiveEncoder:
    """`ports.Encoder`: wording and shape.  Threads may share one."""

    def __init__(self, table: StaticTable) -> None:
        self.table = table
        parts = f"{table.fingerprint}:shape-{shapes.VERSION}:{ADMIT_CHARACTERS}"
        self._fingerprint = hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Identity of weights, weighting, shape rules and limits, hex."""
        return self._fingerprint

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode n texts; whatever else is in the list becomes a zero row that is not readable.

        Cost: see `StaticTable.encode` and `shape`.
        """
        count = len(texts)
        wording = np.zeros((count, self.table.dimension), np.int16)
        form = np.zeros((count, len(SHAPE_NAMES)), np.float32)
        unknown = np.zeros(count, np.float32)
        readable = np.zeros(count, np.bool_)
        admitted = [(row, plain) for row, text in enumerate(texts) if (plain := admit(text)) is not None]
        if admitted:
            rows = np.array([row for row, _ in admitted])
            seen = [plain[:EYE_CHARACTERS] for _, plain in admitted]
            wording[rows], unknown[rows] = self.table.encode(seen)
            form[rows] = np.array([shape(text) for text in seen], np.float32)
            readable[rows] = wording[rows].any(axis=1)
            form[~readable] = 0.0
            unknown[~readable] = 0.0
        return Encoded(wording=wording, shape=form, readable=readable, unknown=unknown)


class TransformerEncoder:
    """`ports.MeaningEncoder`: the sentence-transformers model, opened at the first use.

    Offline for the packaged model and for local folders; a hub name may be downloaded once.
    """

    def __init__(self, model: str | None = None, *, batch_size: int = 8) -> None:
        """Cheap.  `batch_size` is small on purpose: short lists pad less, measured 2.6x on mixed prompts."""
        self._model = model
        self._batch_size = batch_size
        self._folder: Path | None = None
        self._fingerprint: str | None = None
        self._transformer: Any = None

    @property
    def fingerprint(self) -> str:
        """Identity of the weights and the tokenizer, hex; 0.15 s at the first use.  Raises ModelMissing."""
        if self._fingerprint is None:
            self._fingerprint = model_fingerprint(self._found())
        return self._fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors float32 (n, d), at most 256 tokens each; zero rows for what cannot be read.

        Batches are sorted by length.  Rows agree to about 1e-6 between batches, not bit by bit.
        Raises ModelMissing.  Cost: 5-60 ms CPU per text; some seconds at the first call.
        """
        if self._transformer is None:
            self._transformer = open_transformer(self._found())
        admitted = [admit(text) for text in texts]
        vectors: NDArray[np.float32] = np.asarray(
            self._transformer.encode(
                [text or " " for text in admitted] or [" "],
                batch_size=self._batch_size,
                show_progress_bar=False,
                normalize_embeddings=True,
                convert_to_numpy=True,
            ),
            dtype=np.float32,
        )[: len(admitted)]
        vectors[[row for row, text in enumerate(admitted) if text is None]] = 0.0
        return vectors

    def _found(self) -> Path:
        if self._folder is None:
            self._folder = model_folder(self._model)
        return self._folder


def load_encoder(
    *,
    table: Path | None = None,
    model: str | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> LiveEncoder:
    """The live encoder: from a table file, else from the cache, else distilled now and cached.

    `model`: None is the packaged default, else a folder, else a hub name.  `cache_dir` defaults to
    the user's cache folder.  `progress(done, total)` counts tokens while distilling.
    Cost: 0.3 s from a file, 0.5 s from the cache, half a minute to two to distil.
    Raises InputError for an unusable file, SettingsError when the cache cannot be written,
    ModelMissing when there is nothing to distil from.
    """
    if table is not None:
        return LiveEncoder(StaticTable.load(table))
    identity = model_fingerprint(model_folder(model))
    fingerprint = table_fingerprint(identity)
    path = cached_path(cache_dir, fingerprint)
    if path.is_file():
        try:
            cached = StaticTable.load(path)
        except InputError:
            pass  # damaged: made again below, over the old one
        else:
            if cached.fingerprint == fingerprint:
                return LiveEncoder(cached)
    _writable(path.parent)
    made = distil(model, fingerprint=identity, progress=progress)
    made.save(path)
    return LiveEncoder(made)


def _writable(folder: Path) -> None:
    """Make the cache folder, before a minute of work that could not be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"encoder.cache_dir: cannot make {folder} ({error.strerror})") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(f"encoder.cache_dir: cannot write to {folder}; set it, or encoder.table")
