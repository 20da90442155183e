"""The meaning eye: the transformer itself, in eight bits where its runtime is installed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from app.adapters import int8
from app.adapters.admission import ADMIT_CHARACTERS, admit
from app.adapters.batching import token_batches
from app.adapters.full_precision import FullPrecision
from app.adapters.int8 import Int8
from app.adapters.models import model_fingerprint, model_folder, writable_cache
from app.adapters.vector_memory import VectorMemory
from app.adapters.wordpieces import WordPieces
from app.errors import ModelMissing, SettingsError
from app.settings import EncoderSettings

MAX_TOKENS = 256
MEMORY_BYTES = 64 * 2**20  # some 35,000 vectors of 384

Precision = Literal["auto", "int8", "fp32"]


class Runtime(Protocol):
    """What runs a model on token ids."""

    def pooled(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """The model's output before it normalises, float32 (n, d)."""
        ...


class TransformerEncoder:
    """`ports.MeaningEncoder`: the sentence-transformers model, opened at the first use.

    Offline for the packaged model and for local folders; a hub name may be downloaded once.
    Threads may share one.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        precision: Precision = "auto",
        threads: int = 1,
        cache_dir: Path | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """Cheap.  `precision`: auto is int8 where that is possible, else fp32; `why_not_int8` tells."""
        self._model, self._precision, self._threads = model, precision, threads
        self._cache_dir = cache_dir
        self.memory = VectorMemory(memory_bytes)
        self._opened: _Opened | None = None
        self._folder: Path | None = None
        self._fingerprint: str | None = None

    @property
    def why_not_int8(self) -> str | None:
        """What stands against eight bits here, None where they are used.

        Raises SettingsError where int8 was asked for and cannot be had, ModelMissing.
        """
        if self._precision == "fp32":
            return "encoder.precision is fp32"
        found = int8.obstacle(self._found())
        if found is not None and self._precision == "int8":
            raise SettingsError(f"encoder.precision: int8 is not possible ({found})")
        return found

    @property
    def fingerprint(self) -> str:
        """Runtime and precision, then the identity of weights, tokenizer and limits in hex.

        Vectors of two fingerprints do not compare.  0.15 s at the first use.  Raises as `why_not_int8`.
        """
        if self._fingerprint is None:
            name = Int8.name if self.why_not_int8 is None else FullPrecision.name
            parts = f"{model_fingerprint(self._found())}:{ADMIT_CHARACTERS}c:{MAX_TOKENS}t"
            self._fingerprint = f"{name}-{hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()}"
        return self._fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors float32 (n, d), of at most 256 tokens; zero rows for what cannot be read.

        Equal texts are computed once, and not again while they are remembered.  Raises as `why_not_int8`.
        Cost: 2-30 ms CPU per text in eight bits, about twice that in float32; some seconds at the first call.
        """
        model = self._opened = self._opened or self._open()
        admitted = [admit(text) for text in texts]
        wanted = dict.fromkeys(text for text in admitted if text is not None)
        known = self.memory.find(wanted)
        fresh = [text for text in wanted if text not in known]
        known.update(zip(fresh, model.vectors(fresh), strict=True))
        self.memory.keep({text: known[text] for text in fresh})
        rows = np.zeros((len(texts), model.dimension), np.float32)
        for row, text in enumerate(admitted):
            if text is not None:
                rows[row] = known[text]
        return rows

    def _found(self) -> Path:
        if self._folder is None:
            self._folder = model_folder(self._model)
        return self._folder

    def _open(self) -> "_Opened":
        folder = self._found()
        if self.why_not_int8 is not None:
            return _Opened(folder, FullPrecision(folder, threads=self._threads))
        converted = writable_cache(self._cache_dir) / f"int8-{model_fingerprint(folder)}"
        pooling = int8.pooling_of(folder) or "mean"
        if not (converted / "model.bin").is_file():
            int8.convert(folder, converted)
        try:
            return _Opened(folder, Int8(converted, threads=self._threads, pooling=pooling))
        except ModelMissing:
            int8.convert(folder, converted)  # damaged: made again
            return _Opened(folder, Int8(converted, threads=self._threads, pooling=pooling))


def transformer_of(settings: EncoderSettings) -> TransformerEncoder:
    """The transformer of the settings; cheap."""
    return TransformerEncoder(
        settings.model,
        precision=settings.precision,
        threads=settings.threads,
        cache_dir=settings.cache_dir,
        memory_bytes=settings.memory_bytes,
    )


class _Opened:
    """A runtime with the tokenizer and the frame of one text, [CLS] ... [SEP]."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self._pieces = WordPieces((folder / "tokenizer.json").read_bytes())
        self._before, self._after = self._pieces.frame()
        self._runtime = runtime
        self.dimension = runtime.pooled([[*self._before, *self._after]]).shape[1]

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of admitted texts; a text without a token has none and gives zeros."""
        room = MAX_TOKENS - len(self._before) - len(self._after)
        found = enumerate(self._pieces.ids(texts, room))
        framed = {row: [*self._before, *tokens, *self._after] for row, tokens in found if tokens}
        rows = np.zeros((len(texts), self.dimension), np.float32)
        full = list(framed)
        for batch in token_batches([len(framed[row]) for row in full]):
            where = [full[i] for i in batch]
            pooled = self._runtime.pooled([framed[row] for row in where])
            rows[where] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return rows
