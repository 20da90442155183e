"""Streams of real prompts with a known change, built from ../shared/data; nothing of it is ever committed."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from schemas.evalsets import EvalItem
from schemas.events import Interaction

SHARED = Path(__file__).parents[2] / "shared" / "data"
START = datetime(2026, 3, 1, tzinfo=UTC)
APPLICATION = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Events a second apart; from `changed_at` on (None: never) some are drawn from `fresh`."""

    name: str
    evalset: list[EvalItem]
    events: list[Interaction]
    changed_at: datetime | None
    fresh: frozenset[str]
    baseline_events: int


def available() -> bool:
    """Whether the real prompts are at hand."""
    return SHARED.is_dir()


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one file."""
    path = SHARED / name
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def compose(
    name: str,
    known: Sequence[str],
    fresh: Sequence[str],
    *,
    seed: int,
    sizes: tuple[int, int, int, int],
    share: float,
) -> Stream:
    """Draw an eval set of sizes[0], sizes[1] clean and sizes[2] changed events; baseline of sizes[3]."""
    rng = Random(f"{name} {seed}")
    pool = sorted(set(known))
    rng.shuffle(pool)
    evaluated, clean, changed, baseline = sizes
    live = pool[evaluated:]
    texts = [rng.choice(live) for _ in range(clean)]
    texts += [rng.choice(fresh) if rng.random() < share else rng.choice(live) for _ in range(changed)]
    events = [
        Interaction(
            application=APPLICATION, time=START + timedelta(seconds=i), prompt=text, id=f"{name}-{seed}-{i}"
        )
        for i, text in enumerate(texts)
    ]
    return Stream(
        name=name,
        evalset=[EvalItem(id=str(i), prompt=text) for i, text in enumerate(pool[:evaluated])],
        events=events,
        changed_at=START + timedelta(seconds=clean) if changed else None,
        fresh=frozenset(fresh),
        baseline_events=baseline,
    )


def new_task(seed: int) -> Stream:
    """Banking questions; three held-out intents become 10 % of traffic."""
    found = rows("intents_banking77.jsonl.gz")
    held = set(Random(f"held {seed}").sample(sorted({r["label"] for r in found}), 3))
    known = [r["text"] for r in found if r["label"] not in held]
    fresh = sorted({r["text"] for r in found if r["label"] in held})
    return compose("new-task", known, fresh, seed=seed, sizes=(1500, 4000, 12_000, 2000), share=0.10)


def code_wave(seed: int) -> Stream:
    """Home-assistant utterances; code requests become 5 % of traffic."""
    known = [r["text"] for r in rows("intents_hwu64.jsonl.gz")]
    fresh = sorted({r["text"] for r in rows("code_codealpaca.jsonl.gz")})
    return compose("code-wave", known, fresh, seed=seed, sizes=(1500, 4000, 3000, 2000), share=0.05)


def unchanged(seed: int) -> Stream:
    """Home-assistant utterances, 20,000 of them, and nothing happens."""
    known = [r["text"] for r in rows("intents_hwu64.jsonl.gz")]
    return compose("unchanged", known, [], seed=seed, sizes=(1500, 20_000, 0, 2000), share=0.0)


def language_switch(seed: int) -> Stream:
    """School mathematics in English; German and Spanish become 20 % of traffic."""
    found = rows("multilingual_mgsm.jsonl.gz")
    known = [r["text"] for r in found if r["lang"] == "en"]
    known += [r["text"] for r in rows("math_gsm8k_models.jsonl.gz")]
    fresh = sorted({r["text"] for r in found if r["lang"] in ("de", "es")})
    return compose("language-switch", known, fresh, seed=seed, sizes=(300, 3000, 2000, 1000), share=0.20)


def jailbreak_wave(seed: int) -> Stream:
    """Home-assistant utterances and general instructions; attacks become 5 % of traffic."""
    known = [r["text"] for r in rows("intents_hwu64.jsonl.gz") + rows("instructions_alpaca.jsonl.gz")]
    fresh = sorted({r["text"] for r in rows("jailbreak_jbb.jsonl.gz")})
    return compose("jailbreak-wave", known, fresh, seed=seed, sizes=(1500, 4000, 3000, 2000), share=0.05)


STREAMS: dict[str, Callable[[int], Stream]] = {
    "new-task": new_task,
    "code-wave": code_wave,
    "unchanged": unchanged,
    "language-switch": language_switch,
    "jailbreak-wave": jailbreak_wave,
}
