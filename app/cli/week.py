"""`demo --week`: a week at the helpdesk in some minutes, from a release to an eval set that measures again.

Users adapt to a release and ask what the eval set does not hold; the judge's score of live answers falls; a
new version of the eval set is proposed from what they ask, approved, promoted, and covers it.  Servers,
worker, evaluator and commands are those of every day; only the model that judges is a stand-in.
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from app.cli.player import Player, status_of
from app.cli.stage import DemoFailed, Stage, Story, stage
from app.cli.terminal import say, show_json

if TYPE_CHECKING:
    from app.core.estimates import Estimate
    from schemas.events import Evaluation

CLEAN, DRIFTED, AFTER = 2600, 1500, 1500  # interactions: before the release, after it, after the promotion
ADAPTED = 500  # of those after the release, until most users have adapted
STEP = timedelta(days=7) / (CLEAN + DRIFTED + AFTER)  # of event time, from one to the next
WINDOW_SECONDS = 4 * 3600.0
JUDGE, SIZE, MOST_PER_DAY = "helpful", 300, 250
SETTLED_SECONDS, PATIENCE_SECONDS = 4.0, 60.0
OWN = ("--application", "helpdesk")


@contextmanager
def played_week(seed: int, port: int) -> Iterator[tuple[Stage, dict[str, Any]]]:
    """All of it: what still runs at its end, and the figures.

    Raises: DemoFailed where the week did not end as it should.
    """
    from app.demo.judge import grade

    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="promptdrift-week-")))
        model = stack.enter_context(_judging(grade))
        story = Story(
            "adaptation", seed, clean=CLEAN, drifted=DRIFTED + AFTER, interval_seconds=STEP.total_seconds()
        )
        running = stack.enter_context(
            stage(story, port, settings=_evaluation(model), commands={"evaluator": ["evaluator"]})
        )
        say(f"page: {running.url}  (live while the week goes on)")
        yield running, _acts(story, running, home)


def tell_week(summary: dict[str, Any], as_json: bool) -> None:
    """The figures, for people or for a program."""
    if as_json:
        show_json(summary)
        return
    score, gap, uncovered, hardly = (summary[name] for name in ("shadow_score", "gap", "uncovered", "hardly"))
    say(f"\nincident: {summary['incident']}")
    say(f"shadow score ({JUDGE}): {_told(score['before'])} before the release, {_told(score['after'])} after")
    scarce = summary["scarce"]
    say(f"asked in clusters that the eval set hardly has: {scarce['before']:.1%}, then {scarce['after']:.1%}")
    say(f"gap between live traffic and the eval set: {_told(gap['before'])} with {summary['versions'][0]},")
    say(f"  {_told(gap['after'])} with {summary['versions'][1]}")
    say(f"uncovered share (outliers): {_told(uncovered['before'])}, then {_told(uncovered['after'])}")
    say(f"scarce share (hardly in the eval set): {_told(hardly['before'])}, then {_told(hardly['after'])}")
    say(f"took {summary['seconds']:.0f} s")


def _acts(story: Story, running: Stage, home: Path) -> dict[str, Any]:
    scenario, player = story.scenario, Player(story, running)
    renewed_at = scenario.drift_at + DRIFTED * STEP
    cut = next(i for i, event in enumerate(scenario.events) if event.time >= renewed_at)
    _write_hand(home, story.seed)
    player.play(scenario.events[: scenario.drift_index])
    ordinary = _scores(story)
    first = _renewed(story, running, home, since=scenario.drift_at - CLEAN * STEP)
    player.play(scenario.events[scenario.drift_index : cut])
    alerts = (running.get("/v1/alerts?application=helpdesk&limit=100") or {}).get("alerts", [])
    if not alerts:
        raise DemoFailed("nobody was told that users have adapted")
    shadow, apart = _fallen(ordinary, _scores(story), scenario.drift_at), _gap(running)
    second = _renewed(story, running, home, since=scenario.drift_at + ADAPTED * STEP)
    scarce = _scarce(home, second)
    player.play(scenario.events[cut:])
    restored = _gap(running)
    if not (scarce["after"] or 0.0) < (scarce["before"] or 0.0):
        raise DemoFailed(f"the new version takes in nothing that was missing: {scarce}")
    if not restored["effect"]["value"] < apart["effect"]["low"]:
        raise DemoFailed(f"coverage was not restored: {apart} before, {restored} after")
    return {
        "story": scenario.story,
        "incident": alerts[-1]["summary"],  # the first of all
        "shadow_score": shadow,
        "versions": [first, second],
        "scarce": scarce,
        "gap": {"before": apart["effect"], "after": restored["effect"]},
        "uncovered": {"before": apart["uncovered"], "after": restored["uncovered"]},
        "hardly": {"before": apart["scarce"], "after": restored["scarce"]},
    }


def _scarce(home: Path, version: str) -> dict[str, float | None]:
    """Share of what people ask in clusters that the version before, and this one, hardly have."""
    from app.adapters.evalsets import EvalSets
    from app.demo.traffic import APPLICATION

    manifest, _ = EvalSets(str(home / "evalsets"), APPLICATION).load(version)
    return {"before": manifest.scarce_before, "after": manifest.scarce_after}


def _write_hand(home: Path, seed: int) -> None:
    """The eval set that people wrote, on which the first version is built; and the plan."""
    from app.demo.traffic import eval_items

    items = [{"id": item.id, "prompt": item.prompt, "ideal": item.expected} for item in eval_items(seed=seed)]
    (home / "hand.jsonl").write_text("\n".join(map(json.dumps, items)))
    (home / "plan.yaml").write_text(f"size: {SIZE}\n")


def _renewed(story: Story, running: Stage, home: Path, *, since: datetime) -> str:
    """Propose a version from what people asked, approve it, promote it: with the commands of every day."""
    samples, store = home / "samples.jsonl", home / "evalsets"
    samples.write_bytes(b"".join(_samples(story, since)))
    first = [] if store.exists() else ["--previous", str(home / "hand.jsonl")]
    own = (*OWN, "--store", str(store))
    given = ("--samples", str(samples), "--plan", str(home / "plan.yaml"), *first)
    version = _command(running, "evalset", "build", *own, *given).split()[0]
    _command(running, "evalset", "approve", version, *own, "--by", "the demo")
    _command(running, "evalset", "promote", version, *own, "--by", "the demo")
    return version


def _samples(story: Story, since: datetime) -> Iterator[bytes]:
    """Samples of the topic from an event time on, a line each."""
    from app.adapters.kafka import full_name
    from app.adapters.kafka_reading import read_all
    from app.adapters.samples import decode_sample
    from schemas.topics import SAMPLES

    for record in read_all(story.settings.kafka, full_name(story.settings.kafka, SAMPLES)):
        if record.value and decode_sample(record.value, SAMPLES.name).time >= since.timestamp():
            yield record.value + b"\n"


def _command(running: Stage, *words: str) -> str:
    """A command as a user would give it; what it says is passed on.  Raises: DemoFailed."""
    say(f"$ promptdrift {' '.join(words[:3])} ...")
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        env=dict(running.environment),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    for line in done.stderr.splitlines():
        say(f"  {line}")
    if done.returncode:
        raise DemoFailed(f"`promptdrift {words[0]} {words[1]}` ended with {done.returncode}")
    return done.stdout


def _scores(story: Story) -> "list[Evaluation]":
    """What the judge said of live answers, once no more comes."""
    from app.adapters.kafka import full_name
    from app.adapters.kafka_reading import read_all
    from schemas.codec import decode
    from schemas.events import Evaluation
    from schemas.topics import EVALUATIONS

    def read() -> list[Evaluation]:
        found: dict[str, Evaluation] = {}
        for record in read_all(story.settings.kafka, full_name(story.settings.kafka, EVALUATIONS)):
            for row in decode(record.value, kind="evaluation"):
                if isinstance(row, Evaluation) and row.purpose == "shadow" and row.name == JUDGE:
                    found[row.id] = row
        return list(found.values())

    deadline, known = time.monotonic() + PATIENCE_SECONDS, read()
    while time.monotonic() < deadline:
        time.sleep(SETTLED_SECONDS)
        rows = read()
        if len(rows) == len(known):
            return rows
        known = rows
    return known


def _fallen(
    before: "Sequence[Evaluation]", after: "Sequence[Evaluation]", drift_at: datetime
) -> dict[str, Any]:
    told = {"before": _estimate(before), "after": _estimate([row for row in after if row.time >= drift_at])}
    for name, found in told.items():
        if found is None:
            raise DemoFailed(f"too few live answers were judged {name} the release")
    shown = {name: _interval(found.mean) for name, found in told.items() if found is not None}
    if not shown["after"]["high"] < shown["before"]["low"]:
        raise DemoFailed(f"the shadow score did not fall: {shown}")
    return shown


def _estimate(rows: "Sequence[Evaluation]") -> "Estimate | None":
    """Mean score of all traffic, from those that were chosen to be judged, with their chances."""
    from app.core.estimates import Row, estimate

    return estimate(
        [
            Row(
                stratum=row.stratum or "",
                inclusion=row.inclusion or 1.0,
                selection=row.selection or 1.0,
                score=row.score,
            )
            for row in rows
        ]
    )


def _gap(running: Stage) -> dict[str, dict[str, float]]:
    """How far recent traffic is from the eval set in force, as the page says it."""
    gap = status_of(running).get("readings", {}).get("gap", {})
    if not all(gap.get(name) for name in ("effect", "uncovered", "scarce")):
        raise DemoFailed("the gap between live traffic and the eval set is not known")
    return {
        name: {"value": found.get("value", found.get("share")), "low": found["low"], "high": found["high"]}
        for name, found in ((name, gap[name]) for name in ("effect", "uncovered", "scarce"))
    }


def _interval(found: Any) -> dict[str, float]:  # noqa: ANN401  an Interval
    return {"value": found.value, "low": max(found.low, 0.0), "high": min(found.high, 1.0)}


def _told(found: dict[str, float]) -> str:
    return f"{found['value']:.3g} ({found['low']:.3g} to {found['high']:.3g})"


def _evaluation(url: str) -> dict[str, str]:
    """Settings of the evaluator: one judge, and windows as long as such a week wants them."""
    judge = {"name": JUDGE, "base_url": f"{url}/v1", "model": "stand-in", "per_minute": 60_000}
    return {
        "PROMPTDRIFT_EVALUATION__JUDGES": json.dumps([judge]),
        "PROMPTDRIFT_EVALUATION__SCORERS": json.dumps(["complete"]),
        "PROMPTDRIFT_EVALUATION__SCORES_PER_DAY": str(MOST_PER_DAY),
        "PROMPTDRIFT_EVALUATION__WINDOW_SECONDS": str(WINDOW_SECONDS),
        "PROMPTDRIFT_EVALUATION__PORT": "0",
    }


@contextmanager
def _judging(grade: Any) -> Iterator[str]:  # noqa: ANN401  as FakeChat takes it
    """The stand-in for a model, on a thread of its own; its URL."""
    from app.adapters.fake_chat import FakeChat

    server, loop = FakeChat(grade=grade), asyncio.new_event_loop()
    ready, over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with server.serving():
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait(10.0)
    try:
        yield server.url
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10.0)
        loop.close()
