"""Jobs that failed and are tried again, ever later; and what each endpoint said last."""

import math
import time
from dataclasses import dataclass, field

from app.adapters.calls import Failure
from app.adapters.shadow import Done
from app.core.shadow_jobs import Job

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
TRIES = 4  # of a job that fails while its endpoint works: it is the text, and each try may cost
JUDGES = "judges"  # and scorers behind HTTP: they are asked together


@dataclass(slots=True)
class _Trial:
    began: float
    pause: float = 0.0
    next_at: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class Trials:
    """Of this process: after a restart every job is due at once."""

    failures: dict[str, str] = field(default_factory=dict)  # candidate, or JUDGES -> why it failed last
    _trials: dict[str, _Trial] = field(default_factory=dict)  # by job
    _worked: dict[str, float] = field(default_factory=dict)  # endpoint -> when it last did

    def due(self, job: Job) -> bool:
        """Whether it may be tried now."""
        trial = self._trials.get(job.key)
        return trial is None or time.monotonic() >= trial.next_at

    def hopeless(self, job: Job) -> bool:
        """Whether the next try is the last: others succeeded meanwhile."""
        trial = self._trials.get(job.key)
        if trial is None or trial.tries < TRIES - 1:
            return False
        return self._worked.get(job.candidate or JUDGES, -math.inf) > trial.began

    def failed(self, job: Job, failure: Failure) -> None:
        """Try again later."""
        now = time.monotonic()
        trial = self._trials.setdefault(job.key, _Trial(began=now))
        trial.tries += 1
        trial.pause = min(trial.pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
        trial.next_at = now + trial.pause
        self.failures[job.candidate or JUDGES] = failure.label

    def done(self, job: Job, found: Done) -> None:
        """It has its rows; where they hold no failure, its endpoint works."""
        self._trials.pop(job.key, None)
        if all(row.label is None for row in found.rows):
            self._worked[job.candidate or JUDGES] = time.monotonic()
            self.failures.pop(job.candidate or JUDGES, None)
