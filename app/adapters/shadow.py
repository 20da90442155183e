"""Live answers before scorers, judges and candidates: what is free at once, what is asked, what failed."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from app.adapters.calls import Failure
from app.adapters.evaluators import Evaluators
from app.adapters.exchanges import is_cut, shown
from app.adapters.expected import ExpectedAnswers, Gold
from app.adapters.scorers import found_in
from app.adapters.scoring import of_table, score
from app.core.evalrun import Scored
from app.core.fixedpoint import WORDING_SCALE, restore
from app.core.refusals import is_refusal
from app.core.scorers import OF_A_PART, Answered, Dimension
from app.core.selection import Budget
from app.core.shadow import ShadowPolicy
from app.core.shadow_jobs import Batch, Job
from app.core.shadow_rows import gold_id, gold_row, live_row, unscored_row
from app.core.shadow_samples import Held
from app.evaluation_settings import EvaluationSettings
from app.ports import Encoder
from schemas.events import Evaluation

SIMILARITY = "similarity"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job: its rows, what it cost, and the live answer's score by the first judge."""

    rows: list[Evaluation]
    cost: float = 0.0
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """All that live answers are held to."""

    by: Evaluators
    encoder: Encoder
    expected: ExpectedAnswers
    gold: Sequence[Gold] = ()
    longest: int = 4000  # characters of a candidate's answer, as of the live one

    def policy(self, settings: EvaluationSettings, *, lateness_seconds: float) -> ShadowPolicy:
        """The settings as the core wants them."""
        money = math.inf if settings.money_per_day is None else settings.money_per_day
        return ShadowPolicy(
            window_seconds=settings.window_seconds,
            window_samples=settings.window_samples,
            lateness_seconds=lateness_seconds,
            budget=Budget(settings.scores_per_day, money),
            asks=self.by.calls,
            candidates=tuple(self.by.candidates),
            gold=len(self.gold) if self.by.judges else 0,
            gold_every=settings.gold_every,
            salt=settings.salt,
        )

    @property
    def asked(self) -> dict[str, str]:
        """Metrics that are asked for over the network, with their fingerprints."""
        judges = {name: judge.fingerprint for name, judge in self.by.judges.items()}
        return judges | {name: name for name in self.by.remote}

    @property
    def endpoints(self) -> list[tuple[str, str, str | None]]:
        """Name, kind, and which candidate it is, of all that is asked."""
        judges = [(name, "judge", None) for name in self.by.judges]
        remote = [(name, "scorer", None) for name in self.by.remote]
        return [*judges, *remote, *((name, "candidate", name) for name in self.by.candidates)]

    @property
    def spent(self) -> float:
        """Money spent on the present day, as the endpoints' caps see it."""
        judges, candidates = self.by.judges.values(), self.by.candidates.values()
        return sum(one.spent for one in judges) + sum(one.spent for one in candidates)

    def tells(self, row: Evaluation, job: Job) -> bool:
        """Whether a row is what came of a job."""
        if job.held is None:
            return row.purpose == "gold" and row.id in {
                self._gold_id(job, name, scorer) for name, scorer in self.asked.items()
            }
        same = row.purpose == "shadow" and row.interaction_id == job.held.id
        mine = row.candidate == job.candidate and row.application == job.application
        return same and mine and (job.candidate is not None or row.name in self.asked)

    def price(self, held: Held) -> float:
        """What asking everybody about one sample may cost at the most, in money."""
        answered = self._answered(held)
        judged = sum(judge.price(answered) for judge in self.by.judges.values())
        candidates = self.by.candidates.values() if held.may_be_asked else ()
        return judged + sum(candidate.price(held.prompt) + judged for candidate in candidates)

    def told(self, batch: Batch) -> list[Evaluation]:
        """Rows of a window: what costs nothing, and who was not chosen.  Takes milliseconds a sample."""
        rows: list[Evaluation] = []
        for held in batch.kept:
            rows += self.free(held)
            if held.id not in batch.chosen:
                rows += self.not_chosen(held)
        for job in batch.given_up:
            rows += self.given_up(job, "too many were waiting")
        return rows

    def free(self, held: Held) -> list[Evaluation]:
        """Rows of the scorers that cost nothing."""
        if held.problem is not None:
            return []
        return [live_row(held, each) for each in self._table(held, self._answered(held), held.leaks)]

    def not_chosen(self, held: Held) -> list[Evaluation]:
        """Rows that say that a sample was kept and nobody was asked, and why."""
        return [unscored_row(held, name, scorer, label=held.problem) for name, scorer in self.asked.items()]

    def given_up(self, job: Job, label: str) -> list[Evaluation]:
        """Rows of a job that nobody did."""
        if job.held is None:
            return []
        names = self.asked or {name: scorer.fingerprint for name, scorer in [*self.by.table.items()][:1]}
        return [
            unscored_row(
                job.held, name, scorer, selection=job.selection, label=label, candidate=job.candidate
            )
            for name, scorer in names.items()
        ]

    async def ask(self, job: Job, *, last: bool = False) -> Done | Failure:
        """Do a job; a Failure where another attempt may help, and this is not the `last`."""
        if job.held is None:
            return await self._gold(job, last=last)
        if job.candidate is not None:
            return await self._candidate(job, job.held, last=last)
        found, failed = await self._asked(self._answered(job.held))
        cost, passing = _cost(found, failed), _passing(failed)
        if passing is not None and not last:
            return replace(passing, cost=cost)
        rows = self._rows(job, found, failed)
        judged = [each.score for each in found if each.name in self.by.judges]
        return Done(rows, cost, judged[0] if judged else None)

    async def _candidate(self, job: Job, held: Held, *, last: bool) -> Done | Failure:
        candidate = self.by.candidates.get(job.candidate or "")
        if candidate is None:
            return Done([])  # it is no longer set
        said = await candidate.answer(held.prompt)
        if isinstance(said, Failure):
            again = said.passes and not last
            return said if again else Done(self.given_up(job, f"candidate: {said.label}"), said.cost)
        text = shown(said.text, self.longest)
        answer = structs.replace(
            held, response=text, response_cut=is_cut(said.text, text), finish_reason=said.finish_reason
        )
        answered = self._answered(answer)
        found, failed = await self._asked(answered)
        cost, passing = said.cost + _cost(found, failed), _passing(failed)
        if passing is not None and not last:
            return replace(passing, cost=cost)
        leaks = bool(found_in(said.text, text))
        loop = asyncio.get_running_loop()
        free = await loop.run_in_executor(None, self._table, answer, answered, leaks)
        rows = self._rows(job, [*free, *found], failed, model=candidate.model)
        return Done(rows, cost)

    async def _gold(self, job: Job, *, last: bool) -> Done | Failure:
        item = self.gold[job.gold % len(self.gold)] if self.gold else None
        if item is None:
            return Done([])  # they are no longer set
        names = list(self.by.judges)
        verdicts = await asyncio.gather(
            *(judge.score(item.answered, anew=True) for judge in self.by.judges.values())
        )
        failed = {n: v for n, v in zip(names, verdicts, strict=True) if isinstance(v, Failure)}
        cost, passing = sum(verdict.cost for verdict in verdicts), _passing(failed)
        if passing is not None and not last:
            return replace(passing, cost=cost)
        rows = []
        for (name, judge), verdict in zip(self.by.judges.items(), verdicts, strict=True):
            failure = verdict if isinstance(verdict, Failure) else None
            scored = Scored(
                name=name,
                score=0.0 if isinstance(verdict, Failure) else verdict.score,
                scorer=judge.fingerprint,
                dimension=judge.dimension,
                cost=verdict.cost or None,
            )
            rows.append(
                gold_row(
                    job.application,
                    scored,
                    time=job.time,
                    item=item.id,
                    number=job.gold,
                    gold=item.score,
                    label=None if failure is None else failure.label,
                )
            )
        return Done(rows, cost)

    def _gold_id(self, job: Job, name: str, scorer: str) -> str:
        return gold_id(job.application, name, scorer, job.gold)

    async def _asked(self, answered: Answered) -> tuple[list[Scored], dict[str, Failure]]:
        return await score(Evaluators(judges=self.by.judges, remote=self.by.remote), answered)

    def _rows(
        self, job: Job, found: Sequence[Scored], failed: Mapping[str, Failure], *, model: str | None = None
    ) -> list[Evaluation]:
        if job.held is None:
            return []
        rows = [
            live_row(
                job.held,
                each,
                selection=job.selection,
                source="llm_judge" if each.name in self.by.judges else "evaluation",
                candidate=job.candidate,
                model=model,
            )
            for each in found
        ]
        for name, failure in failed.items():
            rows.append(
                unscored_row(
                    job.held,
                    name,
                    self.asked[name],
                    selection=job.selection,
                    label=failure.label,
                    candidate=job.candidate,
                    cost=failure.cost or None,
                )
            )
        return rows

    def _answered(self, held: Held) -> Answered:
        item = None if held.item is None else self.expected.of(held.application).items.get(held.item)
        expected = None if item is None else item.expected
        return Answered(
            prompt=held.prompt,
            response=held.response or "",
            expected=expected,
            language=held.language,
            finish_reason=held.finish_reason,
            benign=None if expected is None else not is_refusal(expected),
        )

    def _table(self, held: Held, answered: Answered, leaks: bool | None) -> list[Scored]:
        """What the table says; of a response that was cut only what its beginning can show."""
        out: list[Scored] = []
        for name, scorer in self.by.table.items():
            if held.response_cut and name not in OF_A_PART:
                continue
            if name == "no_pii":  # the texts are redacted: what was found was told when they were
                if leaks is not None:
                    out.append(_scored(name, float(not leaks), scorer.fingerprint, "behaviour"))
                continue
            found = of_table(scorer, answered)
            if found is not None:
                out.append(found)
        alike = self._similarity(held)
        return out if alike is None else [*out, alike]

    def _similarity(self, held: Held) -> Scored | None:
        """Likeness to the expected answer of the item that is asked, or is nearest."""
        item, expected = held.item or held.near, self.expected.of(held.application)
        if item is None or expected.nearest is None or not held.response:
            return None
        seen = self.encoder.encode([held.response])
        if not seen.readable[0]:
            return None
        found = expected.likeness(item, restore(seen.wording[0], WORDING_SCALE))
        fingerprint = f"{SIMILARITY}@{self.encoder.fingerprint}"
        return None if found is None else _scored(SIMILARITY, found, fingerprint, "accuracy")


def _scored(name: str, score: float, scorer: str, dimension: Dimension) -> Scored:
    return Scored(name=name, score=score, scorer=scorer, dimension=dimension)


def _cost(found: Iterable[Scored], failed: Mapping[str, Failure]) -> float:
    return sum(each.cost or 0.0 for each in found) + sum(each.cost for each in failed.values())


def _passing(failed: Mapping[str, Failure]) -> Failure | None:
    return next((each for each in failed.values() if each.passes), None)
