"""What users keep in files: events and eval sets, one JSON object per line, gzip and Parquet too.

A bad line spoils itself only: it is counted and listed by number, field and remedy, never by its text.
"""

import gzip
import hashlib
import importlib
import importlib.util
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from pathlib import Path
from typing import Any

import msgspec

from app.errors import InputError
from schemas import mapping
from schemas.codec import (
    KINDS,
    Event,
    Rejection,
    SchemaError,
    decode,
    last_user_turn,
    read_object,
    unknown_fields,
)
from schemas.evalsets import EvalItem

ALIASES = {
    "prompt": ("prompt", "input", "question", "text"),
    "expected": ("expected", "ideal", "answer", "reference"),
}
DISTINCT_UNKNOWN = 100  # names kept; objects with made-up keys must not fill the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """One line, or one element of its array, that could not be read; `raw` has its bytes."""

    line: int
    field: str
    problem: str
    remedy: str
    raw: bytes = attribute(repr=False, default=b"")

    def __str__(self) -> str:
        return f"line {self.line:,}: {self.field}: {self.problem}; {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFile:
    """The events of a file in order of time, and what could not be used."""

    path: Path
    events: list[Event]
    lines: int  # that hold something
    unreadable: list[BadLine]
    unknown: dict[str, int]  # name of a field outside the contract -> events that have it
    unmapped: dict[str, int]  # name of a field of the contract that the mapping leaves out -> the same
    out_of_order: int  # events that stood after a later one, before they were sorted

    def require(self, kind: type[Event]) -> None:
        """Raises InputError unless there is at least one event of this kind."""
        if not any(isinstance(event, kind) for event in self.events):
            raise InputError(_nothing(self.path, self.lines, kind.__name__.lower(), self.unreadable))


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalSetFile:
    """The items of an eval set in the order of the file, and the lines that could not be used."""

    path: Path
    items: list[EvalItem]
    lines: int
    unreadable: list[BadLine]


def read_events(
    path: Path,
    *,
    application: str | None = None,
    fields: Mapping[str, str] | None = None,
    kind: str = "interaction",
) -> EventFile:
    """Every event of a file, sorted by event time; what stands at one time keeps its order.

    Args: application, of events that name none; fields, our name -> dotted path of theirs, for plain
    JSON of another shape; kind, of events that name none.
    Cost: about 20 us a line, all of it in memory.  Raises: InputError where the file cannot be read.
    """
    events: list[Event] = []
    unreadable: list[BadLine] = []
    unknown: Counter[str] = Counter()
    unmapped: Counter[str] = Counter()

    def look(found: dict[str, Any]) -> dict[str, Any]:
        shaped = mapping.apply(fields, found) if fields else found
        unmapped.update(_left_out(fields, found, kind) if fields else ())
        named = shaped.get("type")
        extra = unknown_fields(shaped, named if isinstance(named, str) and named in KINDS else kind)
        unknown.update(name[:64] for name in extra if name in unknown or len(unknown) < DISTINCT_UNKNOWN)
        return shaped

    lines = 0
    for number, line in lines_of(path):
        lines += 1
        for event in decode(line, kind=kind, application=application, reshape=look):
            if isinstance(event, Rejection):
                unreadable.append(_bad(number, event.error, event.raw, fields))
            else:
                events.append(event)
    out_of_order = _disorder(events)
    if out_of_order:
        events.sort(key=lambda event: event.time)
    return EventFile(
        path=path,
        events=events,
        lines=lines,
        unreadable=unreadable,
        unknown=dict(unknown.most_common()),
        unmapped=dict(unmapped.most_common()),
        out_of_order=out_of_order,
    )


def _left_out(fields: Mapping[str, str], found: Mapping[str, Any], kind: str) -> Iterator[str]:
    """Names of ours with a value at the top, neither mapped nor part of what is."""
    used = {"type", *fields, *(path.split(".")[0] for path in fields.values())}
    ours = found.keys() - used - set(unknown_fields(found, kind))
    return (name for name in sorted(ours) if found[name] is not None)


