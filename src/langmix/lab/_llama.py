"""The model in the words of Hugging Face's Llama: its configuration and the names of its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from langmix.lab._model import Block, Model


def llama_config(model: Model) -> dict[str, Any]:
    """Content of ``config.json``."""
    size = model.size
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": model.vocab_size,
        "hidden_size": size.d_model,
        "intermediate_size": size.d_ff,
        "num_hidden_layers": size.n_layers,
        "num_attention_heads": size.n_heads,
        "num_key_value_heads": size.n_heads,
        "head_dim": size.d_model // size.n_heads,
        "hidden_act": "silu",
        "max_position_embeddings": model.sequence,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }


def llama_weights(model: Model, run: int = 0) -> dict[str, Tensor]:
    """Weights of one run by Llama's names, on the CPU."""
    return {name: weight[run].detach().cpu().contiguous() for name, weight in _named(model)}


@torch.no_grad()
def load_llama_weights(model: Model, weights: Mapping[str, Tensor]) -> None:
    """Copy weights by Llama's names into a model of one run.

    Raises:
        ValueError: a name is missing or not known, or a shape is another one.
    """
    places = dict(_named(model))
    if different := set(places) ^ set(weights):
        raise ValueError(f"weights that only one side has: {', '.join(sorted(different)[:3])}")
    for name, place in places.items():
        if place.shape[1:] != weights[name].shape:
            raise ValueError(
                f"{name} has shape {tuple(weights[name].shape)}; expected {tuple(place.shape[1:])}"
            )
        place.copy_(weights[name])


def _named(model: Model) -> Iterator[tuple[str, Tensor]]:
    """Views of the weights with their run dimension, by Llama's names."""
    yield "model.embed_tokens.weight", model.embedding_RVD
    for k, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        layer = f"model.layers.{k}"
        for name, weight in zip("qkv", block.qkv_R3DD.chunk(3, dim=1), strict=True):
            yield f"{layer}.self_attn.{name}_proj.weight", weight
        yield f"{layer}.self_attn.o_proj.weight", block.out_RDD
        for name, weight in zip(("gate", "up"), block.gate_up_R2FD.chunk(2, dim=1), strict=True):
            yield f"{layer}.mlp.{name}_proj.weight", weight
        yield f"{layer}.mlp.down_proj.weight", block.down_RDF
        yield f"{layer}.input_layernorm.weight", block.attention_norm_RD
        yield f"{layer}.post_attention_layernorm.weight", block.ffn_norm_RD
    yield "model.norm.weight", model.norm_RD
