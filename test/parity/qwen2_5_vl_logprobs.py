"""Prints as one JSON line what `transformers` makes of the cases of test/fixtures/qwen2-5-vl-tiny with a model.

Run:  /opt/parity-venv/bin/python test/parity/qwen2_5_vl_logprobs.py MODEL [ADAPTER]
For each case the logprobs of its continuation; and tensors that were missing or unexpected. An adapter is loaded by
`peft`. Used by test/parity/qwen2-5-vl.test.ts.
"""

import json
import sys
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration

FIXTURE = Path(__file__).parent.parent / "fixtures" / "qwen2-5-vl-tiny"


def logprobs(model, case, image_token):
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    inner.model.rope_deltas = None
    tokens = torch.tensor([case["inputIds"] + case["greedy"]])
    inputs = {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
        "mm_token_type_ids": (tokens == image_token).long(),
    }
    if case["grids"]:
        inputs["pixel_values"] = load_file(FIXTURE / f"{case['name']}.safetensors")["pixel_values"]
        inputs["image_grid_thw"] = torch.tensor(case["grids"])
    rows = torch.log_softmax(model(**inputs).logits[0, len(case["inputIds"]) - 1 : -1], dim=-1)
    return rows[torch.arange(len(case["greedy"])), torch.tensor(case["greedy"])].tolist()


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    model, report = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        sys.argv[1], dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    image_token = model.config.image_token_id
    model.eval()
    processor = AutoProcessor.from_pretrained(sys.argv[1])
    answer = {
        "missing": sorted(report["missing_keys"]),
        "unexpected": sorted(report["unexpected_keys"]),
        "eos": model.generation_config.eos_token_id,
        "processor": type(processor).__name__,
    }
    if len(sys.argv) > 2:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, sys.argv[2]).eval()
    cases = json.loads((FIXTURE / "cases.json").read_text(encoding="utf-8"))
    with torch.no_grad():
        answer["logprobs"] = [logprobs(model, case, image_token) for case in cases]
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
