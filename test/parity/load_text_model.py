"""Prints as one JSON line what `transformers` computes with models that MediX wrote, one after the other.

Run:  /opt/parity-venv/bin/python test/parity/load_text_model.py < requests.json
The request is {"models": [[folder] or [folder, adapter], ...], "texts": [...], "messages": [...], "tokens": [...]}.
Used by text-families.test.ts.
"""

import json
import sys
import warnings

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    request = json.load(sys.stdin)
    print(json.dumps([answer(request, *folders) for folders in request["models"]]))


def answer(request, folder, adapter=None):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    eos = model.generation_config.eos_token_id
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    with torch.no_grad():
        logits = model.eval()(input_ids=torch.tensor([request["tokens"]])).logits[0]
    prompt = tokenizer.apply_chat_template(request["messages"], add_generation_prompt=True, return_dict=True)
    return {
        "missing": sorted(report["missing_keys"]),
        "unexpected": sorted(report["unexpected_keys"]),
        "eos": eos,
        "tokens": [tokenizer(text, add_special_tokens=False)["input_ids"] for text in request["texts"]],
        "inputIds": prompt["input_ids"],
        "logits": logits.flatten().tolist(),
    }


if __name__ == "__main__":
    main()
