"""References at rest and on the wire: one npz blob, a readable manifest, parts for a topic.

A directory holds `manifest.json` (for people) and `reference.npz` (everything).  On `references.v1` the
same blob travels in parts of 512 KiB, so workers need no shared disk (docs/decisions/0003).
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from app.adapters.reference_blob import dump, load
from app.core.baseline import Baseline
from app.core.encoding import fingerprints
from app.core.projection import landscape
from app.core.reference import Reference
from app.errors import InputError, ReferenceMismatch
from app.ports import ClusterShare, ReferenceSummary

__all__ = ["dump", "load", "load_directory", "parts", "save_directory", "summary", "wire_records"]

PART_BYTES = 512 * 1024


def save_directory(reference: Reference, directory: Path) -> None:
    """Write `reference.npz` and `manifest.json`, the manifest last.

    Raises: InputError where the directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        blob = dump(reference)
        _write(directory / "reference.npz", blob)
        _write(directory / "manifest.json", json.dumps(manifest(reference, blob), indent=2).encode())
    except OSError as error:
        raise InputError(
            f"--out: cannot write to {directory} ({error.strerror}); choose another folder"
        ) from error


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def manifest(reference: Reference, blob: bytes) -> dict[str, Any]:
    """What a person wants to know of a reference."""
    return {
        "id": reference.id,
        "kind": reference.kind,
        "application": reference.application,
        "encoder": reference.fingerprint,
        "units": reference.units,
        "seed": reference.seed,
        "sha256": hashlib.sha256(blob).hexdigest(),
        "eyes": {name: fingerprints(reference.fingerprint)[name] for name in reference.eyes},
        "muted": list(reference.muted),
        "watches": {} if reference.watches is None else reference.watches.shares,
        "left_out": [] if reference.watches is None else list(reference.watches.refused),
        "clusters": [
            {"name": name, "share": round(share, 4)}
            for name, share in zip(reference.clusters.names, reference.clusters.shares, strict=True)
        ],
    }


def load_directory(directory: Path, *, fingerprint: str | None = None) -> Reference:
    """Read a reference that `save_directory` wrote.

    Raises: InputError where there is none, ReferenceMismatch where it is damaged or foreign.
    """
    path = directory / "reference.npz"
    try:
        blob = path.read_bytes()
        told = json.loads((directory / "manifest.json").read_bytes())
    except OSError as error:
        raise InputError(
            f"{directory} holds no reference ({error.strerror}); make one with `promptdrift reference build`"
        ) from error
    except ValueError as error:
        raise ReferenceMismatch(
            f"{directory}/manifest.json is not JSON; build the reference again"
        ) from error
    if told.get("sha256") != hashlib.sha256(blob).hexdigest():
        raise ReferenceMismatch(f"{path} is not what its manifest says; build the reference again")
    found = load(blob, fingerprint=fingerprint)
    return found.reference if isinstance(found, Baseline) else found


def parts(blob: bytes) -> list[bytes]:
    """A blob in pieces that fit a Kafka record."""
    return [blob[i : i + PART_BYTES] for i in range(0, len(blob), PART_BYTES)] or [b""]


def wire_records(
    application: str, what: Reference | Baseline, *, slot: int = 0, since: float | None = None
) -> list[tuple[bytes, bytes, dict[str, bytes]]]:
    """Key, value and headers of the records that carry a reference, the manifest last.

    Args: slot, 0 or 1: compaction keeps the newest of each; since, the event time from which it is measured.
    """
    reference = what.reference if isinstance(what, Baseline) else what
    blob = dump(what)
    pieces = parts(blob)
    place = f"{application}/{reference.kind}" + ("@1" if slot else "")
    common = {
        "id": reference.id.encode(),
        "application": application.encode(),
        "kind": reference.kind.encode(),
    }
    records = [
        (f"{place}/{i}".encode(), piece, {**common, "part": f"{i}/{len(pieces)}".encode()})
        for i, piece in enumerate(pieces)
    ]
    told = {"id": reference.id, "application": application, "kind": reference.kind, "parts": len(pieces)}
    told |= {} if since is None else {"since": since}
    return [*records, (f"{place}/manifest".encode(), json.dumps(told).encode(), common)]


def summary(application: str, reference: Reference, published_at: float | None = None) -> ReferenceSummary:
    """What people want to know of a reference; `application` is the one that it serves."""
    clusters = reference.clusters
    begin, end = reference.window or (None, None)
    return ReferenceSummary(
        application=application,
        kind=reference.kind,
        id=reference.id,
        fingerprint=reference.fingerprint,
        units=reference.units,
        learned_from=begin,
        learned_until=end,
        published_at=published_at,
        clusters=[
            ClusterShare(name=name, share=share, examples=list(examples))
            for name, share, examples in zip(clusters.names, clusters.shares, clusters.exemplars, strict=True)
        ],
        points=landscape(reference),
    )
