"""Whether a run length is promised, and in which words.

A threshold is set in any case; what is withheld, with the reason, is the promise of how rarely clean
traffic passes it.
"""

import math
from collections.abc import Sequence

from app.core.calibration import Calibration
from schemas.readings import Claim, Dependence

TOLERATED_KEYLESS = 0.02  # a tenth without keys was measured to cost a factor 100
TOLERATED_KEY = 0.1  # beyond, a key names a program or everybody, and its units hide their dependence
TOLERATED_ERROR = 0.75  # decades; a wider interval is no promise


def doubts(dependence: Dependence, *, excess: float, repaired: bool) -> tuple[str, ...]:
    """Reasons for promising nothing, each with its measure and its remedy."""
    found = [*keyless_doubt(dependence.keyless, 1)]
    if dependence.largest_key > TOLERATED_KEY:
        found.append(
            f"one key gave {dependence.largest_key:.0%} of units (at most {TOLERATED_KEY:.0%}): a key should "
            "name one person or conversation"
        )
    if excess > 0.0:
        found.append(
            f"users who return repeat themselves: a mean varies {dependence.inflation:.1f} times as much as "
            f"over independent units, after silences of {dependence.horizon_seconds:,.0f} s"
        )
    if not repaired:
        found.append(
            "units depend on each other over more than a tenth of the baseline, or traffic changed within "
            "it: learn from a longer stretch"
        )
    return tuple(found)


def keyless_doubt(keyless: float, units: float) -> tuple[str, ...]:
    """Whether too many units have no key, in the baseline or since.

    >>> keyless_doubt(1, 100)
    ()
    """
    if keyless <= TOLERATED_KEYLESS * units:
        return ()
    return (
        f"{keyless / units:.0%} of units have neither user nor conversation (at most "
        f"{TOLERATED_KEYLESS:.0%}), so repeats of one person pass for evidence: send user_hash or "
        "conversation_id",
    )


def claim(
    run_length: float, *, calibration: Calibration, reasons: tuple[str, ...], cycles_seen: Sequence[str]
) -> Claim:
    """The promise at a run length, or why there is none."""
    low, high = calibration.interval(run_length)
    wide = math.log10(high / run_length) > TOLERATED_ERROR
    if wide:
        reasons = (
            *reasons,
            f"1 in {run_length:,.0f} lies too far beyond what was simulated ({low:,.0f} to {high:,.0f}): "
            "learn from more units",
        )
    if reasons:
        return Claim(words=f"no run length is promised: {'; '.join(reasons)}")
    unseen = " and ".join(f"a {cycle}" for cycle in ("day", "week") if cycle not in cycles_seen)
    return Claim(
        words=f"on traffic like the baseline's, 1 false alarm in {run_length:,.0f} units "
        f"({low:,.0f} to {high:,.0f})"
        + (f"; it does not span {unseen} twice, so their swings would count as change" if unseen else ""),
        run_length=run_length,
        low=low,
        high=high,
    )
