"""The transformer in eight bits, on CTranslate2: a third of the time, and no row depends on its batch.

Weights are scaled by output channel once, activations by token as they come: nothing is calibrated.  How wide
a batch is padded decides in which order sums are taken, hence how they round, and eight bits magnify that: so
a text is padded by its own length alone, and its neighbours change nothing (docs/decisions/0013).
"""

import contextlib
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.adapters.batching import padded
from app.adapters.models import libraries
from app.adapters.silence import silence
from app.errors import ModelMissing

EXTRA = "pip install 'promptdrift[int8]'"
_FAMILIES = ("bert",)
_POOLING = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


class Int8:
    """A converted model, run on token ids.  Threads may share one."""

    name = "ctranslate2-int8"

    def __init__(self, converted: Path, *, threads: int, pooling: str) -> None:
        """About 0.1 s and 40 MB; no torch.  Raises ModelMissing where the files are damaged."""
        silence()
        import ctranslate2

        try:
            self._encoder = ctranslate2.Encoder(
                str(converted), device="cpu", compute_type="int8_float32", intra_threads=threads
            )
        except (RuntimeError, ValueError) as error:
            raise ModelMissing(f"the int8 model in {converted} is damaged ({error}); remove it") from error
        self._pooling = pooling

    def pooled(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """The model's output before it normalises, float32 (n, d).  Cost: 2-30 ms CPU per text.

        Rows are the same to the bit in every batch of their padded length (`batching.padded`).
        """
        lengths = np.array([len(tokens) for tokens in ids], np.int32)
        tokens = np.zeros((len(ids), padded(int(lengths.max()))), np.int32)
        for row, own in enumerate(ids):
            tokens[row, : len(own)] = own
        hidden = self._hidden(tokens, lengths)
        if self._pooling == "cls":
            return np.array(hidden[:, 0], np.float32)
        return np.array([hidden[row, :length].mean(axis=0) for row, length in enumerate(lengths)], np.float32)

    def _hidden(self, tokens: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        from ctranslate2 import StorageView

        given = StorageView.from_array(tokens), StorageView.from_array(lengths)
        return np.asarray(self._encoder.forward_batch(*given).last_hidden_state)


def obstacle(folder: Path) -> str | None:
    """Why the model of a folder cannot run in eight bits here; None where it can.  Loads nothing."""
    if importlib.util.find_spec("ctranslate2") is None:
        return f"its runtime is not installed: {EXTRA}"
    family = _read(folder / "config.json").get("model_type")
    if family not in _FAMILIES:
        return f"models of the kind {family} are not supported"
    stages = [str(stage["type"]).rsplit(".", 1)[-1] for stage in _read(folder / "modules.json", default=[])]
    if stages[:2] != ["Transformer", "Pooling"] or stages[2:] not in ([], ["Normalize"]):
        return f"its stages are {', '.join(stages) or 'not told'}"
    return None if pooling_of(folder) else "it pools neither by mean nor by first token"


def pooling_of(folder: Path) -> str | None:
    """How the model makes one vector of many; None for what is not supported here."""
    config = _read(folder / "1_Pooling" / "config.json")
    chosen = {name for mode, name in _POOLING.items() if config.get(mode)} | {config.get("pooling_mode")}
    chosen -= {None}
    others = [mode for mode, on in config.items() if mode.startswith("pooling_mode_") and on is True]
    known = chosen <= {"mean", "cls"} and len(chosen) == 1 and all(mode in _POOLING for mode in others)
    return str(chosen.pop()) if known else None


def convert(folder: Path, target: Path) -> None:
    """Write the model in eight bits to the folder `target`, at once or not at all; some seconds, with torch.

    Raises ModelMissing without the extra `model` or when the model cannot be converted.
    """
    with libraries(), tempfile.TemporaryDirectory(dir=target.parent, prefix=".int8-") as scratch:
        made = Path(scratch) / "model"
        from ctranslate2.converters import TransformersConverter

        try:
            TransformersConverter(str(folder)).convert(str(made), quantization="int8")
        except Exception as error:  # of four libraries, without a common root
            raise ModelMissing(
                f"cannot convert model {folder} to int8 ({error}); set encoder.precision to fp32"
            ) from error
        shutil.rmtree(target, ignore_errors=True)  # a damaged one
        with contextlib.suppress(OSError):  # another process was quicker: its model is the same
            made.rename(target)


def _read(path: Path, default: Any = None) -> Any:  # noqa: ANN401  JSON
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {} if default is None else default
