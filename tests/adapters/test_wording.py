"""The wording eye: weights, sums, and a table at rest."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.adapters.encoders import LiveEncoder, load_encoder
from app.adapters.wording import StaticTable, fixed_unit, zipf_weights
from app.errors import InputError
from tests.rig.eyes import PAIRS, tiny_table


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


@pytest.mark.model
def test_static_neighbours_make_sense(live: LiveEncoder) -> None:
    left = live.encode([one for one, _ in PAIRS]).wording / 2.0**15
    right = live.encode([other for _, other in PAIRS]).wording / 2.0**15
    assert (left @ right.T).argmax(axis=1).tolist() == list(range(len(PAIRS)))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_no_vector(broken: float) -> None:
    rows = fixed_unit(np.array([[3.0, 4.0], [broken, 1.0]], np.float32))
    assert rows.tolist() == [[19661, 26214], [0, 0]]
