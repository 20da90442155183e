"""A number and how well it is known."""

from msgspec import Struct


class Interval(Struct, frozen=True, kw_only=True):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float
