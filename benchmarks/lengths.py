"""Real prompts by length class: what an encoder costs depends on little else."""

import random
from collections.abc import Sequence

from app.adapters.models import model_folder
from app.adapters.wordpieces import WordPieces
from benchmarks.streams import SHARED, rows

CLASSES = {"short": (1, 20), "medium": (30, 80), "long": (200, 10_000)}  # tokens, special ones not counted
COUNTS = {"short": 220, "medium": 220, "long": 80}
MIX = {"short": 110, "medium": 80, "long": 30}  # of the list of 220 mixed prompts
STREAM = 60  # of these, as one batch of a worker may be


def classes(seed: int = 0) -> dict[str, list[str]]:
    """Lists of texts: short, medium, long, mixed, and a short mixed list, `stream`."""
    chosen = random.Random(seed)
    files = [path.name for path in sorted(SHARED.iterdir()) if "jsonl" in path.name]
    texts = sorted({row["text"] for name in files for row in rows(name)})
    texts = chosen.sample(texts, min(12_000, len(texts)))
    tokenizer = WordPieces((model_folder(None) / "tokenizer.json").read_bytes())
    lengths = list(map(len, tokenizer.ids(texts, 10_000)))
    found = {
        name: [text for text, n in zip(texts, lengths, strict=True) if low <= n <= high][: COUNTS[name]]
        for name, (low, high) in CLASSES.items()
    }
    mixed = [text for name, count in MIX.items() for text in found[name][:count]]
    chosen.shuffle(mixed)
    return {**found, "mixed": mixed, "stream": mixed[:STREAM]}


def mean_tokens(texts: Sequence[str]) -> float:
    """Of a list, after the cut at 256."""
    tokenizer = WordPieces((model_folder(None) / "tokenizer.json").read_bytes())
    return sum(map(len, tokenizer.ids(texts, 256))) / len(texts)
