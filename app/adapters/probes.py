"""Frozen probes and the first answers to them, beside the versions of the eval set.

    STORE/APPLICATION/probes/sets/000001.json            the questions; the highest number is in force
    STORE/APPLICATION/probes/answers/KEY/ITEM.json       the first answer of one model, under one deployment

Files are created, never overwritten: of two passes at once, both go by the answer that came first.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.adapters.evalsets import EvalSets
from app.adapters.redaction import redact
from app.core.evalrun import Question, Run, Scored, digest, row
from app.core.probes import READ, SAME_ANSWER, SCORER, same_answer
from app.errors import InputError
from schemas.events import Evaluation


class Probe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One frozen question."""

    id: str
    prompt: str
    expected: str | None = None
    stratum: str | None = None


class ProbeSet(msgspec.Struct, frozen=True, kw_only=True):
    """All of them; `id` is a hash of what is asked."""

    id: str
    probes: list[Probe]

    @property
    def questions(self) -> list[Question]:
        """As they are asked."""
        return [
            Question(id=p.id, prompt=p.prompt, expected=p.expected, stratum=p.stratum) for p in self.probes
        ]


class First(msgspec.Struct, frozen=True, kw_only=True):
    """The first answer to a probe, redacted, and its hash."""

    item: str
    answer: str
    sha256: str


class Probes:
    """The probes of one application."""

    def __init__(self, sets: EvalSets) -> None:
        self._sets = sets

    def current(self) -> ProbeSet | None:
        """Those in force.  Raises: InputError where they are not what they were, DependencyError."""
        names = self._sets.names("probes/sets")
        if not names:
            return None
        content = self._sets.read(f"probes/sets/{names[-1]}") or b""
        try:
            found = msgspec.json.decode(content, type=ProbeSet)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = None
        if found is None or found.id != _id(found.probes):
            raise InputError(f"probes/sets/{names[-1]}: is not what it was; restore it, or freeze others")
        return found

    def freeze(self, questions: Sequence[Question]) -> ProbeSet:
        """Put these in force.  Raises: InputError where another was quicker, DependencyError."""
        probes = [
            Probe(id=q.id, prompt=q.prompt, expected=q.expected, stratum=q.stratum)
            for q in sorted(questions, key=lambda q: q.id)
        ]
        wanted, names = ProbeSet(id=_id(probes), probes=probes), self._sets.names("probes/sets")
        current = self.current()
        if current is not None and current.id == wanted.id:
            return current
        number = int(names[-1].removesuffix(".json")) + 1 if names else 1
        if not self._sets.create(f"probes/sets/{number:06d}.json", msgspec.json.encode(wanted)):
            raise InputError("others froze probes at the same moment; run it again")
        return wanted

    def compared(
        self, run: Run, question: Question, answer: str, *, key: str, now: datetime
    ) -> Evaluation | None:
        """How near an answer is to the first one; None where it is the first, which is then kept.

        Args: key, of whom is asked, under what.
        Raises: InputError where the first is damaged, DependencyError.
        """
        said = redact(answer, limit=READ)
        place = f"probes/answers/{key}/{digest(question.id)}.json"
        mine = First(item=question.id, answer=said, sha256=_sha256(said))
        content = self._sets.read(place)
        if content is None:
            if self._sets.create(place, msgspec.json.encode(mine)):
                return None
            content = self._sets.read(place)
        try:
            first = msgspec.json.decode(content or b"", type=First)
        except (msgspec.DecodeError, UnicodeDecodeError):
            first = None
        if first is None or first.sha256 != _sha256(first.answer):
            raise InputError(f"{place}: is not what it was; restore it, or delete it to begin anew")
        return row(
            run,
            question,
            Scored(name=SAME_ANSWER, score=same_answer(first.answer, said), scorer=SCORER),
            time=now,
        )


def _id(probes: Sequence[Probe]) -> str:
    return "probes-" + digest(*(f"{p.id}\0{p.prompt}\0{p.expected or ''}" for p in probes))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
