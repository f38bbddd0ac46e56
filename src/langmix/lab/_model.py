"""A LLaMA-style language model: RMSNorm, rotary embeddings, SwiGLU, tied head, no biases.

Every weight and activation has a leading run dimension: runs of one shape train as one program, each on its
own data. A run alone is the case of one run, so that both are the same code.

Shape suffixes: R runs, B sequences, T positions, D width, F width of the SwiGLU, V vocabulary, H heads, K
head width, N = B * T positions in a row, C of them in a chunk, A = R * B sequences of all runs.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from langmix.lab._sizes import ModelSize

_LOGITS: Final = {"cpu": 1 << 20, "cuda": 1 << 28}
"""Logits that exist at one time: 4 MB on a CPU, which a core's cache holds; enough to fill a GPU."""


class Model(nn.Module):
    """Token ids to hidden states, and hidden states to loss, of ``runs`` models of one shape."""

    cos_TK: Tensor
    sin_TK: Tensor

    def __init__(self, size: ModelSize, vocab_size: int, sequence: int, runs: int = 1) -> None:
        super().__init__()
        self.size, self.vocab_size, self.sequence, self.runs = size, vocab_size, sequence, runs
        self.embedding_RVD = nn.Parameter(torch.empty(runs, vocab_size, size.d_model))
        blocks = [Block(size, runs) for _ in range(size.n_layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm_RD = nn.Parameter(torch.empty(runs, size.d_model))
        angles_TK = _rotary_angles(sequence, size.d_model // size.n_heads)
        self.register_buffer("cos_TK", angles_TK.cos(), persistent=False)
        self.register_buffer("sin_TK", angles_TK.sin(), persistent=False)

    @torch.no_grad()
    def initialise(self, seeds: list[int]) -> None:
        """Weights of each run from its seed, whatever runs beside it.

        Normal, of variance 1 / fan in; what writes to the residual stream starts at 0, so that every block
        starts as the identity (Zhang et al. 2019, arXiv 1901.09321): losses fall sooner.
        """
        for run, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(seed)
            for name, weight in self.named_parameters():
                if weight.dim() == 2:
                    weight[run].fill_(1.0)
                elif name.endswith(("out_RDD", "down_RDF")):
                    weight[run].zero_()
                else:
                    std = 0.02 if name == "embedding_RVD" else weight.shape[-1] ** -0.5
                    weight[run] = torch.randn(weight.shape[1:], generator=generator) * std

    def forward(self, tokens_RBT: Tensor) -> Tensor:
        """Hidden states, shape (R, N, D)."""
        r, b, t = tokens_RBT.shape
        first_R11 = torch.arange(r, device=tokens_RBT.device)[:, None, None] * self.vocab_size
        x_RBTD = F.embedding(tokens_RBT + first_R11, self.embedding_RVD.flatten(0, 1))
        x_RND, rotary = x_RBTD.flatten(1, 2), (self.cos_TK[:t], self.sin_TK[:t])
        for block in self.blocks:
            x_RND = block(x_RND, b, rotary)
        return _rms_norm(x_RND, self.norm_RD)

    def loss(self, tokens_RBT: Tensor, targets_RBT: Tensor, counted_RBT: Tensor | None = None) -> Tensor:
        """Mean nats per token of each run, shape (R,)."""
        return self.head(self(tokens_RBT), targets_RBT, counted_RBT)

    def head(self, x_RND: Tensor, targets_RBT: Tensor, counted_RBT: Tensor | None = None) -> Tensor:
        """The loss of hidden states, shape (R,): the mean over the tokens that count, by default all."""
        loss_R: Tensor = FusedHead.apply(  # type: ignore[no-untyped-call]
            x_RND,
            self.embedding_RVD,
            targets_RBT.flatten(1),
            None if counted_RBT is None else counted_RBT.flatten(1).float(),
            torch.is_grad_enabled(),
        )
        return loss_R


class Block(nn.Module):
    """Attention and SwiGLU, each on the normed residual stream."""

    def __init__(self, size: ModelSize, runs: int) -> None:
        super().__init__()
        d, f = size.d_model, size.d_ff
        self.n_heads = size.n_heads
        self.attention_norm_RD = nn.Parameter(torch.empty(runs, d))
        self.qkv_R3DD = nn.Parameter(torch.empty(runs, 3 * d, d))
        self.out_RDD = nn.Parameter(torch.empty(runs, d, d))
        self.ffn_norm_RD = nn.Parameter(torch.empty(runs, d))
        self.gate_up_R2FD = nn.Parameter(torch.empty(runs, 2 * f, d))
        self.down_RDF = nn.Parameter(torch.empty(runs, d, f))

    def forward(self, x_RND: Tensor, b: int, rotary: tuple[Tensor, Tensor]) -> Tensor:
        """The residual stream after the block; ``b`` sequences lie one after the other in it."""
        r, n, d = x_RND.shape
        h_RND = _rms_norm(x_RND, self.attention_norm_RD)
        qkv_RN3D = h_RND @ self.qkv_R3DD.mT
        # Runs and sequences are one batch to attention.
        qkv_3AHTK = qkv_RN3D.view(r * b, n // b, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        q_AHTK, k_AHTK = _rotate(qkv_3AHTK[:2], *rotary)
        a_AHTK = F.scaled_dot_product_attention(q_AHTK, k_AHTK, qkv_3AHTK[2], is_causal=True)
        x_RND = x_RND + a_AHTK.transpose(1, 2).reshape(r, n, d) @ self.out_RDD.mT
        h_RND = _rms_norm(x_RND, self.ffn_norm_RD)
        gate_RNF, up_RNF = (h_RND @ self.gate_up_R2FD.mT).chunk(2, dim=-1)
        return x_RND + (F.silu(gate_RNF) * up_RNF) @ self.down_RDF.mT


def _rms_norm(x_RND: Tensor, gain_RD: Tensor) -> Tensor:
    return F.rms_norm(x_RND, x_RND.shape[-1:], eps=1e-6) * gain_RD[:, None]


def _rotary_angles(sequence: int, width: int) -> Tensor:
    """Angles of the rotary embedding (Su et al. 2021, arXiv 2104.09864), shape (T, K)."""
    frequencies = 10_000.0 ** -(torch.arange(0, width, 2) / width)
    half = torch.outer(torch.arange(sequence, dtype=torch.float32), frequencies)
    return torch.cat([half, half], dim=-1)


def _rotate(x: Tensor, cos_TK: Tensor, sin_TK: Tensor) -> Tensor:
    """Turn each pair (k, k + K/2) by its angle, the layout of Hugging Face's Llama."""
    first, second = x.chunk(2, dim=-1)
    return x * cos_TK + torch.cat([-second, first], dim=-1) * sin_TK


class FusedHead(torch.autograd.Function):
    """Linear head and cross-entropy, chunk by chunk: the logits of all positions never exist together.

    The gradients are formed in the forward pass, while a chunk's logits are in the cache.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x_RND: Tensor,
        weight_RVD: Tensor,
        targets_RN: Tensor,
        counted_RN: Tensor | None,
        wanted: bool,
    ) -> Tensor:
        r, n, _ = x_RND.shape
        chunk = max(1, _LOGITS[x_RND.device.type] // (r * weight_RVD.shape[1]))
        total_R = x_RND.new_zeros(r, dtype=torch.float32)
        grad_x_RND = torch.empty_like(x_RND) if wanted else x_RND
        grad_RVD = torch.zeros_like(weight_RVD) if wanted else weight_RVD
        for first in range(0, n, chunk):
            some = slice(first, first + chunk)
            x_RCD, y_RC = x_RND[:, some], targets_RN[:, some]
            z_RCV = x_RCD @ weight_RVD.mT
            largest_RC, target_RC = z_RCV.amax(-1), z_RCV.gather(-1, y_RC[..., None])[..., 0]
            p_RCV = torch.softmax(z_RCV.float(), dim=-1)  # sums in float32, with products in bfloat16 too
            # The largest probability is 1 / sum exp(z - max): the log of the sum without a second exp.
            loss_RC = largest_RC - p_RCV.amax(-1).log() - target_RC
            total_R += (loss_RC if counted_RN is None else loss_RC * counted_RN[:, some]).sum(-1)
            if not wanted:
                continue
            p_RCV.scatter_add_(-1, y_RC[..., None], p_RCV.new_full((*y_RC.shape, 1), -1.0))
            if counted_RN is not None:
                p_RCV *= counted_RN[:, some, None]
            grad_x_RND[:, some].copy_(p_RCV @ weight_RVD)
            if torch.is_autocast_enabled(x_RND.device.type):
                grad_RVD += p_RCV.mT @ x_RCD
            else:
                grad_RVD.baddbmm_(p_RCV.mT, x_RCD)
        ctx.save_for_backward(grad_x_RND, grad_RVD)
        ctx.positions = n if counted_RN is None else counted_RN.sum(-1).clamp(min=1)[:, None, None]
        return total_R / (n if counted_RN is None else ctx.positions[:, 0, 0])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_x_RND, grad_RVD = ctx.saved_tensors
        scale_R11 = grad_outputs[0][:, None, None] / ctx.positions
        return grad_x_RND * scale_R11, grad_RVD * scale_R11, None, None, None
