"""A run of an eval set: what is asked, what it is called, and what its scores say of all.

Every id is a function of what was asked of whom, never of a clock: the same run asked for twice is one run,
and a row that is sent twice is one row.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from app.core.estimates import Row, estimate
from app.core.refusals import is_refusal
from app.core.scorers.answered import Answered, Dimension
from schemas.evalsets import CuratedItem, EvalItem, Layer
from schemas.events import Evaluation
from schemas.readings import Interval

DIMENSIONS: tuple[Dimension, ...] = ("accuracy", "quality", "behaviour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One item as it is asked.  A set that people wrote is all core, and every item weighs the same."""

    id: str
    prompt: str
    expected: str | None = None
    layer: Layer = "core"
    weight: float = 1.0
    stratum: str | None = None  # cluster of the reference that the set becomes

    def answered(self, response: str) -> Answered:
        """What a scorer sees.  An expected answer says, too, whether the prompt may be answered at all."""
        benign = None if self.expected is None else not is_refusal(self.expected)
        return Answered(prompt=self.prompt, response=response, expected=self.expected, benign=benign)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Whose items are asked of which model, and as what."""

    id: str
    application: str
    version: str  # of the eval set
    model: str | None = None
    deployment: str | None = None
    purpose: Literal["run", "probe"] = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What one scorer said of one answer.  `scorer`: scores compare only under one fingerprint."""

    name: str
    score: float
    scorer: str
    dimension: Dimension | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A mean over the items of one layer: of one metric, or of a dimension (`metric` None)."""

    dimension: Dimension
    metric: str | None
    layer: Layer
    items: int
    value: float
    interval: Interval | None  # 95 %; None where items are too few to tell


def questions_of(items: Iterable[CuratedItem | EvalItem]) -> list[Question]:
    """Items as they are asked, in order of their ids; of two with one id the first counts."""
    found: dict[str, Question] = {}
    for item in items:
        asked = Question(id=item.id, prompt=item.prompt, expected=item.expected)
        if isinstance(item, CuratedItem):
            asked = replace(asked, layer=item.layer, weight=item.weight or 0.0)
        found.setdefault(item.id, asked)
    return [found[id] for id in sorted(found)]


def content_version(items: Sequence[EvalItem]) -> str:
    """A name for a set that was never built here: a hash of what it asks and expects.

    >>> content_version([EvalItem(id="1", prompt="Why?")])
    'evalfile-5eb7c50ea82f5168'
    """
    return "evalfile-" + digest(*sorted(f"{i.id}\0{i.prompt}\0{i.expected or ''}" for i in items))


def run_of(application: str, version: str, *, model: str | None, asked: str, deployment: str | None) -> Run:
    """A run of a version: named after what is asked of whom.

    Args: asked, under which system prompt; of answers that were there before, their digest.
    """
    return Run(
        id=run_id("run", application, version, model, asked, deployment),
        application=application,
        version=version,
        model=model,
        deployment=deployment,
    )


def run_id(kind: str, *parts: str | None) -> str:
    """A name for what is asked of whom.

    >>> run_id("run", "helpdesk", "evalset-1", "model-a", None)
    'run-52f5c8e91cb1d130'
    """
    return f"{kind}-{digest(*(part or '' for part in parts))}"


def row(
    run: Run, question: Question, scored: Scored, *, time: datetime, told: str | None = None
) -> Evaluation:
    """One score as a record; `time` of the answer; `told`: another name by which the model called itself."""
    return Evaluation(
        application=run.application,
        time=time,
        name=scored.name,
        id=digest(run.id, question.id, scored.name),
        score=scored.score,
        item_id=question.id,
        evalset_version=run.version,
        deployment_id=run.deployment,
        model=run.model,
        explanation=f"answered as {told}" if told and told != run.model else None,
        source="evaluation",
        purpose=run.purpose,
        run_id=run.id,
        dimension=scored.dimension,
        scorer=scored.scorer,
        stratum=question.stratum,
        cost=scored.cost,
    )


def unknown(questions: Sequence[Question], rows: Iterable[Evaluation], *, needed: set[str]) -> list[Question]:
    """Questions that a run has not asked, or whose answer some scorer that is `needed` has not scored."""
    names: dict[str, set[str]] = {}
    for each in rows:
        if each.item_id is not None and each.score is not None:
            names.setdefault(each.item_id, set()).add(each.name)
    return [q for q in questions if q.id not in names or not needed <= names[q.id]]


def lines(questions: Sequence[Question], rows: Iterable[Evaluation]) -> list[Line]:
    """Each dimension and its metrics, core and tail apart: they stand for different things.

    The core's mean is weighted by what its items stand for, with the interval of `estimates`: what the model
    would score on more prompts like these.  A dimension's score of an item is the mean of its metrics.

    >>> asked = [Question(id=str(n), prompt="?") for n in range(100)]
    >>> run, now = Run(id="r", application="a", version="v"), datetime(2026, 1, 1)
    >>> told = [Scored(name="numeric", dimension="accuracy", score=float(n % 4 > 0), scorer="numeric")
    ...         for n in range(100)]
    >>> found = lines(asked, [row(run, q, s, time=now) for q, s in zip(asked, told)])
    >>> [(line.metric, line.value, round(line.interval.high, 2)) for line in found]
    [(None, 0.75, 0.84), ('numeric', 0.75, 0.84)]
    """
    by_id = {question.id: question for question in questions}
    scores: dict[tuple[Dimension, str, Layer], dict[str, float]] = {}
    for each in rows:
        known = by_id.get(each.item_id or "")
        if known is not None and each.dimension is not None and each.score is not None:
            scores.setdefault((each.dimension, each.name, known.layer), {})[known.id] = each.score
    out: list[Line] = []
    for dimension in DIMENSIONS:
        for layer in ("core", "tail"):
            own = {key[1]: of for key, of in sorted(scores.items()) if (key[0], key[2]) == (dimension, layer)}
            if own:
                whole = {None: _means(own.values())} | own
                out += [_line(dimension, metric, layer, of, by_id) for metric, of in whole.items()]
    return out


def _means(metrics: Iterable[Mapping[str, float]]) -> dict[str, float]:
    of: dict[str, list[float]] = {}
    for scores in metrics:
        for item, score in scores.items():
            of.setdefault(item, []).append(score)
    return {item: sum(each) / len(each) for item, each in of.items()}


def _line(
    dimension: Dimension,
    metric: str | None,
    layer: Layer,
    scores: Mapping[str, float],
    questions: Mapping[str, Question],
) -> Line:
    weights = {item: questions[item].weight if layer == "core" else 1.0 for item in scores}
    least = min((weight for weight in weights.values() if weight > 0), default=1.0)
    kept = [item for item in sorted(scores) if weights[item] > 0]
    found = estimate(
        [Row(stratum="", inclusion=min(least / weights[item], 1.0), score=scores[item]) for item in kept],
        target="process",
    )
    total = sum(weights[item] for item in kept)
    value = sum(weights[item] * scores[item] for item in kept) / total if total else 0.0
    return Line(
        dimension=dimension,
        metric=metric,
        layer=layer,
        items=len(kept),
        value=value,
        interval=None if found is None else found.mean,
    )


def digest(*parts: str) -> str:
    """A short name for texts."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()
