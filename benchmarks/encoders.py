"""What an encoder costs beside the default `encode` of sentence-transformers, and what it still sees."""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from app.adapters.admission import admit
from app.adapters.encoders import LiveEncoder, load_encoder
from app.adapters.models import model_folder, open_transformer
from app.adapters.shape import shape
from app.adapters.transformer import TransformerEncoder
from app.adapters.wording import EYE_CHARACTERS
from app.adapters.wordpieces import WordPieces
from benchmarks import encoder_power, lengths, page
from benchmarks.encoder_power import Power

ROUNDS = 3
DEFAULT, ALL_CORES = "default `encode`, one thread", "default `encode`, a thread a core"
FULL, QUICK = "transformer, float32", "transformer, int8"
BOTH, FRESH = "wording and shape", "wording and shape, every word new"
WORDING, SHAPE, LIBRARY = "wording alone", "shape alone", "tokenizer library alone"

Work = Callable[[Sequence[str]], object]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """Of int8 against float32 on one list: cosines, rank agreement of all pairs, same nearest ten."""

    mean: float
    least: float
    ranks: float
    neighbours: float
    alone: float  # lowest cosine of a text alone to itself in a batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """CPU milliseconds a text (least of all rounds) and paired ratios to the default, by way and list."""

    spent: dict[str, dict[str, float]]
    ratios: dict[str, dict[str, float]]
    tokens: dict[str, float]
    fidelity: dict[str, Fidelity]
    static_equal: bool
    power: list[Power]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Nothing of its own."""


def main(chosen: argparse.Namespace) -> None:
    """Measure, print, and write the page unless quick."""
    found = measure(rounds=2 if chosen.quick else ROUNDS, quick=chosen.quick)
    text = section(found)
    sys.stdout.write(text + "\n")
    if not chosen.quick:
        page.write("encoders", text)


def measure(*, rounds: int, quick: bool) -> Findings:
    """Every way on every list; the ways alternate, so that load falls on all alike."""
    lists = lengths.classes()
    if quick:
        lists = {name: texts[:40] for name, texts in lists.items()}
    with tempfile.TemporaryDirectory() as cache:
        live, full = load_encoder(), transformer("fp32", Path(cache))
        rough = transformer("int8", Path(cache))
        ways = everything(live, full, rough)
        spent = {name: alternate(ways, texts, rounds) for name, texts in lists.items()}
        return Findings(
            spent={way: {name: min(spent[name][way]) for name in lists} for way in ways},
            ratios={way: {name: ratio(spent[name], way) for name in lists} for way in ways},
            tokens={name: lengths.mean_tokens(texts) for name, texts in lists.items()},
            fidelity={name: compare(full, rough, lists[name]) for name in lengths.CLASSES},
            static_equal=equal_alone(live, lists["mixed"]),
            power=encoder_power.measure(rough, quick=quick),
        )


def transformer(precision: encoder_power.Precision, cache: Path) -> TransformerEncoder:
    """One that remembers nothing: the same texts come again and again here."""
    return TransformerEncoder(precision=precision, cache_dir=cache, memory_bytes=0)


def everything(live: LiveEncoder, full: TransformerEncoder, rough: TransformerEncoder) -> dict[str, Work]:
    """All ways to encode a list of texts."""
    import torch

    library = open_transformer(model_folder(None))
    threads = os.cpu_count() or 1
    tokenizer = WordPieces((model_folder(None) / "tokenizer.json").read_bytes())

    def default(texts: Sequence[str], count: int = threads) -> object:
        torch.set_num_threads(count)
        return library.encode(list(texts), show_progress_bar=False)

    def seen(texts: Sequence[str]) -> list[str]:
        return [plain[:EYE_CHARACTERS] for text in texts if (plain := admit(text)) is not None]

    def forgetful(texts: Sequence[str]) -> object:
        live.table._pieces._known = {}  # no user does this
        return live.encode(texts)

    return {
        DEFAULT: lambda texts: default(texts, 1),
        ALL_CORES: default,
        FULL: full.encode,
        QUICK: rough.encode,
        BOTH: live.encode,
        FRESH: forgetful,
        WORDING: lambda texts: live.table.encode(seen(texts)),
        SHAPE: lambda texts: [shape(text) for text in seen(texts)],
        LIBRARY: lambda texts: tokenizer.by_library(seen(texts)),
    }


def alternate(ways: dict[str, Work], texts: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of CPU a text, of all threads, in each round after one to warm up."""
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds + 1):
        for way, work in ways.items():
            began = time.process_time()
            work(texts)
            spent[way].append(1e3 * (time.process_time() - began) / len(texts))
    return {way: values[1:] for way, values in spent.items()}


def ratio(spent: dict[str, list[float]], way: str) -> float:
    """How many times cheaper than the default: the median over rounds."""
    return statistics.median([default / own for default, own in zip(spent[DEFAULT], spent[way], strict=True)])


