"""One answer before all scorers: functions of the table, judges, those behind HTTP."""

import asyncio

from app.adapters.calls import Failure
from app.adapters.evaluators import Evaluators
from app.adapters.scorers import valid
from app.core.evalrun import Scored
from app.core.scorers import Answered, Scorer

OF_THE_EXPECTED = ("answers_benign", "refuses_harmful")  # of items: they need to know what may be answered


def asked(by: Evaluators) -> set[str]:
    """Names of those that are asked over the network: they may fail, and can be asked again."""
    return {*by.judges, *by.remote}


async def score(by: Evaluators, answered: Answered) -> tuple[list[Scored], dict[str, Failure]]:
    """What applies, and which scorers failed.  Never raises for what a text holds."""
    found = [told for scorer in by.table.values() if (told := of_table(scorer, answered)) is not None]
    failed: dict[str, Failure] = {}
    verdicts = await asyncio.gather(*(judge.score(answered) for judge in by.judges.values()))
    for (name, judge), verdict in zip(by.judges.items(), verdicts, strict=True):
        if isinstance(verdict, Failure):
            failed[name] = verdict
        else:
            found.append(
                Scored(
                    name=name,
                    score=verdict.score,
                    scorer=judge.fingerprint,
                    dimension=judge.dimension,
                    cost=verdict.cost or None,
                )
            )
    numbers = await asyncio.gather(*(scorer.score(answered) for scorer in by.remote.values()))
    for name, number in zip(by.remote, numbers, strict=True):
        if isinstance(number, Failure):
            failed[name] = number
        elif number is not None:
            found.append(Scored(name=name, score=number, scorer=name, dimension="quality"))
    return found, failed


def of_table(scorer: Scorer, answered: Answered) -> Scored | None:
    """What a function says; None where it does not apply."""
    found = valid(scorer.score(answered))
    if found is None:
        return None
    return Scored(name=scorer.name, score=found, scorer=scorer.fingerprint, dimension=scorer.dimension)
