"""The live encoder: both eyes on one list of texts."""

import numpy as np
import pytest

from app.adapters.distillation import table_fingerprint
from app.adapters.encoders import LiveEncoder
from app.adapters.transformer import Precision, TransformerEncoder
from tests.rig.eyes import HOSTILE, ODD_TEXTS, TEXTS, tiny_table


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
def test_the_third_eye_is_part_of_what_is_seen_and_of_the_fingerprint(live: LiveEncoder) -> None:
    three = LiveEncoder(live.table, TransformerEncoder(precision="fp32"))
    assert three.fingerprint == f"{live.fingerprint}+{three.meaning and three.meaning.fingerprint}"
    seen, two = three.encode(["the cat sat", "", "\u0301", "hello"]), live.encode(["the cat sat"])
    assert seen.readable.tolist() == [True, False, False, True]
    assert seen.meaning is not None
    assert seen.meaning.dtype == np.int16
    assert seen.meaning.shape == (4, 384)
    assert np.abs(np.linalg.norm(seen.meaning[[0, 3]] / 2.0**15, axis=1) - 1.0).max() < 1e-3
    assert not seen.meaning[[1, 2]].any()
    assert np.array_equal(seen.wording[0], two.wording[0])
    assert two.meaning is None


@pytest.mark.model
@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_a_text_means_the_same_to_the_last_bit_whatever_it_is_read_with(
    live: LiveEncoder, precision: Precision
) -> None:
    texts = ["the cat sat", "?" * 19, "a much longer text than the others " * 8, "42", "Привет, мир"]
    three = LiveEncoder(live.table, TransformerEncoder(precision=precision, memory_bytes=0))
    together, alone = three.encode(texts), [three.encode([text]) for text in texts]
    assert together.meaning is not None
    for row, one in zip(together.meaning, alone, strict=True):
        assert one.meaning is not None
        assert row.tobytes() == one.meaning[0].tobytes()
    assert three.encode([]).meaning is not None
