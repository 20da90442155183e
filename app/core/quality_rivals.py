"""Candidates that answer live prompts in the shadow, against what production answered to the same ones."""

from app.core.comparison import PRIOR, always_p
from app.core.estimates import Row, estimate
from app.core.quality_arms import Arm
from schemas.quality import CandidateComparison


def rivalry(candidate: str, rival: Arm, *, primary: str, arm: Arm) -> CandidateComparison:
    """Paired by interaction: what both were asked, weighted to all traffic; holds at every look.

    The draw is that of the rarer of the two: a candidate answers some of what a judge saw.
    """
    rows: list[Row] = []
    sums = [0.0, 0.0, 0.0]
    share = min(rival.scored.share, arm.scored.share)
    for target, theirs in rival.scored.rows.items():
        ours = arm.scored.rows.get(target)
        if ours is None or ours.score is None or theirs.score is None:
            continue
        chance = ours.inclusion * min(ours.selection, theirs.selection) * share
        place = f"{ours.stratum}|{ours.reason}"
        rows.append(Row(stratum=place, inclusion=chance, score=theirs.score - ours.score))
        for i, value in enumerate((1.0, theirs.score, ours.score)):
            sums[i] += value / chance
    found = estimate(rows, target="process")
    always = None if found is None else found.always
    decided = always is not None and (always.low > 0 or always.high < 0)
    better = always.value > 0 if always is not None and decided else None
    return CandidateComparison(
        candidate=candidate,
        primary=primary,
        pairs=len(rows),
        verdict=_verdict(candidate, primary, len(rows), known=always is not None, better=better),
        candidate_score=sums[1] / sums[0] if rows else None,
        primary_score=sums[2] / sums[0] if rows else None,
        difference=always,
        p_value=None
        if found is None or always is None
        else always_p(found.mean.value, found.error**2, prior=PRIOR**2 * found.spread),
        decided=decided,
        better=better,
    )


def _verdict(candidate: str, primary: str, pairs: int, *, known: bool, better: bool | None) -> str:
    if not known:
        return f"too few prompts that both answered: {pairs}"
    if better is None:
        return f"{candidate} and {primary} cannot be told apart yet"
    return f"{candidate} answers {'better' if better else 'worse'} than {primary} on the same prompts"
