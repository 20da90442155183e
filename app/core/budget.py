"""From "N false pages per 30 days" to a run length in units."""

SECONDS_PER_30_DAYS = 30 * 86_400.0
SHORTEST_RUN = 1_000_000.0
LONGEST_RUN = 30_000_000.0


def run_length(pages_per_30_days: float, units_per_second: float) -> float:
    """Units between false alarms that keep the promise at the measured unit rate.

    At least 1,000,000: below that a threshold buys little speed (delay grows with the logarithm of the
    run length) and a replay of a short file would page on nothing.  At most 30,000,000: beyond, the
    calibration would be extrapolated more than two decades.

    Raises: ValueError unless both are positive.

    >>> run_length(1.0, 2.0)
    5184000.0
    """
    if pages_per_30_days <= 0 or units_per_second <= 0:
        raise ValueError("pages per 30 days and the unit rate must be positive")
    wanted = SECONDS_PER_30_DAYS * units_per_second / pages_per_30_days
    return min(max(wanted, SHORTEST_RUN), LONGEST_RUN)
