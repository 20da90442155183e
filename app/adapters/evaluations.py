"""Where the rows of a run go, and where those of its earlier attempts are found: a file, or the topic."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from app.adapters.kafka import full_name, produce, record_of
from app.adapters.kafka_reading import read_all
from app.errors import InputError
from app.settings import KafkaSettings
from schemas.codec import decode
from schemas.events import Evaluation
from schemas.topics import EVALUATIONS


class Rows(Protocol):
    """A place for rows."""

    place: str

    def known(self, run: str) -> list[Evaluation]:
        """Rows that are there of a run, the last of each id."""
        ...

    def add(self, rows: Sequence[Evaluation]) -> None:
        """Put rows there; they are there when this returns."""
        ...


class FileRows:
    """A JSONL file that grows, in the form that `send` and `replay` read.

    A run that breaks off in the middle of a line spoils that line only: its item is asked again.
    """

    def __init__(self, path: Path) -> None:
        self.place, self._path = str(path), path

    def known(self, run: str) -> list[Evaluation]:
        """Raises: InputError where the file cannot be read."""
        try:
            content = self._path.read_bytes()
            if content and not content.endswith(b"\n"):
                self._write(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"--out: cannot read {self._path} ({error.strerror})") from error
        return _of(run, content.splitlines())

    def add(self, rows: Sequence[Evaluation]) -> None:
        """Raises: InputError where the file cannot be written."""
        self._write(b"".join(line(row) for row in rows))

    def _write(self, content: bytes) -> None:
        try:
            with self._path.open("ab") as stream:
                stream.write(content)
        except OSError as error:
            raise InputError(
                f"--out: cannot write {self._path} ({error.strerror}); choose another place"
            ) from error


class TopicRows:
    """The topic of evaluations.  What is known of a run is what retention has left of it."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self.place = f"{full_name(kafka, EVALUATIONS)} at {kafka.bootstrap_servers}"

    def known(self, run: str) -> list[Evaluation]:
        """Reads the whole topic.  Raises: MissingTopic, DependencyError."""
        records = read_all(self._kafka, full_name(self._kafka, EVALUATIONS))
        return _of(run, (record.value for record in records if record.value))

    def add(self, rows: Sequence[Evaluation]) -> None:
        """Raises: MissingTopic, DependencyError where any did not arrive: sending all again is safe."""
        if rows:
            produce(self._kafka, [record_of(self._kafka, row) for row in rows])


def line(row: Evaluation) -> bytes:
    """One row as a line of a file of events."""
    return msgspec.json.encode({"type": "evaluation", **msgspec.to_builtins(row)}) + b"\n"


def _of(run: str, values: Iterable[bytes]) -> list[Evaluation]:
    name, found = run.encode(), dict[str, Evaluation]()
    for value in values:
        if name not in value:
            continue
        for event in decode(value, kind="evaluation"):
            if isinstance(event, Evaluation) and event.run_id == run:
                found[event.id] = event
    return list(found.values())
