"""When a sink may be spoken to: a token bucket for its limit, a circuit breaker for its troubles."""

from dataclasses import dataclass

FAILURES = 5  # in a row, until the circuit opens
OPEN_WAITS = 15.0  # times the first wait of a retry that an open circuit stays so
LONGEST_PAUSE_SECONDS = 3600.0  # however long a sink asks to be left alone


@dataclass(slots=True)
class Gate:
    """One sink's.  `now` is any clock in seconds, given by the caller.

    At most `per_minute` in a minute: a fifth of it at once, the rest as time passes.

    >>> gate = Gate(per_minute=5.0, wait_seconds=2.0)
    >>> gate.admits(0.0), gate.admits(0.0), gate.admits(15.0)
    (True, False, True)
    """

    per_minute: float
    wait_seconds: float
    tokens: float | None = None
    filled_at: float = 0.0
    failures: int = 0
    open_until: float | None = None
    probing: bool = False
    paused_until: float = 0.0

    def admits(self, now: float) -> bool:
        """Whether one more may be sent now, which is then counted."""
        if now < self.paused_until or self.probing:
            return False
        if self.open_until is not None and now < self.open_until:
            return False
        burst = max(1.0, self.per_minute / 5.0)
        rate = max(self.per_minute - burst, self.per_minute / 2.0) / 60.0
        tokens = burst if self.tokens is None else min(burst, self.tokens + (now - self.filled_at) * rate)
        self.filled_at, self.tokens = now, tokens
        if tokens < 1.0:
            return False
        self.tokens = tokens - 1.0
        self.probing = self.open_until is not None  # one tries, the others wait for it
        return True

    @property
    def open(self) -> bool:
        """Whether the sink is left alone because it failed."""
        return self.open_until is not None

    def succeeded(self) -> bool:
        """It answered; true where it had not before."""
        back = self.open
        self.failures, self.open_until, self.probing = 0, None, False
        return back

    def failed(self, now: float) -> None:
        """It did not answer, or said that it could not."""
        self.failures, self.probing = self.failures + 1, False
        if self.failures >= FAILURES:
            self.open_until = now + OPEN_WAITS * self.wait_seconds

    def pause(self, now: float, seconds: float) -> None:
        """It asked to be left alone."""
        self.probing = False
        self.paused_until = max(self.paused_until, now + min(seconds, LONGEST_PAUSE_SECONDS))

    def released(self) -> None:
        """What was admitted will not be answered: its sender was stopped."""
        self.probing = False
