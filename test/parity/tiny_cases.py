"""The cases of test/fixtures/qwen3-vl-tiny as inputs of `transformers`, and what a model makes of them."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import Qwen3VLForConditionalGeneration

FIXTURE = Path(__file__).parent.parent / "fixtures" / "qwen3-vl-tiny"


def load_model(directory=FIXTURE / "model"):
    """In float32, whatever the weights are stored in."""
    return Qwen3VLForConditionalGeneration.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def cases():
    return json.loads((FIXTURE / "cases.json").read_text(encoding="utf-8"))


def logprobs(model, case):
    """[C + 1, V]: of the tokens of the continuation, and of the one after it."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    inner.model.rope_deltas = None
    tokens = torch.tensor([case["inputIds"] + case["greedy"]])
    inputs = {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
        "mm_token_type_ids": (tokens == inner.config.image_token_id).long(),
    }
    if case["grids"]:
        inputs["pixel_values"] = load_file(FIXTURE / f"{case['name']}.safetensors")["pixel_values"]
        inputs["image_grid_thw"] = torch.tensor(case["grids"])
    logits = model(**inputs).logits[0, len(case["inputIds"]) - 1 :]
    return torch.log_softmax(logits, dim=-1)
