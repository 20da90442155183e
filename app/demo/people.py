"""Who writes: users with habits, their conversations, and the prompts of all of them in order."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate
from random import Random

from app.demo.drifts import Drift
from app.demo.grammar import Topic
from app.demo.phrases import SHARES, TOPICS
from app.demo.style import VOICES, Voice, Written, compose
from schemas.codec import hash_user

USERS = 900
TREATED_PERCENT = 60  # of the users get the new version, the others are the control
HABIT = 0.2  # part of a user's conversations in his usual voice and topic; the rest are anybody's
RETRY = 0.06  # of the later prompts repeat the one before, letter by letter


@dataclass(frozen=True, slots=True)
class User:
    """One customer: pseudonym, arm, usual topic and voice, and how readily he takes up a new style."""

    hash: str
    treated: bool
    topic: Topic
    voice: Voice
    appetite: float


@dataclass(slots=True)
class Conversation:
    """A run of prompts about one thing."""

    number: int
    user: User
    topic: Topic
    voice: Voice
    left: int
    last: Written | None = None

    def speak(self, rng: Random) -> Written:
        """The next prompt: an opening, then mostly follow-ups, now and then an exact retry."""
        self.left -= 1
        if self.last is None or rng.random() >= RETRY:
            follow_up = self.last is not None and rng.random() < 0.7
            self.last = compose(self.topic, self.voice, rng, follow_up=follow_up)
        return self.last


@dataclass(frozen=True, slots=True)
class Said:
    """One prompt as it was written: by whom, in which conversation, about what."""

    id: str
    conversation: str
    user: User
    topic: Topic
    written: Written
    released: bool  # the new version answers


def crowd(seed: int) -> list[User]:
    """The users, most active first; which arm a user is in follows from his pseudonym."""
    rng = Random(f"{seed} users")
    users = []
    for rank in range(USERS):
        pseudonym = hash_user(f"customer {rank}", salt=f"demo {seed}")
        users.append(
            User(
                hash=pseudonym,
                treated=int(pseudonym[:8], 16) % 100 < TREATED_PERCENT,
                topic=rng.choices(TOPICS, SHARES)[0],
                voice=rng.choice(VOICES),
                appetite=rng.uniform(0.6, 1.4),
            )
        )
    return users


class Desk:
    """The helpdesk's door: who comes in, who goes on talking, who has learned something new.

    Args: starts, the interaction at which the drift begins; release, the one at which the version changes.
    """

    def __init__(self, *, seed: int, drift: Drift, starts: int, release: int) -> None:
        self._name, self._rng = f"demo-{seed}", Random(f"{seed} prompts")
        self._drift, self._starts, self._release = drift, starts, release
        self._users = crowd(seed)
        self._activity = list(accumulate((rank + 10) ** -0.9 for rank in range(USERS)))  # Zipf, a flat head
        self._answers: Counter[str] = Counter()  # of the new version, per user

    def prompts(self, count: int) -> Iterator[Said]:
        """`count` prompts; conversations overlap, a user's next prompt comes after 3 to 25 others."""
        rng, waiting, opened = self._rng, list[tuple[int, int, Conversation]](), 0
        for index in range(count):
            if waiting and waiting[0][0] <= index:
                talk = heappop(waiting)[2]
            else:
                talk, opened = self._open(index, opened), opened + 1
            written = talk.speak(rng)
            released = talk.user.treated and index >= self._release
            self._answers[talk.user.hash] += released
            if talk.left:
                heappush(waiting, (index + rng.randrange(3, 25), talk.number, talk))
            yield Said(
                id=f"{self._name}-{index:06d}",
                conversation=f"{self._name}-c{talk.number:05d}",
                user=talk.user,
                topic=talk.topic,
                written=written,
                released=released,
            )

    def _open(self, index: int, number: int) -> Conversation:
        rng = self._rng
        user = rng.choices(self._users, cum_weights=self._activity)[0]
        topic = user.topic if rng.random() < HABIT else rng.choices(TOPICS, SHARES)[0]
        voice = user.voice if rng.random() < HABIT else rng.choice(VOICES)
        length = rng.choices((1, 2, 3, 4), (0.55, 0.25, 0.13, 0.07))[0]
        if rng.random() < self._chance(user, index):
            topic = rng.choice(self._drift.topics)
        return Conversation(number, user, topic, voice, length)

    def _chance(self, user: User, index: int) -> float:
        """How likely a conversation that opens now is a drifted one."""
        drift = self._drift
        if index < self._starts:
            return 0.0
        level = drift.share * min(1.0, (index - self._starts) / drift.ramp)
        if not drift.learned:
            return level
        if not user.treated:
            return 0.0
        learned = 1.0 - 0.6 ** (1 + self._answers[user.hash])
        return level * learned * user.appetite / (TREATED_PERCENT / 100) / 0.8
