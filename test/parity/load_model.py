"""Loads a model directory that MediX wrote with `transformers` and prints what it sees as one JSON line.

Run:  /opt/parity-venv/bin/python test/parity/load_model.py MODEL_DIRECTORY < requests.json
The request is {"texts": [...], "messages": [...]}; images in messages are paths. Used by transformers.test.ts.
"""

import json
import sys
import warnings

import PIL.Image
import torch
from transformers import AutoProcessor, AutoTokenizer, Qwen3VLForConditionalGeneration


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    directory = sys.argv[1]
    request = json.load(sys.stdin)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    processor = AutoProcessor.from_pretrained(directory)
    model, report = Qwen3VLForConditionalGeneration.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    for message in request["messages"]:
        for part in message["content"]:
            if part["type"] == "image":
                part["image"] = PIL.Image.open(part["image"])
    inputs = processor.apply_chat_template(
        request["messages"], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    with torch.no_grad():
        logits = model.eval()(**inputs).logits[0, -1]
    answer = {
        "missing": sorted(report["missing_keys"]),
        "unexpected": sorted(report["unexpected_keys"]),
        "eos": model.generation_config.eos_token_id,
        "paddingSides": [tokenizer.padding_side, processor.tokenizer.padding_side],
        "tokens": [tokenizer(text)["input_ids"] for text in request["texts"]],
        "inputIds": inputs["input_ids"][0].tolist(),
        "pixels": inputs["pixel_values"].flatten().tolist(),
        "lastLogits": logits.tolist(),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
