"""All eyes in one frame, scaled so that none drowns the others: the frame of comparisons between users.

The detector takes the maximum of eyes; a decomposition needs one vector space in which parts add up.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.fixedpoint import SCORE_SCALE, WORDING_SCALE, Floats, restore
from app.core.reference import EYES, Reference

FEW = 64  # dimensions up to which whitening is free of charge
HALF, WHOLE = 0.5, 1.0


@dataclass(frozen=True, slots=True)
class JointMetric:
    """Maps units to rows (m, d) of all eyes side by side.

    Each eye is centred, rotated into its eigenbasis and divided by eigenvalue**(p/2): p = 1 for an eye of
    few dimensions, p = 1/2 for a wide one, where whole whitening would blow up directions of mere noise.
    An eye is then scaled so that the trace of its squared covariance is 1: the squared distance between two
    means of n units has the same noise in every eye.
    """

    reference: Reference
    projections: dict[str, Floats]  # of each eye: rotation and scales, (d, d)

    @classmethod
    def of(cls, reference: Reference) -> "JointMetric":
        """The metric of a baseline, over the eyes that read every prompt."""
        spectra = {name: reference.eyes[name].spectrum for name in EYES}
        return cls(reference, {name: s.basis * _scale(s.eigenvalues) for name, s in spectra.items()})

    def rows(self, wording: NDArray[np.int16], shape: NDArray[np.float32]) -> Floats:
        """Joint coordinates of m units, shape (m, d).  Cost: one product per eye."""
        views = {
            "wording": restore(wording, WORDING_SCALE),
            "shape": restore(self.reference.scores(shape), SCORE_SCALE),
        }
        means = {name: self.reference.eyes[name].spectrum.mean for name in EYES}
        return np.hstack([(views[name] - means[name]) @ self.projections[name] for name in EYES])


def _scale(eigenvalues: Floats) -> Floats:
    """Factor of each eigendirection, shape (d,).

    >>> s = _scale(np.array([4.0, 1.0])); float(np.sum((np.array([4.0, 1.0]) * s**2) ** 2).round(9))
    1.0
    """
    power = WHOLE if len(eigenvalues) <= FEW else HALF
    scaled = eigenvalues ** (-power / 2)
    spread = float(np.square(eigenvalues * np.square(scaled)).sum())
    return np.asarray(scaled / spread**0.25)
