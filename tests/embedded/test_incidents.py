"""One page for one drift, whatever dies: real processes on the embedded broker, 20 seeded kills."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.adapters.embedded import Embedded
from app.core.rules import CLEAN_WINDOWS
from app.settings import Settings
from tests.rig.crew import LEAD_WINDOWS, WINDOW, Crew, day_of_drift, play
from tests.rig.process import LOOPBACK, free_ports

START = datetime(2026, 3, 1, tzinfo=UTC)
APPLICATIONS = {f"app-{n}": 12 if n == 0 else 2 for n in range(10)}  # how many segments each has
pytestmark = [pytest.mark.embedded, pytest.mark.model, pytest.mark.timeout(400)]


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    pager, redis = free_ports(2)
    with Embedded(partitions=3) as embedded:
        facts = {
            "kafka": {"bootstrap_servers": embedded.bootstrap, "partitions": 3, "session_timeout_seconds": 2},
            "redis": {"url": f"redis://{LOOPBACK}:{redis}/0"},
        }
        found = Crew(Settings.model_validate(facts), tmp_path, (pager, redis), redis=True)
        for name in found.names:
            found.start(name)
        found.until(lambda: found.pager() is not None, 60)
        yield found
        found.close()


def test_a_day_of_drift_is_one_page_and_one_resolve_whatever_dies(crew: Crew) -> None:
    days = {
        name: day_of_drift(name, START, segments=count, lead=LEAD_WINDOWS + 3 * n)
        for n, (name, count) in enumerate(APPLICATIONS.items())
    }
    killed = play(crew, list(days.values()), kills=20, seed=11, pause=0.3)
    assert len(killed) >= 18
    assert set(killed) == set(crew.names)

    crew.until(lambda: crew.incidents() == {name: ["resolved"] for name in APPLICATIONS}, 120)

    told = crew.transitions()
    for name, count in APPLICATIONS.items():
        mine = [alert for alert in told if alert.application == name]
        assert [a.transition for a in mine if a.transition != "joined"] == ["opened", "resolved"]
        assert len(mine[-1].members) == 3 * (count + 1)
        last = max(r.time for window in days[name] for r in window if r.state == "alarm")
        assert mine[-1].updated_at == last + CLEAN_WINDOWS * WINDOW
