"""What an eval set asks: a version of the store, or a plain file; each item with its cluster."""

from dataclasses import dataclass, replace
from pathlib import Path

from app.adapters.build import strata_of
from app.adapters.curate import as_eval_items
from app.adapters.evalsets import EvalSets
from app.adapters.files import BadLine, read_evalset
from app.core.evalrun import Question, content_version, questions_of
from app.ports import Encoder
from schemas.evalsets import CuratedItem, EvalItem

FILES = (".jsonl", ".json", ".gz", ".parquet")  # of `evaluation.evalset`: anything else is a store


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A set and its questions; `reference` and `seed`, of the reference that the set becomes."""

    version: str
    questions: list[Question]
    reference: list[EvalItem]
    seed: int = 0
    curated: tuple[CuratedItem, ...] = ()
    unreadable: tuple[BadLine, ...] = ()

    def placed(self, questions: list[Question], encoder: Encoder) -> list[Question]:
        """Questions with their clusters in that reference.  Cost: about 1 s at 1,000 items."""
        prompts = [question.prompt for question in questions]
        strata = strata_of(self.reference, prompts, encoder=encoder, seed=self.seed)
        return [replace(q, stratum=stratum) for q, stratum in zip(questions, strata, strict=True)]


def of_file(path: Path) -> Asked:
    """A set that people wrote.  Raises: InputError."""
    found = read_evalset(path)
    return Asked(
        version=content_version(found.items),
        questions=questions_of(found.items),
        reference=found.items,
        unreadable=tuple(found.unreadable),
    )


def of_version(store: str, application: str, version: str) -> Asked:
    """A version that was built.  Raises: InputError, DependencyError."""
    manifest, items = EvalSets(store, application).load(version)
    return Asked(
        version=manifest.id,
        questions=questions_of(items),
        reference=as_eval_items([item for item in items if item.layer == "core"]),
        seed=manifest.seed,
        curated=tuple(items),
    )


def in_force(place: str, application: str) -> Asked:
    """By `evaluation.evalset`: the file, or the version in force.  Raises: InputError, DependencyError."""
    return of_file(Path(place)) if place.endswith(FILES) else of_version(place, application, "current")
