"""The eval set as its owner keeps it: one item per line."""

from msgspec import Struct


class EvalItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question the product is evaluated on."""

    id: str
    prompt: str
    expected: str | None = None
    category: str | None = None
    stakes: str | None = None
    score: float | None = None
