"""The run that a deployment asks for: the eval set in force, against the model of the settings."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.adapters.evalrun import ENDS, Heard, ModelTarget, ask
from app.adapters.evaluations import Rows
from app.adapters.evaluators import Candidate, Evaluators
from app.adapters.questions import in_force
from app.adapters.scoring import asked
from app.core.evalrun import Question, run_of, unknown
from app.ports import Encoder

EVERY = 20  # answers to a delivery of rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What became of it: items of the version, answered now, without an answer still, and money."""

    run: str
    version: str
    items: int
    answered: int
    left: int
    reason: str = ""  # of the first that has no answer
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whom to ask, how answers are scored, where rows go."""

    place: str  # store of versions, or a file of items
    models: Mapping[str, Candidate]  # by application
    by: Evaluators
    encoder: Encoder
    rows: Rows

    async def run(self, application: str, deployment: str, *, wanted: Callable[[], bool]) -> Ran:
        """Ask what has no answer yet; `wanted` is looked at before every few.

        Raises: InputError where no version is in force, DependencyError.
        """
        version, questions = await asyncio.to_thread(self._questions, application)
        model = self.models[application]
        going = run_of(application, version, model=model.model, asked=model.system, deployment=deployment)
        known = await asyncio.to_thread(self.rows.known, going.id)
        open_ones = unknown(questions, known, needed=asked(self.by))
        heard: list[Heard] = []
        for first in range(0, len(open_ones), EVERY):
            if not wanted() or (heard and _over(heard)):
                break
            part = open_ones[first : first + EVERY]
            at = len(heard)
            target = ModelTarget(model)
            await ask(going, part, target, self.by, tell=heard.append, concurrency=EVERY)
            await asyncio.to_thread(self.rows.add, [row for each in heard[at:] for row in each.rows])
        failed = [each for each in heard if each.again]
        return Ran(
            run=going.id,
            version=version,
            items=len(questions),
            answered=len(heard) - len(failed),
            left=len(failed) + len(open_ones) - len(heard),
            reason=next((each.failure.reason for each in failed if each.failure is not None), ""),
            cost=sum(each.cost for each in heard),
        )

    def _questions(self, application: str) -> tuple[str, list[Question]]:
        found = in_force(self.place, application)
        return found.version, found.placed(found.questions, self.encoder)


def _over(heard: list[Heard]) -> bool:
    return any(each.failure is not None and each.failure.kind in ENDS for each in heard)
