"""Model sizes by shape; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from langmix.errors import InputError


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
