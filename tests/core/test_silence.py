from app.core.silence import Silence
from schemas.readings import Reading
from tests.rig.made import APP, START


def reading(number: int, monitor: str = "change") -> Reading:
    return Reading(id=f"r{number}", application=APP, monitor=monitor, state="alarm", time=START)


def test_silence_is_noticed_once_and_named_by_what_was_heard_last() -> None:
    silence = Silence(60.0)
    silence.hear(reading(1), 1000.0)
    assert silence.notice([APP], 1059.0) == []
    (said,) = silence.notice([APP], 1060.0)
    assert (said.monitor, said.state, said.time) == ("health", "unknown", START)
    assert silence.notice([APP], 5000.0) == []
    silence.hear(said, 1061.0)
    assert silence.notice([APP], 9000.0) == []
    again = Silence(60.0)
    again.hear(reading(1), 0.0)
    assert again.notice([APP], 100.0)[0].id == said.id  # a restarted worker says the same


def test_slow_traffic_is_no_silence() -> None:
    silence = Silence(60.0)
    silence.hear(reading(1), 0.0)
    silence.hear(reading(2), 600.0)
    silence.hear(reading(3, "gap"), 600.1)  # of the same window
    assert silence.notice([APP], 2999.0) == []
    assert silence.notice([APP], 3001.0)


def test_only_who_is_asked_about_is_noticed() -> None:
    silence = Silence(60.0)
    silence.hear(reading(1), 0.0)
    assert silence.notice([], 1e9) == []
    assert silence.notice(["other"], 1e9) == []
