"""Made-up logs, and versions of an eval set that are built of them."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas.codec import encode
from schemas.events import Evaluation, Interaction, Outcome
from tests.cli.said import Cli
from tests.rig import made
from tests.rig.made import APP

SECRET = "ann@example.org"
OWN = ("--application", APP)


def log(
    path: str, *, seed: int = 0, topics: dict[str, float] | None = None, more: Sequence[Any] = ()
) -> Path:
    events = made.interactions(500, seed=seed, topics=topics or made.USUAL)
    events = [replace(e, prompt=f"{e.prompt} write to {SECRET}", response="on its way") for e in events]
    named = [{**msgspec.to_builtins(e), "type": type(e).__name__.lower()} for e in more]
    lines = [*map(encode, events), *map(msgspec.json.encode, named)]
    Path(path).write_bytes(b"".join(line + b"\n" for line in lines))
    return Path(path)


def about(event: Interaction, **said: Any) -> list[Any]:
    at = {"application": APP, "time": event.time + timedelta(minutes=1), "interaction_id": event.id}
    return [msgspec.convert({**at, **said}, Evaluation if "score" in said else Outcome)]


def built(cli: Cli, path: Path, *more: object) -> str:
    done = cli("evalset", "build", *OWN, "--events", path, "--plan", "plan.yaml", *more)
    assert done.code == 0, done.err
    return str(done.out.split()[0])


def in_force(cli: Cli, path: Path) -> str:
    version = built(cli, path)
    assert cli("evalset", "approve", *OWN, version, "--by", "ann").code == 0
    done = cli("evalset", "promote", *OWN, version, "--by", "ann", "--out", "reference")
    assert done.code == 0, done.err
    return version


def items_of(version: str) -> list[dict[str, Any]]:
    lines = Path(f"evalsets/{APP}/versions/{version}/items.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def said_in(path: Path) -> str:
    if path.suffix != ".parquet":
        return path.read_text()
    return str(pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist())
