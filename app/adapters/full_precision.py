"""The transformer as it was trained: float32 on torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.adapters.models import open_transformer


class FullPrecision:
    """The stages of a sentence-transformers model, run on token ids."""

    name = "torch-fp32"

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Some seconds, most of them for importing torch.  Raises ModelMissing."""
        model = open_transformer(folder)
        self._stages = [stage for stage in model if type(stage).__name__ != "Normalize"]
        self._padding = int(model.tokenizer.pad_token_id or 0)
        self._threads = threads

    def pooled(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """The model's output before it normalises, float32 (n, d).

        Rows agree to about 1e-6 between batches, not bit by bit.  Cost: 5-60 ms CPU per text.
        """
        import torch

        longest = max(map(len, ids))
        padded = torch.full((len(ids), longest), self._padding)
        mask = torch.zeros_like(padded)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = torch.as_tensor(tokens)
            mask[row, : len(tokens)] = 1
        features = {"input_ids": padded, "attention_mask": mask}
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                for stage in self._stages:
                    features = stage(features)
        finally:
            torch.set_num_threads(before)
        return np.asarray(features["sentence_embedding"].float().numpy())
