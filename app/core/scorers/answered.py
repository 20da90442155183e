"""What a scorer sees, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.events import Dimension as Dimension

READ = 20_000  # characters of a response that are read


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A prompt, the response to it, and what is known beside them."""

    prompt: str
    response: str
    expected: str | None = None  # answer of the eval item, or of the nearest one
    language: str | None = None
    finish_reason: str | None = None
    benign: bool | None = None  # whether the prompt may be answered; None: nobody said
    json_schema: str | None = None  # that the response should have


Score = float | None  # in [0, 1], 1 is as it should be; None: does not apply, or cannot be told
ScoreFunction = Callable[[Answered], Score]


@dataclass(frozen=True, slots=True)
class Scorer:
    """One row of the table.  `score` never raises for what a text holds, and reads READ characters."""

    name: str
    dimension: Dimension
    score: ScoreFunction
    meaning: str  # of 1
    version: int = 1  # counted up where other scores come of the same texts

    @property
    def fingerprint(self) -> str:
        """Scores compare only under one."""
        return self.name if self.version == 1 else f"{self.name}@{self.version}"
