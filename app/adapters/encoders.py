"""The live encoder: the cheap eyes on every prompt, and the transformer where it is asked to."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.adapters import ngrams
from app.adapters import shape as shapes
from app.adapters.admission import ADMIT_CHARACTERS, admit
from app.adapters.distillation import Progress, cached_path, distil, table_fingerprint
from app.adapters.models import model_fingerprint, model_folder, writable_cache
from app.adapters.shape import SHAPE_NAMES, shape
from app.adapters.transformer import TransformerEncoder, transformer_of
from app.adapters.wording import EYE_CHARACTERS, StaticTable, fixed_unit
from app.errors import InputError
from app.ports import Encoded
from app.settings import EncoderSettings


class LiveEncoder:
    """`ports.Encoder`: wording and shape, and meaning where that eye is on.  Threads may share one."""

    def __init__(self, table: StaticTable, meaning: TransformerEncoder | None = None) -> None:
        self.table = table
        self.meaning = meaning
        parts = f"{table.fingerprint}:ngrams-{ngrams.VERSION}:shape-{shapes.VERSION}:{ADMIT_CHARACTERS}"
        self._fingerprint = hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()
        if meaning is not None:
            self._fingerprint += f"+{meaning.fingerprint}"

    @property
    def fingerprint(self) -> str:
        """Identity of weights, weighting, shape rules and limits, hex; of the transformer behind a plus."""
        return self._fingerprint

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode n texts; whatever else is in the list becomes a zero row that is not readable.

        Cost: see `StaticTable.encode`, `shape` and `TransformerEncoder.encode`.
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
            bags, unknown[rows] = self.table.encode(seen)
            wording[rows] = ngrams.add_ngrams(bags, unknown[rows], seen)
            form[rows] = np.array([shape(text) for text in seen], np.float32)
            readable[rows] = wording[rows].any(axis=1)
            form[~readable] = 0.0
            unknown[~readable] = 0.0
        meaning = None
        if self.meaning is not None:
            # One by one: in eight bits a row depends a little on its batch, and a replay has other batches.
            alone = [self.meaning.encode([text]) for text in texts]
            meaning = fixed_unit(np.concatenate(alone or [self.meaning.encode([])]))
            readable &= meaning.any(axis=1)
        return Encoded(wording=wording, shape=form, readable=readable, unknown=unknown, meaning=meaning)


def open_encoder(settings: EncoderSettings, progress: Progress | None = None) -> LiveEncoder:
    """The live encoder of the settings; see `load_encoder`."""
    return load_encoder(
        table=settings.table,
        model=settings.model,
        cache_dir=settings.cache_dir,
        progress=progress,
        meaning=transformer_of(settings) if settings.meaning else None,
    )


def load_encoder(
    *,
    table: Path | None = None,
    model: str | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    meaning: TransformerEncoder | None = None,
) -> LiveEncoder:
    """The live encoder: from a table file, else from the cache, else distilled now and cached.

    `model`: None is the packaged default, else a folder, else a hub name.  `cache_dir` defaults to
    the user's cache folder.  `progress(done, total)` counts tokens while distilling.
    Cost: 0.3 s from a file, 0.5 s from the cache, half a minute to two to distil.
    Raises InputError for an unusable file, SettingsError when the cache cannot be written,
    ModelMissing when there is nothing to distil from.
    """
    if table is not None:
        return LiveEncoder(StaticTable.load(table), meaning)
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
                return LiveEncoder(cached, meaning)
    writable_cache(cache_dir)
    made = distil(model, fingerprint=identity, progress=progress)
    made.save(path)
    return LiveEncoder(made, meaning)
