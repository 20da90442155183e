"""A reference, or a baseline with its calibration, as one npz blob and back."""

import io
import json
import zipfile
import zlib
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np

from app.core.baseline import Baseline
from app.core.calibration import Calibration
from app.core.clusters import Clusters
from app.core.cycles import Cycles
from app.core.encoding import fingerprints
from app.core.reference import Eye, Reference
from app.core.rows import Rows
from app.core.spectrum import Spectrum
from app.core.watch import Bank, Watches
from app.errors import ReferenceMismatch
from schemas.readings import Dependence

FORMAT = 3
DAMAGE = (  # all that reading changed bytes was seen to raise
    ValueError,
    KeyError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
SCALARS = (
    "application",
    "kind",
    "id",
    "fingerprint",
    "tick_seconds",
    "chunk_units",
    "block_units",
    "seed",
    "window",
    "muted",
)
BANK_ARRAYS = ("weights", "offsets", "levels", "centre", "spread")
BASELINE_SCALARS = (
    "horizon_seconds",
    "doubts",
    "units_per_second",
    "sample_rate",
    "run_length",
    "window_units",
)


def dump(what: Reference | Baseline) -> bytes:
    """A reference, or a baseline with its calibration, as one compressed blob."""
    reference = what.reference if isinstance(what, Baseline) else what
    arrays: dict[str, Any] = {
        "wording": reference.rows.wording,
        "shape": reference.rows.shape,
        "unknown": reference.rows.unknown,
        "grids": reference.grids,
        "centroids": reference.clusters.centroids,
    }
    if reference.rows.meaning is not None:
        arrays["meaning"] = reference.rows.meaning
    if reference.rows.times is not None:
        arrays["times"] = reference.rows.times
    for name, eye in reference.eyes.items():
        arrays |= {
            f"{name}.mean": eye.spectrum.mean,
            f"{name}.basis": eye.spectrum.basis,
            f"{name}.eigenvalues": eye.spectrum.eigenvalues,
            f"{name}.norms": eye.norms,
        }
    meta: dict[str, Any] = {"format": FORMAT, **{name: getattr(reference, name) for name in SCALARS}}
    meta["eyes"] = list(reference.eyes)
    if reference.watches is not None:
        meta["watches"] = {
            "names": reference.watches.bank.names,
            "shares": reference.watches.shares,
            "offered": reference.watches.offered,
        }
        arrays |= _watch_arrays(reference.watches)
    meta["rows"] = {
        "texts": reference.rows.texts,
        "languages": reference.rows.languages,
        "code": reference.rows.code,
        "labels": reference.rows.labels,
        "segments": reference.rows.segments,
        "programming": reference.rows.programming,
    }
    clusters = reference.clusters
    meta["clusters"] = {"names": clusters.names, "shares": clusters.shares, "exemplars": clusters.exemplars}
    if isinstance(what, Baseline):
        meta["baseline"] = {name: getattr(what, name) for name in BASELINE_SCALARS}
        meta["baseline"]["dependence"] = msgspec.to_builtins(what.dependence)
        cycles = what.cycles
        meta["cycles"] = {"seen": cycles.seen, "found": cycles.found, "harmonics": cycles.harmonics}
        arrays["cycles.centre"] = cycles.centre
        arrays |= {f"cycles.{name}": weights for name, weights in cycles.weights.items()}
        calibration = what.calibration
        meta["calibration"] = {
            "decays": calibration.decays,
            "eyes": calibration.eyes,
            "watches": calibration.watches,
            "tick_units": calibration.tick_units,
            "seed": calibration.seed,
        }
        for name in ("low", "high", "runs", "joint", "alarms", "error"):
            arrays[f"calibration.{name}"] = getattr(calibration, name)
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def _watch_arrays(watches: Watches) -> dict[str, Any]:
    arrays = {f"watch.{name}": getattr(watches.bank, name) for name in BANK_ARRAYS}
    scores = [watches.scores[name] for name in watches.bank.names]
    return arrays | {"watch.scores": np.array(scores)}


def load(blob: bytes, *, fingerprint: str | None = None) -> Reference | Baseline:
    """Inverse of `dump`.

    Raises: ReferenceMismatch where the blob is damaged, of another format, or another encoder's.
    """
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        meta = json.loads(arrays["meta"].tobytes())
    except DAMAGE as error:
        raise ReferenceMismatch(
            f"the reference is damaged ({type(error).__name__}); build it again"
        ) from error
    if meta.get("format") != FORMAT:
        raise ReferenceMismatch(
            f"the reference has format {meta.get('format')}, this is {FORMAT}; build it again"
        )
    try:
        if fingerprint is not None:
            _compare(meta, fingerprint)
        reference = _reference(meta, arrays)
        return _baseline(reference, meta, arrays) if "baseline" in meta else reference
    except (KeyError, TypeError) as error:
        raise ReferenceMismatch(f"the reference lacks {error}; build it again") from error


def _compare(meta: dict[str, Any], fingerprint: str) -> None:
    """Raises: ReferenceMismatch where an eye is not the live one, or a baseline lacks one."""
    theirs, ours = fingerprints(meta["fingerprint"]), fingerprints(fingerprint)
    wanted = set(meta["eyes"]) | (set(ours) if "baseline" in meta else set())
    other = sorted(eye for eye in wanted if theirs.get(eye) != ours.get(eye))
    if other:
        raise ReferenceMismatch(
            f"reference {meta['id']} was made by encoder {meta['fingerprint']}, live traffic is read by "
            f"{fingerprint} (other eyes: {', '.join(other)}): vectors of different encoders do not compare; "
            "build the reference again"
        )


def _reference(meta: dict[str, Any], arrays: dict[str, Any]) -> Reference:
    rows = Rows(
        wording=arrays["wording"],
        shape=arrays["shape"],
        texts=tuple(meta["rows"]["texts"]),
        languages=tuple(meta["rows"]["languages"]),
        code=tuple(meta["rows"]["code"]),
        labels=tuple(tuple(each) for each in meta["rows"].get("labels", ())),
        segments=tuple(tuple(each) for each in meta["rows"].get("segments", ())),
        programming=tuple(meta["rows"]["programming"]),
        unknown=arrays["unknown"],
        meaning=arrays.get("meaning"),
        times=arrays.get("times"),
    )
    eyes = {
        name: Eye(
            Spectrum(
                arrays[f"{name}.mean"], arrays[f"{name}.basis"], arrays[f"{name}.eigenvalues"], len(rows)
            ),
            arrays[f"{name}.norms"],
        )
        for name in meta["eyes"]
    }
    stored = meta["clusters"]
    clusters = Clusters(
        arrays["centroids"],
        tuple(stored["names"]),
        tuple(stored["shares"]),
        tuple(tuple(e) for e in stored["exemplars"]),
    )
    scalars = {name: meta[name] for name in SCALARS}
    scalars["window"] = None if meta["window"] is None else tuple(meta["window"])
    scalars["muted"] = tuple(meta["muted"])
    return Reference(
        rows=rows,
        grids=arrays["grids"],
        eyes=eyes,
        clusters=clusters,
        watches=_watches(meta["watches"], arrays) if "watches" in meta else None,
        **scalars,
    )


def _watches(stored: dict[str, Any], arrays: dict[str, Any]) -> Watches:
    names = tuple(stored["names"])
    bank = Bank(names=names, **{name: arrays[f"watch.{name}"] for name in BANK_ARRAYS})
    scores = dict(zip(names, arrays["watch.scores"], strict=True))
    return Watches(bank=bank, scores=scores, shares=stored["shares"], offered=stored["offered"])


def _baseline(reference: Reference, meta: dict[str, Any], arrays: dict[str, Any]) -> Baseline:
    stored = meta["calibration"]
    kept = {
        f.name: arrays[f"calibration.{f.name}"]
        for f in fields(Calibration)
        if f"calibration.{f.name}" in arrays
    }
    calibration = Calibration(
        decays=tuple(stored["decays"]),
        eyes=tuple(stored["eyes"]),
        watches=tuple(stored["watches"]),
        tick_units=stored["tick_units"],
        seed=stored["seed"],
        **kept,
    )
    dependence = msgspec.convert(meta["baseline"]["dependence"], Dependence)
    known = meta["baseline"] | {"doubts": tuple(meta["baseline"]["doubts"]), "dependence": dependence}
    weights = {key.removeprefix("cycles."): kept for key, kept in arrays.items() if key.startswith("cycles.")}
    cycles = Cycles(
        seen=tuple(meta["cycles"]["seen"]),
        found=meta["cycles"]["found"],
        harmonics=tuple(meta["cycles"]["harmonics"]),
        centre=weights.pop("centre"),
        weights=weights,
    )
    return Baseline(reference=reference, calibration=calibration, cycles=cycles, **known)
