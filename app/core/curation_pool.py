"""What an eval set may be made of: questions from samples, each standing for a share of live traffic."""

import hashlib
import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.core.aspects import PROMPTS
from app.core.fixedpoint import Floats
from app.core.patterns import found
from app.core.units import canonical, hash64
from schemas.evalsets import Plan, Stake
from schemas.ticks import Sample

CLOSE = 0.95  # cosine of wording vectors from which on two texts may say the same
ALIKE = 0.6  # share of their words, of all words of either, that both then hold
BLOCK = 256
CUT = "…"
_PLACEHOLDER = re.compile(r"<[a-z]{2,8}>|[\[<]text withheld[^\]>]*[\]>]")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One prompt that may become an item: redacted, with the traffic that it stands for (any unit)."""

    id: str
    text: str
    weight: float
    language: str | None = None
    task: str = ""
    reasons: tuple[str, ...] = ()
    interaction_id: str | None = None
    cut: bool = False
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """n distinct questions and their unit vectors, shape (n, d); `unusable`: share of traffic left out."""

    questions: tuple[Question, ...]
    vectors: Floats
    unusable: float = 0.0


def thinned(samples: Iterable[Sample], *, most: int, seed: int) -> list[Sample]:
    """At most so many samples of prompts, each id once: those with the lowest hashes, in that order.

    All lose alike, so shares by weight stay unbiased (bottom-k, Cohen and Kaplan, 2007, PODC).
    Cost: memory for `most`, whatever comes.
    """
    held: list[tuple[int, str]] = []
    kept: dict[str, Sample] = {}
    for sample in samples:
        if sample.aspect != PROMPTS or sample.id in kept:
            continue
        entry = (-rank(sample.id, seed), sample.id)
        if len(held) < most:
            heapq.heappush(held, entry)
        elif entry > held[0]:
            del kept[heapq.heapreplace(held, entry)[1]]
        else:
            continue
        kept[sample.id] = sample
    return [kept[id] for _, id in sorted(held, reverse=True)]


def rank(id: str, seed: int) -> int:
    """The place of an id in an order that is random to everybody else, 64 bits."""
    return hash64(f"curate:{seed}:{id}")


def pool_of(
    samples: Sequence[Sample],
    vectors: Floats,
    plan: Plan,
    *,
    failures: Mapping[str, set[str]],
    expected: Mapping[str, str],
) -> Pool:
    """Distinct questions, near-duplicates folded into the first of them with their weights.

    Args: n samples, each id once; unit vectors of their texts, shape (n, d); failures, interaction id ->
    categories; expected, interaction id -> a response that scored high.
    """
    told = [tells_something(sample.text) for sample in samples]
    weights = np.array([1.0 / sample.inclusion for sample in samples])
    questions = [
        Question(
            id=item_id(sample.text),
            text=sample.text,
            weight=1.0 / sample.inclusion,
            language=sample.language,
            task=task_of(sample, plan),
            reasons=(
                *stakes_of(sample.text, sample.segments, plan.stakes),
                *(f"failure: {name}" for name in sorted(failures.get(sample.id, ()))),
            ),
            interaction_id=sample.id,
            cut=sample.text.endswith(CUT),
            expected=expected.get(sample.id),
        )
        for sample, kept in zip(samples, told, strict=True)
        if kept
    ]
    lost = float(weights[~np.array(told, bool)].sum() / weights.sum()) if len(samples) else 0.0
    return folded(Pool(tuple(questions), vectors[np.array(told, bool)], lost))


def item_id(text: str) -> str:
    """Identity of a question: the same when it is asked again.

    >>> item_id("Where is my parcel?") == item_id(" where is  MY parcel?")
    True
    """
    return "q-" + hashlib.blake2b(canonical(text).encode("utf-8", "replace"), digest_size=8).hexdigest()


def tells_something(text: str) -> bool:
    """Whether redaction left a word.

    >>> tells_something("<email> <phone>"), tells_something("call <phone>")
    (False, True)
    """
    return _WORD.search(_PLACEHOLDER.sub(" ", text)) is not None


def task_of(sample: Sample, plan: Plan) -> str:
    """The value of the plan's segment; without one, code (and whose) or text."""
    if plan.task is None:
        return " ".join(["code", *filter(None, [sample.programming])]) if sample.code else "text"
    return next((s.partition("=")[2] for s in sample.segments if s.partition("=")[0] == plan.task), "other")


def stakes_of(text: str, segments: Iterable[str], stakes: Iterable[Stake]) -> list[str]:
    """The high-stakes strata that a question belongs to, as reasons."""
    held = set(segments)
    return [
        f"stakes: {stake.name}"
        for stake in stakes
        if (stake.match is not None and found(stake.match, text, ignore_case=True)) or stake.segment in held
    ]


def folded(pool: Pool) -> Pool:
    """The pool without near-duplicates: the first of a group carries the weights of all."""
    leaders = leaders_of([q.text for q in pool.questions], pool.vectors)
    if not leaders:
        return pool
    kept = [i for i, leader in enumerate(leaders) if leader == i]
    weights = np.bincount(leaders, [q.weight for q in pool.questions], minlength=len(leaders))
    reasons: dict[int, set[str]] = {}
    for question, leader in zip(pool.questions, leaders, strict=True):
        reasons.setdefault(leader, set()).update(question.reasons)
    questions = tuple(
        replace(pool.questions[i], weight=float(weights[i]), reasons=tuple(sorted(reasons[i]))) for i in kept
    )
    return Pool(questions, pool.vectors[kept], pool.unusable)


def leaders_of(texts: list[str], vectors: Floats) -> list[int]:
    """For each of n texts the first one that it nearly repeats, or itself.

    Two are near-duplicates where they are the same but for case, punctuation and digits, or where their
    vectors (n, d) are CLOSE and their words ALIKE.  Cost: n * leaders * d products, 2 s at n = 10,000.
    """
    words = [frozenset(_WORD.findall(_form(text))) for text in texts]
    leaders: list[int] = []
    rows = vectors.astype(np.float32)
    held, by_form = np.zeros((len(texts), rows.shape[1] if len(texts) else 0), np.float32), dict[str, int]()
    numbers: list[int] = []  # of the leaders held
    for start in range(0, len(texts), BLOCK):
        block = rows[start : start + BLOCK]
        before = len(numbers)
        near = [np.flatnonzero(row >= CLOSE) for row in block @ held[:before].T]
        for offset, candidates in enumerate(near):
            i = start + offset
            fresh = before + np.flatnonzero(held[before : len(numbers)] @ rows[i] >= CLOSE)
            same = by_form.get(_form(texts[i]))
            if same is None:
                close = (numbers[k] for k in (*candidates.tolist(), *fresh.tolist()))
                same = next((j for j in close if _overlap(words[i], words[j]) >= ALIKE), None)
            if same is None:
                held[len(numbers)] = rows[i]
                numbers.append(i)
            leaders.append(i if same is None else same)
            by_form.setdefault(_form(texts[i]), leaders[-1])
    return leaders


def _form(text: str) -> str:
    return " ".join(re.sub(r"\d+", "0", word) for word in _WORD.findall(canonical(text)))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's share of common words."""
    return len(one & other) / max(len(one | other), 1)
