"""ROUGE (Lin, 2004, Text Summarization Branches Out): the expected words that a response has, as F1."""

from collections import Counter

from app.core.scorers.answered import Answered, Score
from app.core.scorers.quality import words

LONGEST = 1000  # words that are aligned: the cost is their product


def rouge_1(answered: Answered) -> Score:
    """F1 of single words."""
    return _ngrams(answered, 1)


def rouge_2(answered: Answered) -> Score:
    """F1 of pairs of words."""
    return _ngrams(answered, 2)


def rouge_l(answered: Answered) -> Score:
    """F1 of the longest common subsequence of words.  Cost: product of both lengths, up to 1,000 words each.

    >>> said, expected = "the cat was found under the bed", "the cat was under the bed"
    >>> one = Answered(prompt="?", response=said, expected=expected)
    >>> round(rouge_1(one), 4), round(rouge_2(one), 4), round(rouge_l(one), 4)
    (0.9231, 0.7273, 0.9231)
    """
    if answered.expected is None or not (wanted := words(answered.expected)[:LONGEST]):
        return None
    found = words(answered.response)[:LONGEST]
    return _f1(_common(wanted, found), len(wanted), len(found))


def _ngrams(answered: Answered, n: int) -> Score:
    if answered.expected is None:
        return None
    wanted, found = (
        Counter(zip(*(said[k:] for k in range(n)), strict=False))
        for said in (words(answered.expected), words(answered.response))
    )
    if not wanted:
        return None
    return _f1((wanted & found).total(), wanted.total(), found.total())


def _f1(both: int, wanted: int, found: int) -> float:
    return 2 * both / (wanted + found)


def _common(one: list[str], other: list[str]) -> int:
    """Length of the longest common subsequence, bit-parallel (Hyyrö, 2004)."""
    places: dict[str, int] = {}
    for at, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << at
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        match = row & places.get(word, 0)
        row = ((row + match) | (row - match)) & full
    return len(one) - row.bit_count()
