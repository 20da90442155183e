"""What answers are held to: expected answers of the eval set in force, and gold items for judges."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.adapters.evalsets import EvalSets
from app.adapters.files import lines_of, read_evalset
from app.core.curation_history import standing
from app.core.evalrun import content_version
from app.core.fixedpoint import WORDING_SCALE, restore
from app.core.scorers import Answered
from app.core.scorers.nearest import Nearest
from app.core.shadow_samples import NOTHING_EXPECTED, Expected
from app.core.units import hash64
from app.errors import InputError, PromptdriftError
from app.ports import Encoder
from schemas.evalsets import CuratedItem, EvalItem

MOST_NEAR = 4000  # items among which the nearest is looked for: the radius costs their square
REFRESH_SECONDS = 60.0  # between looks for another version
FILES = (".jsonl", ".json", ".gz", ".parquet", ".csv")


@dataclass(frozen=True, slots=True)
class Gold:
    """An answer whose score people know."""

    id: str
    answered: Answered
    score: float


class ExpectedAnswers:
    """Expected answers by application: of a file, or of the promoted version of a folder or URL.

    `refresh` looks again and may take seconds; `of` never waits.
    """

    def __init__(self, place: str | None, encoder: Encoder) -> None:
        self._place, self._encoder = place, encoder
        self._held: dict[str, Expected] = {}
        self._looked: dict[str, float] = {}

    def of(self, application: str) -> Expected:
        """What is known; nothing before the first `refresh`."""
        return self._held.get(application, NOTHING_EXPECTED)

    def due(self, application: str, now: float) -> bool:
        """Whether it is time to look; the next time is REFRESH_SECONDS later."""
        if now - self._looked.get(application, -REFRESH_SECONDS) < REFRESH_SECONDS:
            return False
        self._looked[application] = now
        return True

    def refresh(self, application: str) -> str | None:
        """Look again; why it could not be read, and what was known stays.  None where all is well."""
        try:
            version, items = self._read(application)
        except PromptdriftError as error:
            self._held.setdefault(application, NOTHING_EXPECTED)
            return str(error)
        if application not in self._held or self._held[application].version != version:
            self._held[application] = self._expected(version, items)
        return None

    def _read(self, application: str) -> tuple[str, list[EvalItem]]:
        if self._place is None:
            return "", []
        if self._place.endswith(FILES):
            items = read_evalset(Path(self._place)).items
            return content_version(items), [item for item in items if item.expected]
        sets = EvalSets(self._place, application)
        current = standing(sets.history()).current
        if current is None:
            return "", []
        _, curated = sets.load(current)
        return current, [_plain(item) for item in curated if _trusted(item)]

    def _expected(self, version: str, items: Sequence[EvalItem]) -> Expected:
        if not items:
            return Expected(version, ())
        ordered = sorted({item.id: item for item in items}.values(), key=lambda item: hash64(item.id))
        seen = self._encoder.encode([item.prompt for item in ordered])
        said = self._encoder.encode([item.expected or "" for item in ordered])
        both = [i for i in range(len(ordered)) if seen.readable[i] and said.readable[i]][:MOST_NEAR]
        if not both:
            return Expected(version, ordered)
        apart = set(range(len(ordered))) - set(both)
        nearest = Nearest(
            restore(seen.wording[both], WORDING_SCALE), restore(said.wording[both], WORDING_SCALE)
        )
        return Expected(version, [ordered[i] for i in (*both, *sorted(apart))], nearest)


def read_gold(path: Path | None) -> list[Gold]:
    """Gold items, one JSON object a line.  Raises: InputError naming line, field and remedy."""
    found: list[Gold] = []
    for number, line in () if path is None else lines_of(path):
        try:
            item = msgspec.json.decode(line, type=_GoldLine)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f"evaluation.gold: {path}, line {number:,}: {error}; give prompt, response and score"
            ) from None
        if not 0 <= item.score <= 1:
            raise InputError(f"evaluation.gold: {path}, line {number:,}: score: is not in [0, 1]")
        id = item.id or f"g-{hash64(item.prompt + chr(0) + item.response):016x}"
        answered = Answered(prompt=item.prompt, response=item.response, expected=item.expected)
        found.append(Gold(id, answered, item.score))
    if path is not None and not found:
        raise InputError(f"evaluation.gold: {path} holds no item; give prompt, response and score a line")
    return found


class _GoldLine(msgspec.Struct):
    prompt: str
    response: str
    score: float
    id: str | None = None
    expected: str | None = None


def _trusted(item: CuratedItem) -> bool:
    """Whether a person wrote or verified its expected answer: what traffic proposed is no measure of it."""
    return bool(item.expected) and (item.verified or item.interaction_id is None)


def _plain(item: CuratedItem) -> EvalItem:
    return EvalItem(id=item.id, prompt=item.prompt, expected=item.expected)
