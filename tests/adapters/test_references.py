import io
import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters import reference_blob, references
from app.adapters.references import dump, load, load_directory, parts, save_directory, wire_records
from app.core.baseline import Baseline
from app.core.detection import Detector
from app.core.reference import Reference
from app.errors import InputError, ReferenceMismatch
from tests.rig import made


def assert_same(one: Any, other: Any) -> None:
    """Equal in every field, arrays to the last bit and of the same type."""
    assert type(one) is type(other)
    if is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_same(one[key], other[key])
    else:
        assert one == other


@cache
def small() -> bytes:
    return dump(made.reference(100))


def damaged(blob: bytes, **meta: object) -> bytes:
    """A blob whose facts were changed."""
    with np.load(io.BytesIO(blob)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    told = {**json.loads(arrays["meta"].tobytes()), **meta}
    arrays["meta"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def test_a_reference_comes_back_to_the_last_bit() -> None:
    reference = made.reference(300)
    assert_same(load(dump(reference)), reference)


def test_a_baseline_comes_back_to_the_last_bit_with_its_calibration() -> None:
    baseline = made.baseline(300)
    back = load(dump(baseline), fingerprint=made.FINGERPRINT)
    assert_same(back, baseline)
    assert isinstance(back, Baseline)
    one, other = Detector(baseline).get(), Detector(back).get()
    assert one.levels.tobytes() == other.levels.tobytes()


def test_texts_of_every_script_come_back() -> None:
    reference = made.reference(300)
    texts = ("naïve ☕ 日本語", "emoji 👩‍🚀", "", *reference.rows.texts[3:])
    odd = replace(reference, rows=replace(reference.rows, texts=texts, languages=(None,) * 300))
    assert_same(load(dump(odd)), odd)


@pytest.mark.parametrize("kept", [-200, 40, 0, None])
def test_a_damaged_blob_is_refused_by_name(kept: int | None) -> None:
    blob = b"nothing of the kind" if kept is None else small()[:kept]
    with pytest.raises(ReferenceMismatch, match="build it again"):
        load(blob)


@given(st.integers(0, 2**24), st.integers(0, 7))
@settings(max_examples=60)
def test_one_wrong_bit_is_noticed_or_harmless(at: int, bit: int) -> None:
    wrong = bytearray(small())
    wrong[at % len(wrong)] ^= 1 << bit
    try:
        back = load(bytes(wrong))
    except ReferenceMismatch:
        return
    assert_same(back, load(small()))


def test_an_archive_of_something_else_is_refused() -> None:
    out = io.BytesIO()
    np.savez(out, weights=np.zeros(3))
    with pytest.raises(ReferenceMismatch, match="build it again"):
        load(out.getvalue())


def test_an_archive_that_lacks_a_part_is_refused() -> None:
    with np.load(io.BytesIO(dump(made.reference(300)))) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "wording.norms"}
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    with pytest.raises(ReferenceMismatch, match="build it again"):
        load(out.getvalue())


def test_another_format_is_refused_with_both_numbers() -> None:
    with pytest.raises(ReferenceMismatch, match=f"format 99, this is {reference_blob.FORMAT}"):
        load(damaged(dump(made.reference(300)), format=99))


def test_another_encoders_reference_is_refused_with_both_names() -> None:
    with pytest.raises(ReferenceMismatch, match=f"{made.FINGERPRINT}.*live traffic is read by another"):
        load(dump(made.reference(300)), fingerprint="another")


def test_a_directory_holds_the_reference_and_what_a_person_wants_to_know(tmp_path: Path) -> None:
    reference = made.reference(300)
    save_directory(reference, tmp_path / "new" / "folder")
    assert_same(load_directory(tmp_path / "new" / "folder"), reference)
    told = json.loads((tmp_path / "new" / "folder" / "manifest.json").read_text())
    assert told["id"] == reference.id
    assert told["units"] == 300
    assert [c["name"] for c in told["clusters"]] == list(reference.clusters.names)
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert names == ["manifest.json", "reference.npz"]


def test_a_directory_without_a_reference_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no reference.*reference build"):
        load_directory(tmp_path)


def test_a_directory_whose_parts_do_not_belong_together_is_refused(tmp_path: Path) -> None:
    save_directory(made.reference(300), tmp_path)
    (tmp_path / "reference.npz").write_bytes(dump(made.reference(200)))
    with pytest.raises(ReferenceMismatch, match="not what its manifest says"):
        load_directory(tmp_path)
    (tmp_path / "manifest.json").write_text("not JSON")
    with pytest.raises(ReferenceMismatch, match="not JSON"):
        load_directory(tmp_path)


def test_where_nothing_can_be_written_the_option_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="--out: cannot write"):
        save_directory(made.reference(300), tmp_path / "file" / "folder")


@pytest.mark.parametrize("size", [0, 1, references.PART_BYTES, references.PART_BYTES + 1])
def test_parts_put_together_are_the_blob(size: int) -> None:
    blob = bytes(range(256)) * (size // 256) + bytes(size % 256)
    pieces = parts(blob)
    assert b"".join(pieces) == blob
    assert all(len(piece) <= references.PART_BYTES for piece in pieces)
    assert pieces


@pytest.mark.parametrize("make", [made.reference, made.baseline])
def test_records_carry_every_part_and_the_manifest_last(make: Callable[[int], Reference | Baseline]) -> None:
    what = make(300)
    *pieces, (key, value, headers) = wire_records("shop", what)
    told = json.loads(value)
    reference = what.reference if isinstance(what, Baseline) else what
    assert key.decode() == f"shop/{reference.kind}/manifest"
    assert (told["application"], told["parts"]) == ("shop", len(pieces))
    assert headers["id"].decode() == told["id"] == reference.id
    assert_same(load(b"".join(piece for _, piece, _ in pieces)), what)
    assert [h["part"].decode() for _, _, h in pieces] == [f"{i}/{len(pieces)}" for i in range(len(pieces))]
