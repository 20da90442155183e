"""What a sum of units tells of an eval set."""

from msgspec import Struct


class Coverage(Struct, frozen=True, kw_only=True):
    """Counts over the units of a sum that were measured against one eval set."""

    units: int
    uncovered: int
    clusters: list[int]  # units in each of its clusters
