"""What endpoints were charged of the caps of a day, in equal shares: one for each partition of an input.

A share lies with the state of its partition and goes where that goes.  Whoever holds shares may charge a call
to any of them, so that all who ask spend no more than the cap together, without asking each other, and one
who holds every share may spend all of it.
"""

import msgspec


class Share(msgspec.Struct):
    """What was charged to one share on a day; `changes` grows with every charge."""

    day: str = ""  # ISO date
    charged: dict[str, float] = {}  # by endpoint, in money
    changes: int = 0

    def of(self, endpoint: str, day: str) -> float:
        """What an endpoint was charged on a day."""
        return self.charged.get(endpoint, 0.0) if day == self.day else 0.0

    def add(self, endpoint: str, money: float, day: str) -> None:
        """Charge; a later day begins anew, and an earlier one is over."""
        if day < self.day:
            return
        held = self.charged if day == self.day else {}
        self.day = day
        self.charged = {**held, endpoint: held.get(endpoint, 0.0) + money}  # a snapshot may be under way
        self.changes += 1


class Purse:
    """The shares that one process holds; `shares`, how many there are in all.

    >>> purse, day = Purse(shares=2), "2026-03-02"
    >>> purse.hold(0, Share())
    >>> [purse.reserve("judge", money, cap=1.0, day=day) for money in (0.6, 0.4)]
    [False, True]
    >>> purse.hold(1, Share())
    >>> [purse.reserve("judge", money, cap=1.0, day=day) for money in (0.6, 0.1)]
    [True, False]
    >>> purse.correct("judge", -0.5, day=day)
    >>> round(purse.spent("judge", day), 9), purse.spent("judge", "2026-03-03")
    (0.5, 0.0)
    """

    def __init__(self, *, shares: int) -> None:
        self._shares = shares
        self._held: dict[int, Share] = {}

    @classmethod
    def whole(cls) -> "Purse":
        """Of whoever asks alone and forgets what he spent when he ends."""
        purse = cls(shares=1)
        purse.hold(0, Share())
        return purse

    def hold(self, number: int, share: Share) -> None:
        """Take a share over."""
        self._held[number] = share

    def release(self, number: int) -> None:
        """A share went to another process."""
        self._held.pop(number, None)

    def spent(self, endpoint: str, day: str) -> float:
        """What an endpoint was charged on a day, in all shares that are held."""
        return sum(share.of(endpoint, day) for share in self._held.values())

    def reserve(self, endpoint: str, money: float, *, cap: float | None, day: str) -> bool:
        """Charge what a call may cost, where the shares that are held have room for it."""
        if cap is None:
            for share in [*self._held.values()][:1]:
                share.add(endpoint, money, day)
            return True
        rooms = [(share, cap / self._shares - share.of(endpoint, day)) for share in self._held.values()]
        if money > sum(max(room, 0.0) for _, room in rooms):
            return False
        for share, room in rooms:
            part = min(money, max(room, 0.0))
            if part > 0.0:
                share.add(endpoint, part, day)
                money -= part
        return True

    def correct(self, endpoint: str, money: float, *, day: str) -> None:
        """Charge what a call cost beyond what was reserved; what it cost less, below zero, is given back.

        A share may have gone meanwhile: what is given back to another one makes the sum of all right again.
        """
        for share in self._held.values():
            part = max(money, -share.of(endpoint, day))
            if part:
                share.add(endpoint, part, day)
            money -= part
            if not money:
                return
