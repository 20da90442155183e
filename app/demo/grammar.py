"""Templates to sentences: slots, alternatives and digits.

`{name}` takes a filler, the same one wherever the name returns in one conversation turn;
`[a|b|]` takes one alternative; `¶` is a line break; `#` in a filler is a digit.  A filler
`left :: right` fills `{name}` with left and `{name_reply}` with right.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

Slots = Mapping[str, tuple[str, ...]]
SLOT = re.compile(r"\{([a-z_]+)\}")
CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
DIGIT = re.compile("#")


def lines(block: str) -> tuple[str, ...]:
    """The lines of a block of text, single-spaced, without blank ones."""
    return tuple(" ".join(line.split()) for line in block.splitlines() if line.strip())


def words(block: str) -> tuple[str, ...]:
    """The fillers of a slot, written between ` / `.

    >>> words("red / deep blue")
    ('red', 'deep blue')
    """
    return tuple(" ".join(block.split()).split(" / "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What people ask about: openings, keyword searches, background sentences, follow-ups, replies.

    `share` is its part of ordinary traffic, `skill` how often the assistant gets it right; an ask
    written `question ==> answer` carries its own answer.  `styled` lets a user's voice change the text.
    """

    name: str
    asks: tuple[str, ...]
    follow_ups: tuple[str, ...]
    replies: tuple[str, ...]
    slots: Slots
    terse: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    share: float = 0.0
    skill: float = 0.9
    stakes: str | None = None
    styled: bool = True


class Turn:
    r"""One turn of a conversation: whatever fills a slot once fills it again.

    >>> Turn(Random(1), {"thing": ("lamp",), "code": ("A-##",)}).write("[a|the] {thing}¶{code} {thing}")
    'a lamp\nA-28 lamp'
    """

    def __init__(self, rng: Random, slots: Slots) -> None:
        self._rng, self._slots, self._bound = rng, slots, dict[str, str]()

    def write(self, template: str) -> str:
        """The template with every alternative chosen and every slot filled."""
        while "[" in template:
            chosen = CHOICE.sub(lambda found: self._rng.choice(found[1].split("|")), template)
            if chosen == template:
                break  # a bracket that is no choice, as in code
            template = chosen
        text = SLOT.sub(lambda found: self._fill(found[1]), template)
        return text.replace("¶", "\n")

    def _fill(self, name: str) -> str:
        if name not in self._bound:
            taken = self._bound.values()
            fillers = self._slots[name]
            fresh = [f for f in fillers if f.partition(" :: ")[0] not in taken] or fillers
            filler = DIGIT.sub(lambda _: str(self._rng.randrange(1, 10)), self._rng.choice(fresh))
            left, _, right = filler.partition(" :: ")
            self._bound[name] = self.write(left)
            self._bound[f"{name}_reply"] = self.write(right)
        return self._bound[name]
