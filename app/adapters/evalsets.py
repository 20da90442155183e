"""Versions of eval sets in a folder or an object store, through fsspec.

    STORE/APPLICATION/versions/VERSION/items.jsonl, items.parquet, manifest.json     never change
    STORE/APPLICATION/history/000001.json                                            only grow in number

An entry of the history is created, never overwritten: of two curators who act at once one gets the number,
the other reads on and is judged by what he then finds.  A version without an entry does not count, so
whatever breaks off before leaves nothing behind but files that nobody refers to.
"""

import errno
import importlib
import importlib.util
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import fsspec
import msgspec

from app.core.curation import version_id
from app.core.curation_history import NotAllowed, built_since, check, standing
from app.errors import DependencyError, InputError
from schemas.evalsets import Action, CuratedItem, Entry, Manifest

APPLICATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
ATTEMPTS = 20
T = TypeVar("T")


class EvalSets:
    """The eval sets of one application."""

    def __init__(self, store: str, application: str) -> None:
        if not APPLICATION.fullmatch(application):
            raise InputError(
                f"--application: {application!r} is no name of an application; write for example helpdesk"
            )
        self.store, self.application = store, application
        try:
            self._files, root = fsspec.core.url_to_fs(store)
        except ImportError as error:
            raise InputError(f"--store: {store}: {error}") from error
        except (ValueError, OSError) as error:
            raise InputError(
                f"--store: {store}: is no place for files ({error}); give a folder or a URL"
            ) from error
        self._root = f"{root.rstrip('/')}/{application}"
        spoken = self._files.protocol
        self._local = "file" in ([spoken] if isinstance(spoken, str) else spoken)

    def history(self) -> list[Entry]:
        """All entries, in order.  Raises: DependencyError, InputError where one cannot be read."""
        with _told(self.store):
            self._files.invalidate_cache()
            try:
                names = self._files.ls(f"{self._root}/history", detail=False)
            except FileNotFoundError:
                return []
            paths = sorted(name for name in names if re.search(r"/\d{6}\.json$", name))
            return [_decoded(self._files.cat_file(path), Entry, path) for path in paths]

    def append(
        self,
        action: Action,
        manifest: Manifest,
        *,
        now: datetime,
        by: str = "",
        note: str = "",
        since: int | None = None,
    ) -> Entry:
        """Add an entry if the history, as it is at that moment, allows it.

        Args: since, of what is built, the number of the newest entry when that was begun: what another
            curator built meanwhile is returned where it is the same version, and forbids it else.
        Raises: InputError where it is not allowed, DependencyError.
        """
        for _ in range(ATTEMPTS):
            entries = self.history()
            try:
                found = None if since is None else built_since(since, manifest, entries)
                if found is not None:
                    return found
                check(action, manifest, entries)
            except NotAllowed as error:
                raise InputError(str(error)) from None
            entry = Entry(
                number=entries[-1].number + 1 if entries else 1,
                time=now,
                action=action,
                version=manifest.id,
                by=by,
                note=note,
            )
            if self._created(f"{self._root}/history/{entry.number:06d}.json", msgspec.json.encode(entry)):
                return entry
        raise DependencyError(f"{self.store}: others write all the time; run it again")

    def save(self, manifest: Manifest, items: Sequence[CuratedItem]) -> bool:
        """Write a version; whether Parquet was written too.  Raises: DependencyError."""
        place = f"{self._root}/versions/{manifest.id}"
        table = parquet(items)
        with _told(self.store):
            self._write(f"{place}/items.jsonl", jsonl(items))
            if table is not None:
                self._write(f"{place}/items.parquet", table)
            self._write(
                f"{place}/manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=2)
            )
        return table is not None

    def load(self, version: str) -> tuple[Manifest, list[CuratedItem]]:
        """A version by its name, the beginning of it, or `current`, `latest`.

        Raises: InputError where there is none, or its files are not what they were; DependencyError.
        """
        name = self.resolve(version)
        place = f"{self._root}/versions/{name}"
        manifest = self.manifest(name)
        lines = self._read(name, "items.jsonl")
        items = [_decoded(line, CuratedItem, f"{place}/items.jsonl") for line in lines.splitlines() if line]
        if not manifest.id == name == version_id(items):
            raise InputError(f"{place}: is not what it was; restore it, or build again")
        return manifest, items

    def manifest(self, name: str) -> Manifest:
        """The manifest of a version by its full name.  Raises: InputError, DependencyError."""
        place = f"{self._root}/versions/{name}/manifest.json"
        return _decoded(self._read(name, "manifest.json"), Manifest, place)

    def _read(self, name: str, file: str) -> bytes:
        with _told(self.store):
            try:
                return bytes(self._files.cat_file(f"{self._root}/versions/{name}/{file}"))
            except FileNotFoundError as error:
                raise InputError(
                    f"{self.store}: the files of {name} are gone; restore them, or build again"
                ) from error

    def resolve(self, version: str) -> str:
        """The full name of a version of the history.  Raises: InputError, DependencyError."""
        entries = self.history()
        found = standing(entries)
        if version == "current" and found.current is not None:
            return found.current
        if version == "latest" and entries:
            return entries[-1].version
        near = [
            name for name in found.states if name.startswith(version) or name.startswith(f"evalset-{version}")
        ]
        if len(near) != 1 or not version:
            what = "several versions are" if near else "no version is"
            raise InputError(f"{what} called {version!r}; `promptdrift evalset history` names them")
        return near[0]

    def names(self, folder: str) -> list[str]:
        """Files of a folder of the application, in order of their names.  Raises: DependencyError."""
        with _told(self.store):
            self._files.invalidate_cache()
            try:
                found = self._files.ls(f"{self._root}/{folder}", detail=False)
            except FileNotFoundError:
                return []
        return sorted(name.rsplit("/", 1)[-1] for name in found if name.endswith(".json"))

    def read(self, path: str) -> bytes | None:
        """What a file of the application holds; None where there is none.  Raises: DependencyError."""
        with _told(self.store):
            try:
                return bytes(self._files.cat_file(f"{self._root}/{path}"))
            except FileNotFoundError:
                return None

    def create(self, path: str, content: bytes) -> bool:
        """Write a file of the application unless it is there; whether it was not."""
        return self._created(f"{self._root}/{path}", content)

    def _write(self, path: str, content: bytes) -> None:
        if not self._local:
            self._files.pipe_file(path, content)
            return
        os.replace(_temporary(Path(path), content), path)

    def _created(self, path: str, content: bytes) -> bool:
        """Create a file whole, unless it is there; an object store must offer that by itself."""
        with _told(self.store):
            try:
                if not self._local:
                    self._files.pipe_file(path, content, mode="create")
                    return True
                temporary = _temporary(Path(path), content)
                try:
                    os.link(temporary, path)
                finally:
                    temporary.unlink()
            except FileExistsError:
                return False
        return True


