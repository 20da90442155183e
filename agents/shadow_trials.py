"""Jobs that failed and are tried again, ever later; and what each endpoint said last."""

import time
from dataclasses import dataclass, field

from app.adapters.calls import Failure
from app.adapters.shadow import Done
from app.core.shadow_jobs import Job

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
JUDGES = "judges"  # and scorers behind HTTP: they are asked together


@dataclass(slots=True)
class Trials:
    """Of this process: after a restart every job is due at once."""

    failures: dict[str, str] = field(default_factory=dict)  # candidate, or JUDGES -> why it failed last
    _pauses: dict[str, tuple[float, float]] = field(default_factory=dict)  # job -> pause, end of it

    def due(self, job: Job) -> bool:
        """Whether it may be tried now."""
        return time.monotonic() >= self._pauses.get(job.key, (0.0, 0.0))[1]

    def failed(self, job: Job, failure: Failure) -> None:
        """Try again later."""
        pause = min(self._pauses.get(job.key, (FIRST_PAUSE / 2, 0.0))[0] * 2, LONGEST_PAUSE)
        self._pauses[job.key] = (pause, time.monotonic() + pause)
        self.failures[job.candidate or JUDGES] = failure.label

    def done(self, job: Job, found: Done) -> None:
        """It has its rows; where they hold no failure, its endpoint works."""
        self._pauses.pop(job.key, None)
        if all(row.label is None for row in found.rows):
            self.failures.pop(job.candidate or JUDGES, None)
