"""Writes test/fixtures/qwen3-vl-sharded: the tiny model in shards of bf16, f16 and f32, and its logits.

The weights of test/fixtures/qwen3-vl-tiny are rounded to each type and saved by `save_pretrained` in shards.
`transformers` then opens each folder and computes in float32, so that what is compared is reading, not rounding.
Tokenizer and processor files are those of the tiny model. Cases and pixels are its own, too.

Run:  /opt/parity-venv/bin/python test/parity/sharded_weights.py
Needs torch, transformers, safetensors; the versions used are kept in origin.json.
"""

import json
import platform
import shutil
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen3VLForConditionalGeneration

FIXTURES = Path(__file__).parent.parent / "fixtures"
TINY = FIXTURES / "qwen3-vl-tiny"
CASES = ["text-only", "enlarged"]
TYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}


def logits(model, case):
    tokens = torch.tensor([case["inputIds"] + case["greedy"]])
    image = model.config.image_token_id
    inputs = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    inputs["mm_token_type_ids"] = (tokens == image).int()
    if case["grids"]:
        inputs["image_grid_thw"] = torch.tensor(case["grids"])
        inputs["pixel_values"] = load_file(TINY / f"{case['name']}.safetensors")["pixel_values"]
    model.model.rope_deltas = None
    with torch.no_grad():
        return model(**inputs).logits[0]


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    root = FIXTURES / "qwen3-vl-sharded"
    cases = {case["name"]: case for case in json.loads((TINY / "cases.json").read_text())}
    for name, dtype in TYPES.items():
        folder = root / name
        shutil.rmtree(folder, ignore_errors=True)
        source = Qwen3VLForConditionalGeneration.from_pretrained(TINY / "model", dtype=dtype)
        source.save_pretrained(folder, max_shard_size="300KB")
        model = Qwen3VLForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        save_file({one: logits(model, cases[one]).contiguous() for one in CASES}, root / f"{name}-logits.safetensors")
    packages = {name: version(name) for name in ["torch", "transformers", "safetensors"]}
    origin = {"script": "test/parity/sharded_weights.py", "python": platform.python_version(), "packages": packages}
    (root / "origin.json").write_text(json.dumps(origin, indent=2) + "\n")
    for file in root.rglob("*.safetensors"):
        file.chmod(0o644)


if __name__ == "__main__":
    main()