def compare(full: TransformerEncoder, rough: TransformerEncoder, texts: list[str]) -> Fidelity:
    """Int8 against float32, and against itself in other batches."""
    exact, near = full.encode(texts), rough.encode(texts)
    cosines = (exact * near).sum(axis=1)
    upper = np.triu_indices(len(texts), 1)
    alone = np.concatenate([rough.encode([text]) for text in texts])
    return Fidelity(
        mean=float(cosines.mean()),
        least=float(cosines.min()),
        ranks=float(spearmanr((exact @ exact.T)[upper], (near @ near.T)[upper]).statistic),
        neighbours=_common(nearest(exact), nearest(near)),
        alone=float((alone * near).sum(axis=1).min()),
    )


def nearest(vectors: Vectors, count: int = 10) -> list[set[int]]:
    """The nearest others of each row."""
    near = vectors @ vectors.T
    np.fill_diagonal(near, -2.0)
    return [set(row.tolist()) for row in np.argsort(-near, axis=1)[:, :count]]


def _common(one: list[set[int]], other: list[set[int]]) -> float:
    return sum(len(a & b) for a, b in zip(one, other, strict=True)) / sum(map(len, one))


def equal_alone(live: LiveEncoder, texts: Sequence[str]) -> bool:
    """Whether both eyes see every text alone as in the list, to the bit."""
    together = live.encode(texts)
    return all(
        np.array_equal(live.encode([text]).wording[0], together.wording[row])
        and np.array_equal(live.encode([text]).shape[0], together.shape[row])
        for row, text in enumerate(texts)
    )


def section(found: Findings) -> str:
    """Of the page."""
    lists = list(found.tokens)
    head = [f"{name} ({found.tokens[name]:.0f})" for name in lists]
    cost = [
        [way, *(f"{_ms(found.spent[way][name])} / {_times(found.ratios[way][name])}" for name in lists)]
        for way in found.spent
    ]
    kept = [
        [name, f"{f.mean:.4f}", f"{f.least:.4f}", f"{f.ranks:.4f}", f"{f.neighbours:.0%}", f"{f.alone:.6f}"]
        for name, f in found.fidelity.items()
    ]
    return "\n\n".join(
        [
            "**Bars**",
            page.table(["bar", "wanted", "measured", "met"], bars(found)),
            "**CPU a text** (milliseconds, least of all rounds / times cheaper than the default on one "
            f"thread, median of rounds; lists with their mean number of tokens; {machine()})",
            page.table(["way", *head], cost),
            "**What int8 keeps**, against float32 on the same texts",
            page.table(
                [
                    "list",
                    "cosine, mean",
                    "least",
                    "rank agreement",
                    "same nearest ten",
                    "alone in a batch, least",
                ],
                kept,
            ),
            encoder_power.section(found.power),
        ]
    )


def bars(found: Findings) -> list[list[str]]:
    """DESIGN 11."""
    live, rough = found.ratios[BOTH], found.ratios[QUICK]
    worst = min(live[name] for name in lengths.CLASSES)
    alone = min(f.alone for f in found.fidelity.values())
    micro = {name: 1e3 * found.spent[SHAPE][name] for name in ("short", "long")}
    return [
        _bar("wording and shape, mixed", ">= 60", _times(live["mixed"]), live["mixed"] >= 60),
        _bar("the same, worst length class", ">= 50", _times(worst), worst >= 50),
        _bar("transformer int8, mixed", ">= 2.7", _times(rough["mixed"]), rough["mixed"] >= 2.7),
        _bar("the same, one list of a stream", ">= 4.5", _times(rough["stream"]), rough["stream"] >= 4.5),
        _bar("a text alone and in a batch, least cosine", ">= .999", f"{alone:.6f}", alone >= 0.999),
        _bar(
            "wording and shape alone and in a batch",
            "equal",
            "equal" if found.static_equal else "differ",
            found.static_equal,
        ),
        _bar("shape, short texts", "<= 20 us", f"{micro['short']:.0f} us", micro["short"] <= 20),
        _bar("shape, long texts", "<= 50 us", f"{micro['long']:.0f} us", micro["long"] <= 50),
    ]


def machine() -> str:
    """What decides about int8: the processor's kind and whether it has integer dot products."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return f"{platform.machine()}, {os.cpu_count()} cores"
    flags = set(told.split("flags", 1)[-1].split("\n", 1)[0].split())
    wide = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else platform.machine()
    dots = "with VNNI" if flags & {"avx512_vnni", "avx_vnni"} else "without VNNI"
    return f"{os.cpu_count()} cores, {wide} {dots}"


def _ms(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"


def _times(value: float) -> str:
    return f"{value:.2f}x" if value < 10 else f"{value:.0f}x"


def _bar(name: str, wanted: str, measured: str, met: bool) -> list[str]:
    return [name, wanted, measured, "yes" if met else "**no**"]
