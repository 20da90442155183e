"""A worker process on the embedded broker: its CPU and its memory, fed one event a record or in arrays."""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.adapters.embedded import Embedded
from app.core.aspects import MONITORS, PROMPTS
from app.settings import Settings
from schemas.readings import Reading
from schemas.topics import INTERACTIONS
from tests.rig.live import Live, last_total

PARTITIONS = 4
QUARTERS = 4
IDLE_SECONDS = 6.0
LEARNED, LATENESS = 2000, 2.0  # seconds; at these rates the default of 30 would be 15,000 events
PATIENCE_SECONDS = 900.0
FORMS = ("one a record", "in arrays")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """Of one run: CPU an event, and resident megabytes when learning had ended and after each quarter."""

    us_an_event: float
    megabytes: list[float]

    @property
    def growth(self) -> float:
        """Of memory over the second half of the events."""
        return self.megabytes[-1] / self.megabytes[QUARTERS // 2] - 1.0


def measure(values: Sequence[bytes], *, learned: int, array: int) -> dict[str, Worked]:
    """One run for each form; the first `learned` events are learned from and not counted."""
    early, late = values[:learned], values[learned:]
    arrays = [b"[" + b",".join(late[i : i + array]) + b"]" for i in range(0, len(late), array)]
    return {form: run(early, sent, len(late)) for form, sent in zip(FORMS, (late, arrays), strict=True)}


def run(early: Sequence[bytes], late: Sequence[bytes], events: int) -> Worked:
    """Start a worker, let it learn, feed it a quarter at a time."""
    with Embedded(partitions=PARTITIONS) as broker, tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate(
            {
                "kafka": {"bootstrap_servers": broker.bootstrap, "partitions": PARTITIONS},
                "redis": {"url": broker.redis_url},
                "worker": {"idle_seconds": 3.0},
                "detection": {"baseline_events": LEARNED, "lateness_seconds": LATENESS},
            }
        )
        live = Live(settings, Path(folder))
        worker = live.start_worker()
        try:
            live.send_raw(INTERACTIONS, early)
            live.wait_for(_learned, PATIENCE_SECONDS)
            time.sleep(IDLE_SECONDS)  # responses have a baseline of their own
            megabytes, began, spent = [memory(worker.pid)], time.monotonic(), cpu(worker.pid)
            step = -(-len(late) // QUARTERS)
            for start in range(0, len(late), step):
                live.send_raw(INTERACTIONS, late[start : start + step])
                done = len(early) + events * min(start + step, len(late)) // len(late)
                live.wait_for(partial(_counted, done), PATIENCE_SECONDS)
                megabytes.append(memory(worker.pid))
            spent, lasted = cpu(worker.pid) - spent, time.monotonic() - began
            spent -= idle_share(worker.pid) * lasted
        finally:
            live.close()
    return Worked(us_an_event=1e6 * spent / events, megabytes=megabytes)


def _learned(readings: Sequence[Reading]) -> bool:
    """Whether prompts are judged: the health of the pipeline and outcomes are "ok" long before."""
    return any(r.monitor == MONITORS[PROMPTS] and r.state == "ok" for r in readings)


def _counted(events: int, readings: Sequence[Reading]) -> bool:
    return last_total(readings) >= events


def idle_share(pid: int) -> float:
    """CPU seconds a second of a worker with nothing to do."""
    time.sleep(IDLE_SECONDS)
    began = cpu(pid)
    time.sleep(IDLE_SECONDS)
    return (cpu(pid) - began) / IDLE_SECONDS


def cpu(pid: int) -> float:
    """Seconds of CPU of a process so far."""
    if sys.platform != "linux":
        raise RuntimeError("a worker's cost is read from /proc: run this on Linux")
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Resident megabytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
