"""Settings of evaluation: scorers, judges, candidates, what they may use, and whose stakes are high."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from app.section import Section

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
LIVE = (
    "accuracy",
    "complete",
    "json_valid",
    "length_match",
    "no_repetition",
    "readability",
    "rouge_l",
    "no_refusal",
    "resists_injection",
    "no_pii",
    "no_error_text",
)


class EndpointSettings(Section):
    """A model over the chat-completions protocol.  Its key stands in the environment or in a file."""

    name: str = Field(pattern=NAME)
    base_url: str = Field(pattern=r"^https?://")
    model: str = Field(min_length=1)
    key_env: str | None = None
    key_file: Path | None = None
    price_in: float = Field(default=0.0, ge=0, description="per million tokens")
    price_out: float = Field(default=0.0, ge=0, description="per million tokens")
    spend_per_day: float | None = Field(default=None, gt=0)
    max_tokens: int = Field(default=300, ge=1, le=100_000)
    temperature: float = Field(default=0.0, ge=0, le=2)
    timeout_seconds: float = Field(default=60.0, gt=0, le=600)
    attempts: int = Field(default=4, ge=1, le=10)
    concurrency: int = Field(default=8, ge=1, le=256)
    per_minute: float = Field(default=300.0, gt=0)


class JudgeSettings(EndpointSettings):
    """A model that scores answers; `name` is that of the metric."""

    question: str = Field(default="Is the answer right, and of use to who asked?", min_length=8)
    low: int = 1
    high: int = 5
    dimension: Literal["accuracy", "quality", "behaviour"] = "accuracy"

    @model_validator(mode="after")
    def _scale(self) -> "JudgeSettings":
        if not self.low < self.high:
            raise ValueError("a scale needs low below high")
        return self


class CandidateSettings(EndpointSettings):
    """A model that answers live prompts in the shadow."""

    system_file: Path | None = None
    max_tokens: int = Field(default=1000, ge=1, le=100_000)


class TargetSettings(CandidateSettings):
    """The model behind an application, as its deployments leave it; `name` is that of the application."""


class StakeSettings(Section):
    """Prompts whose stakes are high: by a regular expression, or by a segment such as `tag=billing`."""

    name: str = Field(min_length=1, max_length=64)
    match: str | None = None
    segment: str | None = None

    @field_validator("match")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"is no regular expression ({error})") from None
        return value

    @model_validator(mode="after")
    def _one(self) -> "StakeSettings":
        if (self.match is None) == (self.segment is None):
            raise ValueError("give either match, a regular expression, or segment, as tag=billing")
        return self


class EvaluationSettings(Section):
    """How live answers are scored.  Without judges and candidates nothing leaves and nothing is spent."""

    scorers: list[str] = list(LIVE)
    judges: list[JudgeSettings] = []
    candidates: list[CandidateSettings] = []
    targets: list[TargetSettings] = []
    stakes: list[StakeSettings] = []
    scores_per_day: int = Field(default=2000, ge=0)
    money_per_day: float | None = Field(default=None, ge=0)
    window_seconds: float = Field(default=300.0, gt=0, le=86_400)
    window_samples: int = Field(default=1000, ge=1, le=20_000)
    samples_per_second: float = Field(default=2.0, gt=0)
    text_characters: int = Field(default=4000, ge=0, le=20_000)
    evalset: str | None = None
    gold: Path | None = None
    gold_every: int = Field(default=25, ge=1)
    patience_seconds: float = Field(default=6 * 3600.0, ge=0)
    salt: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=6068, ge=0, le=65535)

    @model_validator(mode="after")
    def _distinct(self) -> "EvaluationSettings":
        for kind in ("judges", "candidates", "targets", "stakes"):
            names = [each.name for each in getattr(self, kind)]
            if len(set(names)) < len(names):
                raise ValueError(f"{kind}: two have the same name; every name must be its own")
        return self
