"""All that evaluates, opened from the settings: scorers, those behind HTTP too, judges, candidates.

Nothing is called here.  Without judges, candidates and scorers behind HTTP nothing ever leaves the process.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.adapters.calls import Failure, Limits
from app.adapters.chat import Chat, Completion, Endpoint
from app.adapters.http_scorer import HttpScorer
from app.adapters.judge import Judge
from app.adapters.scorers import scorers_of
from app.core.scorers import Scorer
from app.core.spending import Purse
from app.core.verdicts import Rubric
from app.errors import SettingsError
from app.evaluation_settings import CandidateSettings, EndpointSettings, EvaluationSettings, JudgeSettings


class Candidate:
    """A model that answers beside the one in production."""

    def __init__(self, name: str, chat: Chat, *, system: str = "") -> None:
        self.name, self.system, self._chat = name, system, chat
        self._before = [{"role": "system", "content": system}] if system else []

    @property
    def model(self) -> str:
        """Who answers."""
        return self._chat.endpoint.model

    def charge(self, purse: Purse, name: str) -> None:
        """Spend from this purse, under this name, from now on."""
        self._chat.charge(purse, name)

    @property
    def spent(self) -> float:
        """Money of the present day."""
        return self._chat.spent

    def price(self, prompt: str) -> float:
        """What one answer may cost, in money."""
        return self._chat.price(self._asked(prompt))

    async def answer(self, prompt: str) -> Completion | Failure:
        """What it says to a prompt."""
        return await self._chat.complete(self._asked(prompt))

    async def close(self) -> None:
        """Give the connections back."""
        await self._chat.close()

    def _asked(self, prompt: str) -> list[dict[str, str]]:
        return [*self._before, {"role": "user", "content": prompt}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluators:
    """By the names that their scores carry; candidates by the name that their answers carry."""

    table: Mapping[str, Scorer] = field(default_factory=dict)
    remote: Mapping[str, HttpScorer] = field(default_factory=dict)
    judges: Mapping[str, Judge] = field(default_factory=dict)
    candidates: Mapping[str, Candidate] = field(default_factory=dict)

    @property
    def calls(self) -> bool:
        """Whether anything is asked over the network."""
        return bool(self.remote or self.judges or self.candidates)

    def charge(self, purse: Purse) -> None:
        """Let judges and candidates spend from this purse from now on."""
        for kind, models in (("judge", self.judges), ("candidate", self.candidates)):
            for name, one in models.items():
                one.charge(purse, f"{kind} {name}")

    async def close(self) -> None:
        """Give all connections back."""
        for kind in (self.remote, self.judges, self.candidates):
            for one in kind.values():
                await one.close()


def open_evaluators(
    settings: EvaluationSettings, *, environment: Mapping[str, str] = os.environ
) -> Evaluators:
    """Everything that the settings name.

    Raises: SettingsError naming a scorer, key or file that is not there; InputError naming an extra.
    """
    remote = dict(_remote(name) for name in settings.scorers if "://" in name)
    table = scorers_of(name for name in settings.scorers if "://" not in name)
    judges = {each.name: _judge(each, environment) for each in settings.judges}
    twice = sorted((remote.keys() & table.keys()) | (judges.keys() & (remote.keys() | table.keys())))
    if twice:
        raise SettingsError(f"evaluation: {', '.join(twice)} is the name of two metrics; choose another name")
    candidates = {each.name: open_candidate(each, environment) for each in settings.candidates}
    return Evaluators(table=table, remote=remote, judges=judges, candidates=candidates)


def _remote(entry: str) -> tuple[str, HttpScorer]:
    name, _, url = entry.partition("=")
    if "://" in name or not name:
        raise SettingsError(
            f"evaluation.scorers: {entry!r}: write NAME=URL, as tone=http://127.0.0.1:9000/score"
        )
    return name, HttpScorer(url)


def _judge(given: JudgeSettings, environment: Mapping[str, str]) -> Judge:
    rubric = Rubric(name=given.name, question=given.question, low=given.low, high=given.high)
    return Judge(_chat(given, environment, "judges"), rubric, dimension=given.dimension)


def open_candidate(given: CandidateSettings, environment: Mapping[str, str] = os.environ) -> Candidate:
    """A model that answers.  Raises: SettingsError naming a key or file that is not there."""
    system = "" if given.system_file is None else _text(given.system_file)
    return Candidate(given.name, _chat(given, environment, "candidates"), system=system)


def _chat(given: EndpointSettings, environment: Mapping[str, str], kind: str) -> Chat:
    endpoint = Endpoint(
        base_url=given.base_url,
        model=given.model,
        key_env=given.key_env,
        key_file=given.key_file,
        price_in=given.price_in,
        price_out=given.price_out,
        spend_per_day=given.spend_per_day,
        max_tokens=given.max_tokens,
        temperature=given.temperature,
        limits=Limits(
            timeout_seconds=given.timeout_seconds,
            attempts=given.attempts,
            concurrency=given.concurrency,
            per_minute=given.per_minute,
        ),
    )
    try:
        return Chat(endpoint, environment=environment)
    except SettingsError as error:
        raise SettingsError(f"evaluation.{kind} {given.name}: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"evaluation.candidates: {path} cannot be read ({type(error).__name__})"
        ) from None
