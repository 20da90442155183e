"""What grew after a release is no fault of the release, nor is what came before anybody knew of it."""

from app.core.quality_arms import UNSORTED, Arm, Held
from app.core.quality_contrast import contrast
from app.core.selection import DRIFTED, ORDINARY

KNOWN_AT = 300  # answers, until it is known what grew


def arm(*, new_subject: bool) -> Arm:
    """Six hundred answers, nine in ten right; of a new subject, a third of what comes, none is."""
    out = Arm()
    for n in range(600):
        new = new_subject and n % 3 == 0
        reason = DRIFTED if new and n >= KNOWN_AT else ORDINARY
        right = 0.0 if new else float(n % 10 > 0)
        out.put(n, Held(float(n), "parcels", reason, 1.0, 1.0, right))
    return out


def test_answers_from_before_it_was_known_what_grew_are_not_compared() -> None:
    old, new = arm(new_subject=False), arm(new_subject=True)

    naive = contrast(old.between(unlike=True), new.between(unlike=True))
    fair = contrast(old.between(unlike=True), new.between(unlike=True, sorted_since=new.sorted_since))

    assert naive is not None
    assert naive.decided, "the version is blamed for a subject"
    assert fair is not None
    assert not fair.decided
    assert fair.split.cause == "mix"
    assert new.sorted_since == KNOWN_AT


def test_where_nothing_grew_all_answers_are_compared() -> None:
    old = arm(new_subject=False)
    assert old.sorted_since == float("-inf")
    assert UNSORTED not in {name for name, _ in old.between(unlike=True, sorted_since=old.sorted_since)}
