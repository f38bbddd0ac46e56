"""Model sizes by shape; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from langmix.errors import InputError
from langmix.quantities import count


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSize:
    """Shape of a LLaMA-style model.

    Attributes:
        name: as in plans and run names.
        d_model: width.
        n_layers: blocks.
        n_heads: attention heads; divides ``d_model`` into heads of an even width.
        d_ff: width of the SwiGLU.
    """

    name: str
    d_model: int
    n_layers: int
    n_heads: int
    d_ff: int

    def __post_init__(self) -> None:
        if self.d_model % (2 * self.n_heads):
            raise InputError(
                f"size {self.name!r}: d_model {self.d_model} with {self.n_heads} heads; expected heads of an "
                "even width (rotary embeddings turn pairs)"
            )

    @classmethod
    def near(cls, params: float) -> ModelSize:
        """The shape for a number of non-embedding parameters, named by it: within 5% from 10k on.

        Wider models are deeper too, by d_model / n_layers = 20 (N / 100k)^0.12: between those of tiny models
        that train well and those of LLaMA (arXiv 2302.13971). The SwiGLU takes what is left, about 8/3 of the
        width.

        Raises:
            InputError: no shape is so small.
        """
        aspect = 20 * (params / 1e5) ** 0.12
        width = (params * aspect / 12) ** (1 / 3)
        unit = 16 if width < 384 else 128
        d = unit * max(1, round(width / unit))
        n_layers = max(2, round(params / (12 * d * d)))
        d_ff = 8 * max(1, round((params / n_layers - 4 * d * d - 2 * d) / (3 * d) / 8))
        head = next(h for h, least in _HEADS if d >= least and d % h == 0)
        shape = cls(name=count(params), d_model=d, n_layers=n_layers, n_heads=d // head, d_ff=d_ff)
        if abs(shape.params / params - 1) > _FAR:
            raise InputError(
                f"a model of {count(params)} parameters: the nearest shape has {count(shape.params)}; "
                "expected 10k or more"
            )
        return shape

    @property
    def params(self) -> int:
        """Non-embedding parameters: attention, SwiGLU and norms."""
        block = 4 * self.d_model**2 + 3 * self.d_model * self.d_ff + 2 * self.d_model
        return self.n_layers * block + self.d_model

    def params_total(self, vocab_size: int) -> int:
        """With the embedding, which is also the head."""
        return self.params + vocab_size * self.d_model

    def flops_per_token(self, vocab_size: int, sequence: int) -> float:
        """Of training: 6 per parameter that multiplies (head counted), and attention over the sequence."""
        attention = 12 * self.n_layers * self.d_model * sequence / 2
        return 6.0 * self.params_total(vocab_size) + attention


_HEADS: Final = ((128, 1024), (64, 256), (32, 64), (16, 0))
"""Width of a head, and the least width of the model that has it."""

_FAR: Final = 0.1

PRESETS: Final = {
    size.name: size
    for size in (
        ModelSize(name="25k", d_model=32, n_layers=2, n_heads=2, d_ff=88),
        ModelSize(name="100k", d_model=64, n_layers=2, n_heads=2, d_ff=176),
        ModelSize(name="330k", d_model=96, n_layers=3, n_heads=3, d_ff=256),
        ModelSize(name="800k", d_model=128, n_layers=4, n_heads=4, d_ff=344),
    )
}
"""Small shapes by their non-embedding parameters."""
