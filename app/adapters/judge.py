"""A model that scores answers: asked by a rubric, read strictly, asked once more where that failed."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.adapters.calls import Failure
from app.adapters.chat import Chat, Completion
from app.core.scorers import Answered, Dimension
from app.core.spending import Purse
from app.core.verdicts import Rubric, grade_of, preference_of, repairing


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A score in [0, 1], 1 is best; of two answers: 1 the first is better, 0.5 neither."""

    score: float
    cost: float
    repaired: bool = False
    consistent: bool = True  # of two answers: the verdict did not change with their order


class Judge:
    """One model with one rubric.  What it cannot say is a Failure, never a score."""

    def __init__(self, chat: Chat, rubric: Rubric, *, dimension: Dimension = "accuracy") -> None:
        self._chat, self._rubric, self.dimension = chat, rubric, dimension

    @property
    def fingerprint(self) -> str:
        """Model and rubric: scores compare only under one fingerprint, and gold items watch one."""
        return f"{self._chat.endpoint.model}/{self._rubric.fingerprint}"

    @property
    def model(self) -> str:
        """Who judges."""
        return self._chat.endpoint.model

    def charge(self, purse: Purse, name: str) -> None:
        """Spend from this purse, under this name, from now on."""
        self._chat.charge(purse, name)

    @property
    def spent(self) -> float:
        """Money of the present day."""
        return self._chat.spent

    def price(self, answered: Answered) -> float:
        """What one score may cost, in money: two calls."""
        return 2 * self._chat.price(self._rubric.graded(answered), schema=self._wanted)

    async def score(self, answered: Answered, *, anew: bool = False) -> Judgement | Failure:
        """How good an answer is; `anew`: also where the same was asked before, as of gold items.

        Cost: a call, two where the first could not be read.
        """
        messages, schema = self._rubric.graded(answered), self._wanted
        if anew:
            self._chat.forget(messages, schema=schema)
        return await self._ask(messages, schema, lambda said: grade_of(said, self._rubric))

    async def prefer(self, answered: Answered, other: str) -> Judgement | Failure:
        """Whether the response is better than another: asked in both orders, for judges like a place.

        Verdicts that change with the order count as a tie (Zheng et al., 2023, LLM-as-a-judge).
        """
        orders = ((answered.response, other), (other, answered.response))
        schema = _schema(better={"type": "string", "enum": ["first", "second", "tie"]})
        one, two = await asyncio.gather(
            *(
                self._ask(self._rubric.compared(answered, first=a, second=b), schema, preference_of)
                for a, b in orders
            )
        )
        if isinstance(one, Failure):
            return replace(one, cost=one.cost + two.cost)
        if isinstance(two, Failure):
            return replace(two, cost=one.cost + two.cost)
        swapped = 1 - two.score
        same = one.score == swapped
        return Judgement(
            score=one.score if same else 0.5,
            cost=one.cost + two.cost,
            repaired=one.repaired or two.repaired,
            consistent=same,
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._chat.close()

    @property
    def _wanted(self) -> dict[str, Any]:
        low, high = self._rubric.low, self._rubric.high
        return _schema(score={"type": "integer", "minimum": low, "maximum": high})

    async def _ask(
        self, messages: list[dict[str, str]], schema: Mapping[str, Any], read: Callable[[str], float | str]
    ) -> Judgement | Failure:
        said = await self._chat.complete(messages, schema=schema)
        if isinstance(said, Failure):
            return said
        found = read(said.text)
        if isinstance(found, float):
            return Judgement(score=found, cost=said.cost)
        more = repairing(messages, said.text, found)
        again = await self._chat.complete(more, schema=schema)
        if isinstance(again, Failure):
            return replace(again, cost=said.cost + again.cost)
        repaired = _repaired(read(again.text), said, again)
        if isinstance(repaired, Failure):
            self._chat.forget(messages, schema=schema)
            self._chat.forget(more, schema=schema)
        return repaired


def _repaired(found: float | str, said: Completion, again: Completion) -> Judgement | Failure:
    cost = said.cost + again.cost
    if isinstance(found, str):
        return Failure("unusable", f"the judge was asked twice: {found}", cost=cost)
    return Judgement(score=found, cost=cost, repaired=True)


def _schema(**wanted: Mapping[str, Any]) -> dict[str, Any]:
    properties = {"reason": {"type": "string"}, **wanted}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
