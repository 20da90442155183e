from datetime import UTC, datetime

from benchmarks.injections import Result, judged, table
from schemas.decisions import Alert
from schemas.readings import ClusterMove

AT = datetime(2026, 3, 2, tzinfo=UTC)


def alert(*examples: list[str]) -> Alert:
    moves = [ClusterMove(name="x", share_before=0.0, share_now=0.12, examples=e, contribution=0.4)
             for e in examples]  # fmt: skip
    return Alert(
        alert_id="a", incident="i", application="b", monitor="change", kind="change", state="firing",
        severity="warning", started_at=AT, detected_at=AT, updated_at=AT, summary="", clusters=moves,
        elsewhere=0.2,
    )  # fmt: skip


def test_a_cluster_is_the_injected_one_where_most_of_its_examples_are() -> None:
    mixed = judged(alert(["old", "new", "old"], ["new", "new 2", "old"]), "w", "t", ["new", "new 2"], delay=9)
    assert (mixed.rank, mixed.clusters, round(sum(mixed.shares), 9)) == (2, 2, 1.0)
    assert round(mixed.purity, 3) == 0.333
    assert judged(alert(["old"]), "w", "t", ["new"], delay=9).rank is None
    assert judged(alert(), "w", "t", ["new"], delay=9).rank is None


def test_what_was_never_paged_is_counted_and_not_ranked() -> None:
    found = judged(alert(["new"]), "w", "t", ["new"], delay=40)
    last = table([found, Result(world="w", topic="u")]).splitlines()[-1]
    assert [cell.strip() for cell in last.strip("|").split("|")][:6] == ["all", "2", "1", "40", "1", "1"]
