"""Two tiny Llama models on random tokens with the Trainer of transformers; one of them is resumed."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, set_seed


def rows(count: int, seed: int, high: int) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    tokens = [torch.randint(0, high, (32,), generator=generator) for _ in range(count)]
    return [{"input_ids": each, "labels": each} for each in tokens]


def run(name: str, share: float, *, resume: bool) -> None:
    set_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    go, rust = rows(200, 1, 64), rows(200, 2, 48)
    arguments = TrainingArguments(
        output_dir=f"out/{name}",
        max_steps=40,
        per_device_train_batch_size=4,
        learning_rate=2e-3,
        eval_strategy="steps",
        eval_steps=10,
        save_steps=20,
        logging_steps=10,
        include_num_input_tokens_seen=True,
        report_to=[],
        seed=0,
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=LlamaForCausalLM(config),
        args=arguments,
        train_dataset=go[: int(160 * share)] + rust[: int(160 * (1 - share))],
        eval_dataset={"go": go[160:], "rust": rust[160:]},
    )
    trainer.train(resume_from_checkpoint=f"out/{name}/checkpoint-20" if resume else None)


if __name__ == "__main__":
    run("go75", 0.75, resume=False)
    run("go25", 0.25, resume=False)
    run("go25", 0.25, resume=True)
