"""From starts to the optimum of a robust fit: two rounds, the first of which measures the noise.

The objective is Huber on the log loss plus a Gaussian prior (`minimise`). What is searched is behind
`Searchable`: the law of one target (`Space`), or laws that are fitted together.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from langmix.laws._robust import Solution, dispersion, minimise, threshold

Floats = NDArray[np.float64]

_PILOT_PHI: Final = 0.02**2
_SCOUTING: Final = 25
"""Steps that every start takes before only the best two go on."""
_PATIENCE: Final = 4000
"""Steps at most after that: along a curved valley a thousand are not always enough."""


class Searchable(Protocol):
    """A box of free numbers theta, a prior on them, and the residuals that they give."""

    lower: Floats
    """Shape (P,)."""
    upper: Floats
    """Shape (P,)."""
    centre: Floats
    """Shape (P,): of the prior."""
    precision: Floats
    """Shape (P, P); 0 where there is no prior."""

    def residuals(self, theta: Floats) -> tuple[Floats, Floats]:
        """theta, shape (S, P) -> residuals, shape (S, n), and their Jacobian, shape (S, n, P)."""


class Polished(NamedTuple):
    """The optimum.

    ``phi`` is the dispersion of the residuals (a variance), ``delta`` the Huber threshold that was used, and
    ``effective`` the number of parameters that the runs determine, the others being the prior's.
    """

    theta: Floats
    residual: Floats
    jacobian: Floats
    delta: float
    phi: float
    effective: float
    converged: bool


def polish(space: Searchable, starts: Floats, *, delta: float | None, tolerance: float) -> Polished:
    """The best optimum that the starts, shape (S, P), reach.

    ``delta`` is by default 1.345 times the residual scale of a pilot fit (the usual 1e-3 makes the fit a
    median regression, which wastes a third of clean data).
    """
    rough = tolerance > 1e-8  # a fit that only compares forms
    starts = starts[: 3 if rough else None]
    if delta is None:
        pilot = _from_all(space, starts, delta=0.05, phi=_PILOT_PHI, tolerance=1e-5)
        theta = pilot.theta[0]
        residual, jacobian = (part[0] for part in space.residuals(theta[None]))
        effective = _effective_parameters(jacobian, _PILOT_PHI, space.precision)
        delta = threshold(residual, effective)
        phi = dispersion(residual, delta, effective)
        starts = theta[None] if rough else np.vstack([theta, starts])
    else:
        phi = 1.0 if not space.precision.any() else _PILOT_PHI
    best = _from_all(space, starts, delta=delta, phi=phi, tolerance=tolerance)
    theta = best.theta[0]
    residual, jacobian = (part[0] for part in space.residuals(theta[None]))
    effective = _effective_parameters(jacobian, phi, space.precision)
    phi = dispersion(residual, delta, effective)
    return Polished(theta, residual, jacobian, delta, phi, effective, bool(best.converged[0]))


def descend(
    space: Searchable,
    start: Floats,
    *,
    weights: Floats,
    centre: Floats,
    delta: float,
    phi: float,
    tolerance: float,
    limit: int = 1000,
) -> Solution:
    """`minimise` in the box of a space."""
    return minimise(
        space.residuals,
        start,
        weights=weights,
        delta=delta,
        phi=phi,
        centre=centre,
        precision=space.precision,
        lower=space.lower,
        upper=space.upper,
        tolerance=tolerance,
        max_iterations=limit,
    )


def _from_all(space: Searchable, starts: Floats, *, delta: float, phi: float, tolerance: float) -> Solution:
    """The best that any start reaches, as a batch of one."""
    rows = space.residuals(starts[:1])[0].shape[1]

    def run(theta: Floats, limit: int, fall: float) -> Solution:
        return descend(
            space,
            theta,
            weights=np.ones((len(theta), rows)),
            centre=np.tile(space.centre, (len(theta), 1)),
            delta=delta,
            phi=phi,
            tolerance=fall,
            limit=limit,
        )

    scouts = run(starts, _SCOUTING, 1e-3)
    kept = np.argsort(scouts.objective, kind="stable")[:2]
    ends = run(scouts.theta[kept], _PATIENCE, tolerance)
    winner = int(np.argmin(ends.objective))
    one = slice(winner, winner + 1)
    return Solution(ends.theta[one], ends.objective[one], ends.converged[one])


def _effective_parameters(jacobian: Floats, phi: float, precision: Floats) -> float:
    """Parameters that the runs determine, the others being the prior's: between 0 and P."""
    data = jacobian.T @ jacobian / phi
    return float(np.trace(data @ np.linalg.pinv(data + precision, hermitian=True)))
