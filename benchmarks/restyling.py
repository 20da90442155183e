"""The same question, asked in another style: how users adapt without asking for anything else."""

from collections.abc import Callable

ROLES = (
    "You are an experienced advisor.",
    "Act as a senior specialist in this field.",
    "Pretend to be a patient teacher.",
    "You are a careful assistant who thinks before answering.",
    "Take the role of a domain expert.",
)
LENGTHENERS = (
    "Please explain in detail and step by step.",
    "Give a long and thorough answer with examples.",
    "Walk me through every step and say why it matters.",
    "Be as detailed as possible, with reasons and examples for each point.",
)
_LITTLE = """
a an the i me my you your we our he she it its they them this that these those is are am was were be been
do does did have has had can could will would should may might must to of in on at by for with from as and
or but if so please there what which who how when where why not just about into
"""
LITTLE_WORDS = frozenset(_LITTLE.split())


def with_role(text: str, number: int) -> str:
    """A role before the question.

    >>> with_role("Where is my card?", 0)
    'You are an experienced advisor. Where is my card?'
    """
    return f"{ROLES[number % len(ROLES)]} {text}"


def lengthened(text: str, number: int) -> str:
    """A wish for more after the question."""
    return f"{text} {LENGTHENERS[number % len(LENGTHENERS)]}"


def terse(text: str, number: int) -> str:
    """Without little words, as people type into a search box.

    >>> terse("Where is my new card?", 0)
    'new card?'
    """
    kept = [word for word in text.split() if word.lower().strip(".,?!'\"") not in LITTLE_WORDS]
    return " ".join(kept) or text


STYLES: dict[str, Callable[[str, int], str]] = {
    "role-prefix": with_role,
    "lengthen": lengthened,
    "terse": terse,
}
