"""Names that a reader recognises: the words that a group uses and the rest does not.

Class-based tf-idf (Grootendorst, 2022, arXiv:2203.05794), after the language, or "code", where that is
what sets the group apart.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Marks are no letters, and yet inside words.
_MARKS = "\u0300-\u036f\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORD = re.compile(rf"[^\W\d_][\w'’{_MARKS}-]+")
_CHARACTERS = re.compile("[\u3040-\u30ff\u3400-\u9fff]")  # written without spaces, two say a word
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # without spaces, of longer words
_LONGEST = 60
_CONNECTIVES = frozenset({"i'm", "don't", "it's", "can't", "i've", "what's", "isn't", "doesn't", "how's"})
_FUNCTION_WORD = 3  # letters, at most, where no list of function words is at hand
_DOMINANT, _PART, _LIFT = 0.6, 0.25, 3.0
_ONCE = 0.5  # a word that one text of several says is rare everywhere, and names nothing

_LANGUAGES = dict(
    re.findall(
        r"(\w+) (\w+)",
        "af Afrikaans, ar Arabic, az Azerbaijani, bn Bengali, ca Catalan, cs Czech, cy Welsh, da Danish, "
        "de German, el Greek, en English, eo Esperanto, es Spanish, et Estonian, eu Basque, fi Finnish, "
        "fr French, ga Irish, gl Galician, ha Hausa, he Hebrew, hi Hindi, hr Croatian, hu Hungarian, "
        "id Indonesian, ig Igbo, is Icelandic, it Italian, ja Japanese, ko Korean, la Latin, lt Lithuanian, "
        "lv Latvian, mt Maltese, nl Dutch, no Norwegian, pl Polish, pt Portuguese, qu Quechua, ro Romanian, "
        "ru Russian, sk Slovak, sl Slovenian, so Somali, sq Albanian, sv Swedish, sw Swahili, ta Tamil, "
        "te Telugu, th Thai, tl Tagalog, tr Turkish, uz Uzbek, vi Vietnamese, xh Xhosa, yo Yoruba, "
        "zh Chinese, zu Zulu",
    )
)


class Texts(Protocol):
    """Units as far as names go; `rows.Rows` are such."""

    @property
    def texts(self) -> tuple[str, ...]:
        """What was said."""
        ...

    @property
    def languages(self) -> tuple[str | None, ...]:
        """Codes; empty where nobody looked."""
        ...

    @property
    def code(self) -> tuple[bool, ...]:
        """Whether it holds program code; empty where nobody looked."""
        ...


def words(text: str) -> list[str]:
    """Lower-case content words; of scripts without spaces, overlapping runs of characters.

    >>> words("Where is my parcel?"), words("一共多少")
    (['parcel'], ['一共', '共多', '多少'])
    """
    out: list[str] = []
    for word in _WORD.findall(text):
        run = 2 if _CHARACTERS.search(word) else 4 if _UNSPACED.search(word) else 0
        if run and len(word) > run:
            cut = word[:_LONGEST]
            out.extend(cut[i : i + run] for i in range(len(cut) - run + 1))
        else:
            out.append(word.lower())
    return [word for word in out if word not in _function_words()]


@cache
def _function_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # a second, where something is named

    return _CONNECTIVES.union(ENGLISH_STOP_WORDS)


def name_clusters(
    texts: Sequence[str], labels: NDArray[np.int64], count: int, top: int = 3
) -> tuple[str, ...]:
    """Name each cluster by its `top` most telling words; equal names get a number.

    Weight of word w in cluster c: share of c's texts with w, times log(1 + 1 / overall share).
    """
    names: list[str] = []
    for weighted in _weighted(texts, labels, count):
        names.append(_distinct(" · ".join(_best(weighted, top)) or "no words", names))
    return tuple(names)


def name_groups(
    before: Texts, now: Texts, groups: Sequence[NDArray[np.int64]], top: int = 3
) -> tuple[str, ...]:
    """Name groups of recent units, given as indices, against all other units, earlier ones included.

    What dominates a group and not the baseline comes first: "Thai · …", "code · python · …".
    """
    labels = np.zeros(len(before.texts) + len(now.texts), np.int64)
    for number, members in enumerate(groups, 1):
        labels[len(before.texts) + members] = number
    weights = _weighted((*before.texts, *now.texts), labels, len(groups) + 1)[1:]
    usual = _rates(_descriptors(before, range(len(before.texts))))
    names: list[str] = []
    for members, weighted in zip(groups, weights, strict=True):
        marks = _marks(_rates(_descriptors(now, members.tolist())), usual)
        foreign = any(mark != "code" for mark in marks)
        telling = {
            w: x for w, x in weighted.items() if not foreign or len(w) > _FUNCTION_WORD or not w.isascii()
        }
        best = _best(telling or weighted, top)
        names.append(_distinct(" · ".join([" and ".join(marks)] * bool(marks) + best) or "no words", names))
    return tuple(names)


def _weighted(texts: Sequence[str], labels: NDArray[np.int64], count: int) -> list[dict[str, float]]:
    """Of every group, the weight of each of its words."""
    inside = [Counter[str]() for _ in range(count)]
    overall = Counter[str]()
    sizes = np.bincount(labels, minlength=count)
    for text, label in zip(texts, labels, strict=True):
        present = set(words(text))
        inside[int(label)].update(present)
        overall.update(present)
    return [
        {
            w: n / max(int(size), 1) * math.log1p(len(texts) / overall[w]) * (_ONCE if 1 == n < size else 1.0)
            for w, n in held.items()
        }
        for held, size in zip(inside, sizes, strict=True)
    ]


def _best(weighted: dict[str, float], top: int) -> list[str]:
    return sorted(weighted, key=lambda w: (-weighted[w], w))[:top]


def _descriptors(units: Texts, members: Iterable[int]) -> list[list[str]]:
    """Of each unit its language, where it is known, and "code"."""
    found = []
    for i in members:
        language = units.languages[i] if units.languages else None
        held = [] if language is None else [_LANGUAGES.get(language, language)]
        found.append([*held, "code"] if units.code and units.code[i] else held)
    return found


def _rates(described: list[list[str]]) -> dict[str, float]:
    counts = Counter(label for labels in described for label in labels)
    return {label: count / max(len(described), 1) for label, count in counts.items()}


def _marks(rates: dict[str, float], usual: dict[str, float]) -> list[str]:
    """The one or two descriptors that most of a group shares and the baseline does not."""
    apart = [
        label
        for label in sorted(rates, key=lambda name: (-rates[name], name))
        if rates[label] >= _PART and rates[label] >= _LIFT * usual.get(label, 0.0)
    ][:2]
    return apart if sum(rates[label] for label in apart) >= _DOMINANT else []


def _distinct(name: str, taken: Sequence[str]) -> str:
    number = 2
    fresh = name
    while fresh in taken:
        fresh, number = f"{name} ({number})", number + 1
    return fresh
