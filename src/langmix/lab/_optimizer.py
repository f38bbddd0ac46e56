"""AdamW over the weights of many runs at once, each with its own learning rate and gradient norm."""

from __future__ import annotations

import math
from typing import Final, Self

import torch
from torch import Tensor, nn

BETA1: Final = 0.9
"""Decay of the first moment."""
_EPSILON: Final = 1e-8
_CACHED: Final = 1 << 15  # weights that are updated at a time on a CPU: with gradient and moments, 0.5 MB


class AdamW:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) that decays matrices alone.

    The weights of a run lie in one row: the parameters become views of it, so that a norm, an update and a
    copy are each a few operations, however many parameters and runs there are.

    Args:
        model: its parameters have a leading run dimension.
        beta2: decay of the second moment.
        weight_decay: of matrices.
        clip: largest norm of a run's gradient.
    """

    def __init__(self, model: nn.Module, *, beta2: float, weight_decay: float, clip: float) -> None:
        self.beta2, self.weight_decay, self.clip, self.steps = beta2, weight_decay, clip, 0
        # Matrices first: what decays is one stretch of the row.
        parameters = sorted(model.parameters(), key=lambda weight: weight.dim() < 3)
        self.matrices = sum(weight[0].numel() for weight in parameters if weight.dim() == 3)
        with torch.no_grad():
            self.weights_RP = torch.cat([weight.flatten(1) for weight in parameters], dim=1)
        self.gradient_RP, self.mean_RP, self.square_RP = (torch.zeros_like(self.weights_RP) for _ in range(3))
        self.parameters, self.gradients = parameters, []
        first = 0
        for weight in parameters:
            place = slice(first, first := first + weight[0].numel())
            weight.data = self.weights_RP[:, place].view(weight.shape)
            self.gradients.append(self.gradient_RP[:, place].view(weight.shape))

    def step(self, loss_R: Tensor, rate_R: Tensor) -> None:
        """One update down each run's loss, its gradient clipped, at its learning rate; both of shape (R,)."""
        # Runs share no weights: the gradient of the sum is each run's own.
        found = torch.autograd.grad(loss_R.sum(), self.parameters)
        with torch.no_grad():
            for gradient, each in zip(self.gradients, found, strict=True):
                gradient.copy_(each)
            self._update(rate_R)

    def _update(self, rate_R: Tensor) -> None:
        self.steps += 1
        bias1, bias2 = 1 - BETA1**self.steps, 1 - self.beta2**self.steps
        norm_R = torch.linalg.vector_norm(self.gradient_RP, dim=1)
        scale_R1 = (self.clip / (norm_R + 1e-6)).clamp(max=1.0)[:, None]
        rate_R1 = rate_R[:, None]
        runs, count = self.weights_RP.shape
        size = count if self.weights_RP.is_cuda else max(1, _CACHED // runs)
        for first in range(0, count, size):
            place = slice(first, min(first + size, count))
            weight, gradient, mean, square = (
                rows[:, place] for rows in (self.weights_RP, self.gradient_RP, self.mean_RP, self.square_RP)
            )
            gradient = gradient * scale_R1
            mean.lerp_(gradient, 1 - BETA1)
            square.mul_(self.beta2).addcmul_(gradient, gradient, value=1 - self.beta2)
            if (decayed := min(place.stop, self.matrices) - first) > 0:
                weight[:, :decayed] *= 1 - self.weight_decay * rate_R1
            denominator = square.sqrt().mul_(1 / math.sqrt(bias2)).add_(_EPSILON)
            weight -= (mean / denominator).mul_(rate_R1 / bias1)

    @property
    def state(self) -> dict[str, Tensor]:
        """Weights and moments, each of shape (R, P); with ``steps`` all that the next update depends on."""
        return {"weights": self.weights_RP, "mean": self.mean_RP, "square": self.square_RP}

    @torch.no_grad()
    def copy_from(self, other: Self) -> None:
        """Take over weights, moments and steps."""
        for mine, its in zip(self.state.values(), other.state.values(), strict=True):
            mine.copy_(its)
        self.steps = other.steps
