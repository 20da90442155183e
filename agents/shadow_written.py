"""Rows about live answers that stand on their topic already: written just before a crash."""

from collections.abc import Iterable

from agents.reading import read_partition
from app.adapters.shadow import Scoring
from app.core.shadow import Shadow
from app.settings import Settings
from schemas.codec import decode
from schemas.events import Evaluation
from schemas.topics import EVALUATIONS

SCANNED = 1000  # records, of up to 64 rows each, that are looked through


async def written(settings: Settings, partition: int, shadow: Shadow | None = None) -> dict[str, Evaluation]:
    """By id, those of the newest rows that are about what is still to be told or asked; else all of them.

    `samples.v1` and `evaluations.v1` are keyed alike and have as many partitions.
    """
    found: dict[str, Evaluation] = {}
    wanted = None if shadow is None else _wanted(shadow)
    async for record in read_partition(settings, EVALUATIONS, partition, newest=SCANNED):
        for row in decode(record.value, kind="evaluation") if record.value else []:
            if not isinstance(row, Evaluation):
                continue
            if wanted is None or row.purpose == "gold" or row.interaction_id in wanted:
                found[row.id] = row
    return found


def _wanted(shadow: Shadow) -> set[str]:
    told = {held.id for batch in shadow.outgoing for held in batch.kept}
    return told | {job.held.id for job in shadow.jobs if job.held is not None}


def settle(shadow: Shadow, rows: Iterable[Evaluation], scoring: Scoring) -> None:
    """Jobs whose rows are there are done."""
    known = list(rows)
    for job in list(shadow.jobs):
        told = [row for row in known if scoring.tells(row, job)]
        if told:
            score = next((row.score for row in told if row.source == "llm_judge"), None)
            shadow.settle(job, score=score, cost=sum(row.cost or 0.0 for row in told))
