"""Two cohorts around a release: one meets it and learns another style, and something happens to both.

All texts are made by the demo's grammar.  What each force did is known, so what is said can be judged.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from typer.testing import CliRunner

from app.cli import app
from app.demo.novelties import INSTRUCTED, OUTAGE
from app.demo.phrases import SHARES, TOPICS
from app.demo.style import VOICES, compose
from app.demo.traffic import to_jsonl
from schemas.events import Deployment, Interaction
from schemas.readings import Adaptation, Reading
from tests.rig.made import quick_calibration

APPLICATION = "two-cohorts"
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAYS_BEFORE, DAYS_AFTER = 7, 6
RELEASED = START + timedelta(days=DAYS_BEFORE)


def deployment() -> Deployment:
    """The release of v2 to the first cohort."""
    return Deployment(
        application=APPLICATION,
        time=RELEASED,
        deployment_id="v2",
        version="2",
        kind="prompt",
        variant="treatment",
        traffic_percent=50,
        summary="Asks users to say who should answer, and in which form.",
    )


def stream(
    *, users: int = 150, style: float = 0.0, shock: float = 0.0, seed: int = 0
) -> list[Interaction | Deployment]:
    """One prompt of every user a day, `users` in each cohort, in order of time.

    Args: style, share of the exposed cohort's later prompts that are instructions of a role; shock, share
        of everybody's later prompts about a carrier that stands still.
    """
    events: list[Interaction | Deployment] = [deployment()]
    for user in range(2 * users):
        events += _of_user(user, Random(f"{seed} {user}"), style=style, shock=shock)
    return sorted(events, key=lambda event: event.time)


def _of_user(user: int, rng: Random, *, style: float, shock: float) -> Iterator[Interaction]:
    exposed, voice = user % 2 == 0, rng.choice(VOICES)
    for day in range(DAYS_BEFORE + DAYS_AFTER):
        time = START + timedelta(days=day, seconds=rng.uniform(0, 80_000))
        after = time >= RELEASED
        topic = rng.choices(TOPICS, SHARES)[0]
        luck = rng.random()
        if after and luck < shock:
            topic = OUTAGE
        elif after and exposed and luck < shock + (1 - shock) * style:
            topic = INSTRUCTED
        yield Interaction(
            application=APPLICATION,
            time=time,
            id=f"{user}-{day}",
            prompt=compose(topic, voice, rng).prompt,
            user_hash=f"user-{user}",
            deployment_id="v2" if after and exposed else "v1",
            variant="treatment" if exposed else "control",
        )


def replayed(directory: Path, **forces: Any) -> list[Reading]:
    """What `promptdrift replay` says of a stream, with the encoder of every day and a rough calibration."""
    events, out = directory / "events.jsonl", directory / "out"
    events.write_bytes(b"".join(to_jsonl(stream(**forces))))
    given = ["replay", str(events), "--baseline-events", "600", "--out", str(out)]
    with quick_calibration():
        done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.stderr
    lines = (out / "readings.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Reading) for line in lines]


def looks(readings: Sequence[Reading]) -> list[Adaptation]:
    """What was seen of the deployment, look by look."""
    return [
        reading.adaptation for reading in readings if reading.adaptation and reading.monitor == "adaptation"
    ]
