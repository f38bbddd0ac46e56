"""A LLaMA-style language model: RMSNorm, rotary embeddings, SwiGLU, tied head, no biases.

Shape suffixes: B sequences, T positions, D width, F width of the SwiGLU, V vocabulary, H heads, K head width,
N = B * T positions in a row.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from langmix.lab._sizes import ModelSize

_CHUNK: Final = 512
"""Positions whose logits exist at one time: 4 MB at a vocabulary of 2,048, which a core's cache holds."""


class Model(nn.Module):
    """Token ids to hidden states, and hidden states to loss."""

    cos_TK: Tensor
    sin_TK: Tensor

    def __init__(self, size: ModelSize, vocab_size: int, sequence: int) -> None:
        super().__init__()
        self.sequence = sequence
        self.embedding_VD = nn.Parameter(torch.empty(vocab_size, size.d_model))
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.n_layers))
        self.norm_D = nn.Parameter(torch.ones(size.d_model))
        angles_TK = _rotary_angles(sequence, size.d_model // size.n_heads)
        self.register_buffer("cos_TK", angles_TK.cos(), persistent=False)
        self.register_buffer("sin_TK", angles_TK.sin(), persistent=False)
        self._initialise(size)

    def _initialise(self, size: ModelSize) -> None:
        """Normal weights of variance 1 / fan in; what writes to the residual stream shrinks with depth."""
        nn.init.normal_(self.embedding_VD, std=0.02)
        for name, weight in self.named_parameters():
            if weight.dim() == 2 and name != "embedding_VD":
                depth = math.sqrt(2 * size.n_layers) if name.endswith(("out_DD", "down_DF")) else 1.0
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5 / depth)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Hidden states, shape (B, T, D)."""
        x_BTD = F.embedding(tokens_BT, self.embedding_VD)
        rotary = (self.cos_TK[: tokens_BT.shape[1]], self.sin_TK[: tokens_BT.shape[1]])
        for block in self.blocks:
            x_BTD = block(x_BTD, rotary)
        return F.rms_norm(x_BTD, self.norm_D.shape, self.norm_D, 1e-6)

    def loss(self, tokens_BT: Tensor, targets_BT: Tensor) -> Tensor:
        """Mean nats per token, a scalar."""
        x_ND = self(tokens_BT).flatten(0, 1)
        loss: Tensor = FusedHead.apply(  # type: ignore[no-untyped-call]
            x_ND, self.embedding_VD, targets_BT.flatten(), torch.is_grad_enabled()
        )
        return loss


class Block(nn.Module):
    """Attention and SwiGLU, each on the normed residual stream."""

    def __init__(self, size: ModelSize) -> None:
        super().__init__()
        d, f = size.d_model, size.d_ff
        self.n_heads = size.n_heads
        self.attention_norm_D = nn.Parameter(torch.ones(d))
        self.qkv_3DD = nn.Parameter(torch.empty(3 * d, d))
        self.out_DD = nn.Parameter(torch.empty(d, d))
        self.ffn_norm_D = nn.Parameter(torch.ones(d))
        self.gate_up_2FD = nn.Parameter(torch.empty(2 * f, d))
        self.down_DF = nn.Parameter(torch.empty(d, f))

    def forward(self, x_BTD: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
        """The residual stream after the block."""
        b, t, d = x_BTD.shape
        h_BTD = F.rms_norm(x_BTD, (d,), self.attention_norm_D, 1e-6)
        qkv_3BHTK = F.linear(h_BTD, self.qkv_3DD).view(b, t, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        q_BHTK, k_BHTK = _rotate(qkv_3BHTK[:2], *rotary)
        a_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BHTK, qkv_3BHTK[2], is_causal=True)
        x_BTD = x_BTD + F.linear(a_BHTK.transpose(1, 2).reshape(b, t, d), self.out_DD)
        h_BTD = F.rms_norm(x_BTD, (d,), self.ffn_norm_D, 1e-6)
        gate_BTF, up_BTF = F.linear(h_BTD, self.gate_up_2FD).chunk(2, dim=-1)
        return x_BTD + F.linear(F.silu(gate_BTF) * up_BTF, self.down_DF)


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
    def forward(ctx: Any, x_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, wanted: bool) -> Tensor:
        n = len(x_ND)
        total = x_ND.new_zeros(())
        grad_x_ND = torch.empty_like(x_ND) if wanted else x_ND
        grad_VD = torch.zeros_like(weight_VD) if wanted else weight_VD
        for x_CD, g_CD, y_C in zip(
            *(torch.split(t, _CHUNK) for t in (x_ND, grad_x_ND, targets_N)), strict=True
        ):
            p_CV = torch.log_softmax(x_CD @ weight_VD.T, dim=-1)
            total -= p_CV.gather(1, y_C[:, None]).sum()
            if not wanted:
                continue
            p_CV.exp_()
            p_CV.scatter_add_(1, y_C[:, None], p_CV.new_full((len(y_C), 1), -1.0))
            torch.mm(p_CV, weight_VD, out=g_CD)
            grad_VD.addmm_(p_CV.T, x_CD)
        ctx.save_for_backward(grad_x_ND, grad_VD)
        ctx.positions = n
        return total / n

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_x_ND, grad_VD = ctx.saved_tensors
        scale = grad_outputs[0] / ctx.positions
        return grad_x_ND * scale, grad_VD * scale, None, None
