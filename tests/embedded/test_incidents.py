"""One page for one drift, whatever dies: real processes on the embedded broker, 20 seeded kills."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis

from app.adapters.embedded import Embedded
from app.adapters.status_keys import PREFIX
from app.core.rules import CLEAN_WINDOWS
from app.settings import Settings
from tests.rig.crew import LEAD_WINDOWS, WINDOW, Crew, day_of_drift, play
from tests.rig.process import LOOPBACK, free_ports

START = datetime(2026, 3, 1, tzinfo=UTC)
APPLICATIONS = {f"app-{n}": 0 if n else 12 for n in range(8)}  # how many segments each has
pytestmark = [pytest.mark.embedded, pytest.mark.model, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One for all: what a test leaves running and known is the next one's start."""
    pager, redis = free_ports(2)
    with Embedded(partitions=3) as embedded:
        facts = {
            "kafka": {"bootstrap_servers": embedded.bootstrap, "partitions": 3, "session_timeout_seconds": 2},
            "redis": {"url": f"redis://{LOOPBACK}:{redis}/0"},
        }
        found = Crew(
            Settings.model_validate(facts), tmp_path_factory.mktemp("crew"), (pager, redis), redis=True
        )
        for name in found.names:
            found.start(name)
        found.until(lambda: found.pager() is not None, 150)
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

    crew.until(lambda: crew.incidents() == {name: ["resolved"] for name in APPLICATIONS}, 240)

    crew.until(lambda: crew.shown() == dict.fromkeys(APPLICATIONS, 0), 150)  # Redis, empty at each start
    told = crew.transitions()
    for name, count in APPLICATIONS.items():
        mine = [alert for alert in told if alert.application == name]
        assert [a.transition for a in mine if a.transition != "joined"] == ["opened", "resolved"]
        assert len(mine[-1].members) == 3 * (count + 1)
        last = max(r.time for window in days[name] for r in window if r.state == "alarm")
        assert mine[-1].updated_at == last + CLEAN_WINDOWS * WINDOW


def test_people_answer_from_the_command_line_and_programs_subscribe(crew: Crew) -> None:
    crew.send(day_of_drift("by-hand", START, segments=0, lead=0)[5])
    crew.until(lambda: crew.incidents().get("by-hand") == ["triggered"], 150)

    (found,) = crew.run("alerts", "list", "--application", "by-hand", "--json")
    incident = found["incident"]
    crew.run("alerts", "acknowledge", incident[:10], "--by", "ada")
    crew.until(lambda: crew.incidents()["by-hand"] == ["acknowledged"], 150)
    (found,) = crew.run("alerts", "list", "--application", "by-hand", "--json")
    assert found["acknowledged_by"] == "ada"

    crew.run("alerts", "close", incident, "--note", "a rehearsal")
    crew.until(lambda: crew.incidents()["by-hand"] == ["resolved"], 150)
    assert crew.run("alerts", "list", "--application", "by-hand", "--json") == []

    tail = ["alerts", "tail", "--past", "--application", "by-hand", "--limit", "1", "--json"]
    assert crew.run(*tail)["transition"] == "opened"
    line = crew.subscriber()
    assert line.split()[0] == "opened"


def test_a_test_alert_travels_the_real_road_and_stands_on_no_page(crew: Crew) -> None:
    (told,) = crew.run("alerts", "test", "--json")
    assert (told["sink"], told["outcome"], told["status"]) == ("pager", "sent", 202)
    crew.until(lambda: crew.incidents().get("promptdrift-test") == ["resolved"], 150)
    state = crew.pager()
    assert state is not None
    assert any("TEST" in each["summary"] for each in state["incidents"])
    with Redis.from_url(crew.live.settings.redis.url.get_secret_value(), decode_responses=True) as client:
        assert "promptdrift-test" not in client.zrange(f"{PREFIX}applications", 0, -1)


def test_a_test_alert_says_what_is_wrong_with_a_sink(crew: Crew) -> None:
    crew.go_wrong("400")
    done = crew.command("alerts", "test")
    assert done.exit_code == 4
    assert "refused" in done.stdout
    assert "not told: pager" in done.stderr
