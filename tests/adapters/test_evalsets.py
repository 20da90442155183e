"""Versions in a folder and in an object store: created once, whole, by one of many."""

import errno
import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.adapters.evalsets import EvalSets, parquet
from app.core.curation import version_id
from app.errors import DependencyError, InputError
from schemas.evalsets import CuratedItem, Manifest, Plan

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ITEMS = [
    CuratedItem(id=f"q{i}", prompt=f"what is {i}?", layer="core", cluster="c", weight=0.5) for i in range(2)
]


def version(count: int = 2, previous: str | None = None) -> tuple[Manifest, list[CuratedItem]]:
    items = ITEMS[:count]
    id = version_id(items)
    return Manifest(
        id=id, application="desk", plan=Plan(), seed=0, items=count, encoder="e", previous=previous
    ), items


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "sets") if request.param == "folder" else f"memory://{uuid4().hex}"


def test_what_is_saved_is_read_again(store: str) -> None:
    sets, (manifest, items) = EvalSets(store, "desk"), version()
    assert sets.history() == []
    sets.save(manifest, items)
    sets.append("built", manifest, now=NOW)
    assert sets.load("latest") == (manifest, items)
    assert sets.load(manifest.id[:12]) == (manifest, items)
    assert [(e.number, e.action, e.version) for e in sets.history()] == [(1, "built", manifest.id)]


def test_of_many_curators_at_once_each_entry_is_written_once_and_one_version_is_in_force(store: str) -> None:
    drafts = [version(1), version(2)]
    for manifest, items in drafts:
        EvalSets(store, "desk").save(manifest, items)
        for action in ("built", "approved"):
            EvalSets(store, "desk").append(action, manifest, now=NOW)

    def promote(number: int) -> str:
        try:
            EvalSets(store, "desk").append("promoted", drafts[number % 2][0], now=NOW, by=str(number))
        except InputError as error:
            return str(error)
        return "promoted"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(promote, range(8)))
    entries = EvalSets(store, "desk").history()
    assert said.count("promoted") == 1
    assert all("build again" in s or "only what is approved" in s for s in said if s != "promoted")
    assert [e.number for e in entries] == list(range(1, len(entries) + 1))
    assert sum(e.action == "promoted" for e in entries) == 1


def test_of_two_that_build_at_once_one_proposes(store: str) -> None:
    (one, items), (other, others) = version(1), version(2)
    sets = EvalSets(store, "desk")
    sets.save(one, items)
    first = sets.append("built", one, now=NOW, by="ann", since=0)
    assert sets.append("built", one, now=NOW + timedelta(minutes=1), since=0) == first, "the same: found"
    sets.save(other, others)
    with pytest.raises(InputError, match=f"{one.id} was built meanwhile by ann; look at it, or build again"):
        sets.append("built", other, now=NOW, since=0)
    assert sets.history() == [first]
    assert sets.append("built", other, now=NOW, since=1).number == 2, "begun after it: another proposal"


def test_what_was_begun_on_a_version_that_is_not_in_force_any_more_is_not_proposed(store: str) -> None:
    (one, items), (other, others) = version(1), version(2)
    sets = EvalSets(store, "desk")
    sets.save(one, items)
    for action in ("built", "approved", "promoted"):
        sets.append(action, one, now=NOW)
    sets.save(other, others)
    with pytest.raises(InputError, match=f"built on no version, and {one.id} is in force; build again"):
        sets.append("built", other, now=NOW, since=3)
    assert sets.append("built", version(2, one.id)[0], now=NOW, since=3).number == 4


def test_a_full_disk_is_told_and_leaves_nothing_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, (manifest, items) = EvalSets(str(tmp_path), "desk"), version()
    sets.save(manifest, items)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("app.adapters.evalsets.os.fsync", full)
        with pytest.raises(
            DependencyError, match="No space left on device; free some space and run it again"
        ):
            sets.append("built", manifest, now=NOW)
        with pytest.raises(DependencyError, match="nothing was recorded"):
            sets.save(manifest, items)
    assert sets.history() == []
    assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".")]
    sets.append("built", manifest, now=NOW)
    assert sets.load("latest") == (manifest, items)


def test_files_that_somebody_changed_are_refused(tmp_path: Path) -> None:
    sets, (manifest, items) = EvalSets(str(tmp_path), "desk"), version()
    sets.save(manifest, items)
    sets.append("built", manifest, now=NOW)
    path = next(tmp_path.rglob("items.jsonl"))
    path.write_text(path.read_text().replace("what is 1?", "what is 7?"))
    with pytest.raises(InputError, match="is not what it was"):
        sets.load("latest")
    path.unlink()
    with pytest.raises(InputError, match="are gone"):
        sets.load("latest")


@pytest.mark.parametrize("place", ["nosuch://bucket/x", "s3://bucket/x"])
def test_a_store_that_cannot_be_spoken_to_names_what_is_missing(place: str) -> None:
    if place.startswith("s3") and importlib.util.find_spec("s3fs") is not None:
        pytest.skip("s3fs is here")
    with pytest.raises(InputError, match="--store"):
        EvalSets(place, "desk")


def test_parquet_is_written_where_its_library_is_and_asked_for_where_it_is_not() -> None:
    if importlib.util.find_spec("pyarrow") is None:
        assert parquet(ITEMS) is None
        with pytest.raises(InputError, match="extra `parquet`"):
            parquet(ITEMS, wanted=True)
        return
    import io

    tables: Any = importlib.import_module("pyarrow.parquet")
    found = tables.read_table(io.BytesIO(parquet(ITEMS) or b"")).to_pylist()
    assert [(row["id"], row["weight"], row["reasons"]) for row in found] == [("q0", 0.5, []), ("q1", 0.5, [])]
