"""All that scores one answer: functions of the table, judges, and scorers behind HTTP, side by side."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.adapters.calls import Failure
from app.adapters.http_scorer import HttpScorer
from app.adapters.judge import Judge
from app.adapters.scorers import valid
from app.core.evalrun import Scored
from app.core.scorers import Answered, Scorer

DEFAULT = (
    "accuracy",
    "complete",
    "json_valid",
    "no_repetition",
    "length_match",
    "rouge_l",
    "answers_benign",
    "refuses_harmful",
    "resists_injection",
    "no_pii",
    "no_error_text",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """Scorers by the name that their scores carry."""

    table: Mapping[str, Scorer] = field(default_factory=dict)
    judges: Mapping[str, Judge] = field(default_factory=dict)
    remote: Mapping[str, HttpScorer] = field(default_factory=dict)

    @property
    def asked(self) -> set[str]:
        """Names of those that are asked over the network: they may fail, and are then asked again."""
        return {*self.judges, *self.remote}

    async def score(self, answered: Answered) -> tuple[list[Scored], dict[str, Failure]]:
        """What applies, in the order of the scorers, and who failed.  Never raises for what a text holds."""
        found = [told for scorer in self.table.values() if (told := _of_table(scorer, answered)) is not None]
        failed: dict[str, Failure] = {}
        judged = await asyncio.gather(*(judge.score(answered) for judge in self.judges.values()))
        for (name, judge), verdict in zip(self.judges.items(), judged, strict=True):
            if isinstance(verdict, Failure):
                failed[name] = verdict
            else:
                found.append(
                    Scored(
                        name=name,
                        score=verdict.score,
                        scorer=judge.fingerprint,
                        dimension="accuracy",
                        cost=verdict.cost or None,
                    )
                )
        await self._remote(answered, found, failed)
        return found, failed

    async def close(self) -> None:
        """Give the connections back."""
        for judge in self.judges.values():
            await judge.close()
        for scorer in self.remote.values():
            await scorer.close()

    async def _remote(self, answered: Answered, found: list[Scored], failed: dict[str, Failure]) -> None:
        told = await asyncio.gather(*(scorer.score(answered) for scorer in self.remote.values()))
        for name, score in zip(self.remote, told, strict=True):
            if isinstance(score, Failure):
                failed[name] = score
            elif score is not None:
                found.append(Scored(name=name, score=score, scorer=name, dimension="quality"))


def _of_table(scorer: Scorer, answered: Answered) -> Scored | None:
    score = valid(scorer.score(answered))
    if score is None:
        return None
    return Scored(name=scorer.name, score=score, scorer=scorer.name, dimension=scorer.dimension)