def jsonl(items: Sequence[CuratedItem]) -> bytes:
    """One item per line; every reader of eval sets takes it."""
    return b"".join(msgspec.json.encode(item) + b"\n" for item in items)


def parquet(items: Sequence[CuratedItem], *, wanted: bool = False) -> bytes | None:
    """The same as Parquet; None without pyarrow, which is an InputError where it is `wanted`."""
    if importlib.util.find_spec("pyarrow") is None:
        if wanted:
            raise InputError("writing Parquet needs pyarrow; install the extra `parquet`, or export JSONL")
        return None
    arrow: Any = importlib.import_module("pyarrow")
    tables: Any = importlib.import_module("pyarrow.parquet")
    kinds = {
        "weight": arrow.float64(),
        "anchor": arrow.bool_(),
        "cut": arrow.bool_(),
        "verified": arrow.bool_(),
    }
    kinds["reasons"] = arrow.list_(arrow.string())
    names = CuratedItem.__struct_fields__
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in names])
    rows = [{name: getattr(item, name) for name in names} for item in items]
    out = arrow.BufferOutputStream()
    tables.write_table(arrow.Table.from_pylist(rows, schema=schema), out)
    return bytes(out.getvalue().to_pybytes())


def _temporary(path: Path, content: bytes) -> Path:
    """The content on disk beside its place; nothing where it did not fit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _decoded(value: bytes, kind: type[T], place: str) -> T:
    try:
        return msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{place}: cannot be read ({error}); restore it") from None


@contextmanager
def _told(store: str) -> Iterator[None]:
    """Turns what the file system raises into one line that names the store.  Raises: DependencyError."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space" if full else "check the store and its permissions"
        raise DependencyError(
            f"--store: {store}: {error.strerror or type(error).__name__}; {remedy} and run it again: "
            "nothing was recorded"
        ) from error
