"""Whether a response is the expected one: by its text, a pattern, its number, its JSON."""

import json
import re
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any

from app.core import patterns
from app.core.scorers.answered import READ, Answered, Score
from app.core.units import canonical

PATTERN_READ = 4000  # characters that a pattern is tried on
SHORT = 40  # characters of an expected answer that is looked for inside the response
_EDGES = " .,;:!?\"'“”‘’«»`*()[]{}。！？"
_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:[, \u00a0\u202f]\d{3}){1,6}|\d{1,30})(?:\.\d{1,20})?(?![\w])"
)
_BOXED = re.compile(r"####\s*(\S{1,40})|\\boxed\{([^{}]{1,40})\}")
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)


def exact(answered: Answered) -> Score:
    """The expected answer, apart from case, width, spacing and marks around it.

    >>> exact(Answered(prompt="Capital of France?", response="**Paris.**", expected="paris"))
    1.0
    """
    if answered.expected is None:
        return None
    return float(_bare(answered.response) == _bare(answered.expected))


def includes(answered: Answered) -> Score:
    """A short expected answer stands in the response, as whole words.

    >>> includes(Answered(prompt="?", response="It is Paris, of course.", expected="Paris"))
    1.0
    """
    if answered.expected is None or not 0 < len(wanted := _bare(answered.expected)) <= SHORT:
        return None
    text = canonical(answered.response)
    left, right = (r"(?<!\w)" if wanted[0].isascii() else ""), (r"(?!\w)" if wanted[-1].isascii() else "")
    return float(re.search(left + re.escape(wanted) + right, text) is not None)


def pattern(answered: Answered) -> Score:
    r"""An expected answer written /pattern/ is found in the first 4,000 characters, in a bounded time.

    >>> pattern(Answered(prompt="?", response="Order #4711 ships today", expected=r"/#\d{4}/"))
    1.0
    """
    wanted = answered.expected or ""
    if not _is_pattern(wanted):
        return None
    there = patterns.found(wanted[1:-1], answered.response[:PATTERN_READ])
    return None if there is None else float(there)


def _is_pattern(expected: str) -> bool:
    return len(expected) > 2 and expected.startswith("/") and expected.endswith("/")


def numeric(answered: Answered) -> Score:
    """The last number of the response is the last of the expected one; a marked one goes first (####, boxed).

    >>> numeric(Answered(prompt="?", response="So she pays $1,250.00 in all.", expected="... #### 1250"))
    1.0
    """
    wanted = None if answered.expected is None else final_number(answered.expected)
    if wanted is None:
        return None
    found = final_number(answered.response)
    return float(found is not None and abs(found - wanted) <= abs(wanted) * Decimal("1e-6"))


def json_match(answered: Answered) -> Score:
    """F1 of the leaves of the expected JSON and of the response's, 0 where that holds none.

    >>> json_match(Answered(prompt="?", response='Here: {"a": 1, "b": 2}', expected='{"a": 1, "b": 3}'))
    0.5
    """
    wanted = _json(answered.expected or "")
    if not isinstance(wanted, dict | list):
        return None
    found = _json(answered.response[:READ])
    if not isinstance(found, dict | list):
        return 0.0
    one, other = Counter(_leaves(wanted)), Counter(_leaves(found))
    both = sum((one & other).values())
    whole = sum(one.values()) + sum(other.values())
    return 2 * both / whole if whole else 1.0


def accuracy(answered: Answered) -> Score:
    """The strictest of the above that fits the form of the expected answer; None where it is a whole text."""
    if answered.expected is None or not answered.expected.strip():
        return None
    if _is_pattern(answered.expected):
        return pattern(answered)
    told = json_match(answered)
    if told is not None:
        return told
    bare = _bare(answered.expected)
    if _NUMBER.fullmatch(bare) or _BOXED.search(answered.expected):
        return numeric(answered)
    return includes(answered)


def final_number(text: str) -> Decimal | None:
    """The number that a text ends on; thousands may be separated by commas or spaces, decimals by a point.

    >>> final_number("12 apples, 3 left"), final_number("no number")
    (Decimal('3'), None)
    """
    text = text[-READ:]
    marked = _BOXED.findall(text)
    numbers = _NUMBER.findall(" ".join(marked[-1])) if marked else []
    numbers = numbers or _NUMBER.findall(text)
    if not numbers:
        return None
    try:
        return Decimal(re.sub("[, \u00a0\u202f+]", "", numbers[-1]).replace("−", "-"))
    except InvalidOperation:
        return None


def _bare(text: str) -> str:
    return canonical(text).strip(_EDGES)


def _json(text: str) -> Any:  # noqa: ANN401  any JSON value
    """The JSON that a text is, or holds in a fence, or holds between its outer brackets; None."""
    tries = [text, *_FENCED.findall(text)[:1]]
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    if starts:
        tries.append(text[min(starts) : max(text.rfind("}"), text.rfind("]")) + 1])
    for each in tries:
        try:
            return json.loads(each)
        except (ValueError, RecursionError):
            continue
    return None


def _leaves(value: Any, path: str = "") -> list[str]:  # noqa: ANN401  any JSON value
    found: list[str] = []
    stack = [(path, value)]
    while stack:
        at, each = stack.pop()
        if isinstance(each, dict) and each:
            stack += [(f"{at}.{name}", inner) for name, inner in each.items()]
        elif isinstance(each, list) and each:
            stack += [(f"{at}[]", inner) for inner in each]
        else:
            found.append(f"{at}={json.dumps(each)}")
    return found