def read_evalset(path: Path) -> EvalSetFile:
    """The items of an eval set: `prompt` (or input, question, text), the rest optional.

    A prompt may be a list of messages (the last user turn counts), an expected answer a list (its first
    one).  Without an id the line's hash serves.  Raises: InputError where no line is usable.
    """
    items: list[EvalItem] = []
    unreadable: list[BadLine] = []
    lines = 0
    for number, line in lines_of(path):
        lines += 1
        try:
            items.append(_item(line))
        except SchemaError as error:
            unreadable.append(_bad(number, error, line))
    if not items:
        raise InputError(_nothing(path, lines, "eval item", unreadable))
    return EvalSetFile(path=path, items=items, lines=lines, unreadable=unreadable)


def _item(line: bytes) -> EvalItem:
    found = read_object(line)
    clean = {name: found[name] for name in EvalItem.__struct_fields__ if found.get(name) is not None}
    for ours, names in ALIASES.items():
        given = next((found[name] for name in names if found.get(name) is not None), None)
        if given is not None:
            clean[ours] = given
    clean["prompt"] = _prompt(clean.get("prompt"))
    if isinstance(clean.get("expected"), list):
        clean["expected"] = next(iter(clean["expected"]), None)
    for name in ("id", "expected"):
        if isinstance(clean.get(name), int | float):
            clean[name] = str(clean[name])
    clean.setdefault("id", hashlib.blake2b(line.strip(), digest_size=8).hexdigest())
    try:
        return msgspec.convert(clean, EvalItem)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        raise SchemaError(
            place.strip("`"), problem[0].lower() + problem[1:], "mend or drop the field"
        ) from None


def _prompt(given: Any) -> str:  # noqa: ANN401  any JSON value
    said = last_user_turn(given) if isinstance(given, list) else given
    names = ", ".join(ALIASES["prompt"])
    if said is None:
        raise SchemaError("prompt", "is missing", f"give the question under one of {names}")
    if not isinstance(said, str) or not said.strip():
        raise SchemaError("prompt", "is not a text or empty", "give the question as a string")
    return said


def _bad(number: int, error: SchemaError, raw: bytes, fields: Mapping[str, str] | None = None) -> BadLine:
    remedy = error.remedy
    if fields and error.field in fields:
        remedy += f" (mapped from {fields[error.field]})"
    elif fields and error.problem == "is missing":
        remedy += f" (map it: {error.field}=path.in.your.data)"
    return BadLine(line=number, field=error.field, problem=error.problem, remedy=remedy, raw=raw)


def _nothing(path: Path, lines: int, what: str, unreadable: list[BadLine]) -> str:
    if not lines:
        return f"{path}: is empty; give one JSON object per line"
    first = f"; {unreadable[0]}" if unreadable else ""
    return f"{path}: none of its {lines:,} lines is a usable {what}{first}"


def _disorder(events: Iterable[Event]) -> int:
    """How many events come after a later one.

    >>> _disorder([])
    0
    """
    count, newest = 0, None
    for event in events:
        if newest is not None and event.time < newest:
            count += 1
        else:
            newest = event.time
    return count


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and content of every line that holds something; rows of a Parquet file as JSON.

    Raises: InputError naming the file.
    """
    try:
        if path.suffix == ".parquet":
            yield from _rows(path)
            return
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if content.strip():
                    yield number, content
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give the path of a JSONL file") from None
    except EOFError as error:
        raise InputError(f"{path}: the archive ends early; copy or compress it again") from error
    except (OSError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); check the file and its permissions") from error


def _rows(path: Path) -> Iterator[tuple[int, bytes]]:
    if not path.exists():
        raise FileNotFoundError(path)
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(
            f"{path}: reading Parquet needs pyarrow; pip install pyarrow, or convert it to JSONL"
        )
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as source:
            number = 0
            schema = arrow.schema(
                [field.with_type(_type(arrow, field.type)) for field in source.schema_arrow]
            )
            for batch in source.iter_batches(batch_size=1_000):
                for row in arrow.Table.from_batches([batch]).cast(schema, safe=False).to_pylist():
                    number += 1
                    yield number, msgspec.json.encode(row, enc_hook=str)
    except arrow.ArrowException as error:
        raise InputError(f"{path}: is no readable Parquet file ({type(error).__name__})") from error
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{path}: after row {number:,} is a time beyond the years 1 to 9999 or finer than microseconds; "
            "store times as timestamp[us]"
        ) from error


def _type(arrow: Any, kind: Any) -> Any:  # noqa: ANN401  of a package that may be missing
    """The type to read a column as: Python has no nanoseconds."""
    return arrow.timestamp("us", kind.tz) if arrow.types.is_timestamp(kind) and kind.unit == "ns" else kind
