"""GET /v1/evaluation: how good live answers are, and whether what says so can be believed."""

from typing import Any

from fastapi import APIRouter, Response

from app.web import answers
from app.web.answers import Answer, Evaluated, Evaluations, described
from app.web.api import Asked, Views, unknown

PARTS = {"quality": "quality", "validity": "validity", "judges": "judge", "models": "silent-change"}


def routes(views: Views) -> APIRouter:
    """The endpoint."""
    router = APIRouter(prefix="/v1", tags=["status"], responses=answers.PROBLEM)

    @router.get("/evaluation", responses={200: described(answers.Evaluations)})
    async def evaluation(application: str | None = None, asked: Asked = None) -> Response:
        """Scores of live answers by version and dimension, candidates, validity, judges and probed models."""

        async def make() -> Answer:
            found = (await views.statuses())["applications"]
            if application is not None:
                found = [each for each in found if each["application"] == application]
                if not found:
                    raise unknown(application)
            return Answer(Evaluations([of for each in found if (of := evaluated(each)) is not None]))

        return (await views.once(("evaluation", application), make)).to(asked)

    return router


def evaluated(status: dict[str, Any]) -> Evaluated | None:
    """What a status document says of evaluation; None where that is nothing."""
    readings = status["readings"]
    found = {
        part: [
            readings[place] for place in sorted(readings) if readings[place]["monitor"].startswith(f"{kind}:")
        ]
        for part, kind in PARTS.items()
    }
    return Evaluated(application=status["application"], **found) if any(found.values()) else None
