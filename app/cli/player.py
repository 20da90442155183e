"""Plays a story on the stage: never far ahead of the worker, telling the turning points as they happen."""

from collections.abc import Sequence
from typing import Any

from app.cli.stage import Stage, Story, wait
from app.cli.terminal import progress, say

AHEAD = 600  # events that the generator may be ahead of the worker: the embedded broker forgets beyond 5 MiB


class Player:
    """What was sent so far, and told."""

    def __init__(self, story: Story, stage: Stage) -> None:
        self._story, self._stage = story, stage
        self._sent, self._told = 0, set[str]()

    def play(self, events: Sequence[Any]) -> None:
        """Send events, and wait until the worker has counted them."""
        from schemas.events import Deployment, Interaction

        with progress("traffic", total=float(len(events))) as advance:
            for first in range(0, len(events), 100):
                batch = events[first : first + 100]
                wait(lambda: self._sent - self._counted() < AHEAD, self._stage, "the worker")
                self._story.send(batch)
                self._sent += sum(isinstance(event, Interaction) for event in batch)
                for event in batch:
                    if isinstance(event, Deployment):
                        say(f"{event.time:%H:%M}  deployment {event.deployment_id}: {event.version}")
                self._narrate()
                advance(float(len(batch)))
            wait(lambda: self._counted() >= self._sent, self._stage, "the last events")
            self._narrate()

    def _narrate(self) -> None:
        change = status_of(self._stage).get("readings", {}).get("change", {})
        if change.get("state") not in (None, "learning") and "learned" not in self._told:
            self._told.add("learned")
            say("baseline learned: from here on every prompt is judged")
        newest_first = (self._stage.get("/v1/alerts?limit=20") or {}).get("alerts", [])
        for alert in reversed(newest_first):
            if alert["alert_id"] not in self._told:
                self._told.add(alert["alert_id"])
                what = f"{alert['severity']} {alert.get('transition') or alert['state']}"
                say(f"{alert['updated_at'][11:16]}  {what}: {alert['summary']}")

    def _counted(self) -> int:
        """Interactions in the newest reading."""
        readings = status_of(self._stage).get("readings", {})
        return max((r.get("totals", {}).get("events", 0) for r in readings.values()), default=0)


def status_of(stage: Stage) -> dict[str, Any]:
    """The status document of the helpdesk; empty before there is one."""
    found = stage.get("/v1/status/helpdesk")
    return found if isinstance(found, dict) else {}
