"""Similarity to the expected answer of the nearest eval item, where one is near enough to speak for it."""

import numpy as np

from app.core.fixedpoint import Floats
from app.core.scorers.answered import Score

ALIKE = 0.8  # cosine of two expected answers that say the same
TRUST = 0.9  # share of near pairs whose answers must be alike
FEWEST = 20  # pairs that may say how near is near
SAME = 0.995  # cosine of prompts that are the same but for a word or mark: without pairs, only these


class Nearest:
    """Eval items by the vectors of their prompts and of their expected answers.

    The validity radius is measured on the items: the lowest similarity of prompts, among pairs of nearest
    neighbours, from which on nine in ten have answers that are alike.  Beyond it nothing is said.

    Args: prompts and answers, unit vectors (n, d), n >= 1.
    Cost: O(n^2 d) once, O(n d) a score.

    >>> told = Nearest(np.eye(3), np.eye(3))
    >>> told.radius, told.score(np.array([1.0, 0, 0]), np.array([0.8, 0.6, 0]))
    (0.995, 0.8)
    >>> told.score(np.ones(3), np.ones(3)) is None
    True
    """

    def __init__(self, prompts: Floats, answers: Floats) -> None:
        if prompts.ndim != 2 or prompts.shape[0] < 1 or len(prompts) != len(answers):
            raise ValueError(f"want as many answers as prompts, got {answers.shape} and {prompts.shape}")
        self._prompts, self._answers = prompts, answers
        self.radius = self._measured()

    def find(self, prompt: Floats) -> int | None:
        """The item that speaks for a prompt, given its unit vector (d,)."""
        alike = self._prompts @ prompt / max(float(np.linalg.norm(prompt)), 1e-12)
        at = int(alike.argmax())
        return at if alike[at] >= self.radius else None

    def score(self, prompt: Floats, response: Floats) -> Score:
        """Cosine of the response and the expected answer, in [0, 1]; None beyond the radius."""
        item = self.find(prompt)
        return None if item is None else self.likeness(item, response)

    def likeness(self, item: int, response: Floats) -> float:
        """Cosine of a response (d,) and the expected answer of an item, in [0, 1]."""
        length = max(float(np.linalg.norm(response)), 1e-12)
        return float(np.clip(self._answers[item] @ response / length, 0.0, 1.0))

    def _measured(self) -> float:
        if len(self._prompts) <= FEWEST:
            return SAME
        alike = self._prompts @ self._prompts.T
        np.fill_diagonal(alike, -1.0)
        neighbour = alike.argmax(axis=1)
        near = alike[np.arange(len(alike)), neighbour]
        agree = np.einsum("nd,nd->n", self._answers, self._answers[neighbour]) >= ALIKE
        order = np.argsort(-near, kind="stable")
        shares = np.cumsum(agree[order]) / np.arange(1, len(order) + 1)
        good = np.flatnonzero(shares >= TRUST)
        last = int(good[-1]) if len(good) else -1
        return float(min(near[order[last]], SAME)) if last + 1 >= FEWEST else SAME
