"""The live encoder: both cheap eyes on every prompt."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.adapters import shape as shapes
from app.adapters.admission import ADMIT_CHARACTERS, admit
from app.adapters.distillation import Progress, cached_path, distil, table_fingerprint
from app.adapters.models import model_fingerprint, model_folder, writable_cache
from app.adapters.shape import SHAPE_NAMES, shape
from app.adapters.wording import EYE_CHARACTERS, StaticTable
from app.errors import InputError
from app.ports import Encoded


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
    writable_cache(cache_dir)
    made = distil(model, fingerprint=identity, progress=progress)
    made.save(path)
    return LiveEncoder(made)
