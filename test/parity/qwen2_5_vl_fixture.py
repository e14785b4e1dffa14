"""Writes test/fixtures/qwen2-5-vl-tiny: a tiny random Qwen2.5-VL and what `transformers` computes with it.

Made as qwen3_vl_fixture.py makes its fixture, from which tokenizer, images (which are not written again) and
helpers come. Patches are 6 pixels wide and windows 2 merged blocks, so that small images have several windows,
cut at the right, at the bottom, at both and nowhere.

Run:  /opt/parity-venv/bin/python test/parity/qwen2_5_vl_fixture.py [output directory]
Needs torch, torchvision, transformers, peft, tokenizers, pillow; the versions used are kept in origin.json.
The layout of the output is described in the fixture's README.md, which this script does not touch.
"""

import hashlib
import json
import math
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import PIL.Image
import torch
from qwen3_vl_fixture import SPECIAL, gradient, image, make_tokenizer, margin, text
from safetensors.torch import save_file
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)
from transformers.vision_utils import get_vision_position_ids, get_vision_window_index
from write_adapter import make_adapter

SEED = 20250225
FIXTURES = Path(__file__).parent.parent / "fixtures"
IMAGES = FIXTURES / "qwen3-vl-tiny" / "images"
CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
# Like the published one: a system turn where there is none, images counted, parts told by their keys.
TEMPLATE = """{% set images = namespace(count=0) %}{% for message in messages %}
{%- if loop.first and message['role'] != 'system' %}{{ '<|im_start|>system\\nAnswer with care.<|im_end|>\\n' }}{% endif %}
{{- '<|im_start|>' + message['role'] + '\\n' }}
{%- if message['content'] is string %}{{- message['content'] }}{% else %}{% for part in message['content'] %}
{%- if part['type'] == 'image' or 'image' in part %}{% set images.count = images.count + 1 %}
{%- if add_vision_id %}{{- 'Picture ' ~ images.count ~ ': ' }}{% endif %}
{{- '<|vision_start|><|image_pad|><|vision_end|>' }}
{%- elif 'text' in part %}{{- part['text'] }}{% endif %}{% endfor %}{% endif %}
{{- '<|im_end|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""

ADAPTED = [
    "model.language_model.layers.0.self_attn.k_proj",
    "model.language_model.layers.1.self_attn.q_proj",
    "model.language_model.layers.1.mlp.down_proj",
    "model.visual.blocks.0.attn.qkv",
    "model.visual.blocks.1.mlp.gate_proj",
    "model.visual.blocks.2.attn.proj",
    "model.visual.merger.mlp.2",
]
ADAPTED_CASE = "three-images"

CASES = {
    "text-only": [
        {"role": "user", "content": [text("Wärme, 38.5 °C – 肺炎?\n\n  What's next?\t")]},
        {"role": "assistant", "content": [text("<answer>pneumonia</answer>")]},
        {"role": "user", "content": [text("\nΣίγουρα; ﬁnal")]},
    ],
    "enlarged": [{"role": "user", "content": [image("small-color.png"), text("What does this image show?")]}],
    "shrunk-gray": [
        {"role": "system", "content": [text("Answer briefly.")]},
        {"role": "user", "content": [text("Look:\n"), image("large-gray.png"), text("\nWhich organ?")]},
    ],
    "three-images": [
        {"role": "user", "content": [image("tall.png"), text("Compare: "), image("palette.png"), image("alpha.png")]}
    ],
}


def make_model(tokenizer):
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": 400,
            "hidden_size": 48,
            "intermediate_size": 40,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "num_key_value_heads": 1,
            "max_position_embeddings": 1024,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
        },
        vision_config={
            "depth": 4,
            "hidden_size": 16,
            "intermediate_size": 20,
            "num_heads": 2,
            "patch_size": 6,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "window_size": 24,
            "fullatt_block_indexes": [1, 3],
            "out_hidden_size": 48,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
    )
    model = Qwen2_5_VLForConditionalGeneration(config).float().eval()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("bias"):
                parameter.copy_(0.2 * noise)
            elif "norm" in name or "ln_q" in name:
                parameter.copy_(1 + 0.2 * noise)
            elif "patch_embed" in name:
                parameter.copy_(0.05 * noise)
            else:
                parameter.copy_(0.2 * noise)
    model.generation_config.eos_token_id = [ids["<|im_end|>"], ids["<|endoftext|>"]]
    model.generation_config.pad_token_id = ids["<|endoftext|>"]
    model.set_attn_implementation("eager")
    return model


def make_processor(tokenizer):
    """Between 36² and 48² pixels after resizing, so that small images are enlarged and large ones shrunk."""
    images = Qwen2VLImageProcessor(
        size={"shortest_edge": 36 * 36, "longest_edge": 48 * 48},
        patch_size=6,
        temporal_patch_size=2,
        merge_size=2,
    )
    assert list(images.image_mean) == CLIP_MEAN and list(images.image_std) == CLIP_STD
    videos = Qwen2VLVideoProcessor(patch_size=6, temporal_patch_size=2, merge_size=2)
    return Qwen2_5_VLProcessor(images, tokenizer, videos, chat_template=TEMPLATE)


def windows_of(grid, config):
    """Merged blocks of each window, numbered over all images."""
    index, ends = get_vision_window_index(grid, config.spatial_merge_size, config.window_size, config.patch_size)
    ends = (ends // config.spatial_merge_size**2).tolist()
    return [index[start:end].tolist() for start, end in zip(ends, ends[1:])]


def record(model, processor, name, messages):
    opened = [
        {
            **message,
            "content": [
                {"type": "image", "image": PIL.Image.open(IMAGES / part["image"])} if part["type"] == "image" else part
                for part in message["content"]
            ],
        }
        for message in messages
    ]
    rendered = processor.apply_chat_template(opened, add_generation_prompt=True, tokenize=False)
    inputs = processor.apply_chat_template(
        opened, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    length = inputs["input_ids"].shape[1]
    grid = inputs.get("image_grid_thw")
    model.model.rope_deltas = None
    # An end token would shorten the continuation, and its length is part of the fixture.
    tokens = model.generate(**inputs, max_new_tokens=16, min_new_tokens=16, do_sample=False)
    completion = tokens[0, length:].tolist()

    model.model.rope_deltas = None
    whole = dict(inputs)
    whole["input_ids"] = tokens
    whole["attention_mask"] = torch.ones_like(tokens)
    types = torch.zeros_like(tokens)
    types[:, :length] = inputs["mm_token_type_ids"]
    whole["mm_token_type_ids"] = types
    with torch.no_grad():
        logits = model(**whole).logits[0]
    tensors = {"logits": logits}
    positions, delta = model.model.get_rope_index(tokens, types, image_grid_thw=grid)
    cos, sin = model.model.language_model.rotary_emb(torch.zeros(1), positions)
    tensors["text_cos"], tensors["text_sin"] = cos[0], sin[0]
    case = {
        "name": name,
        "messages": messages,
        "rendered": rendered,
        "inputIds": inputs["input_ids"][0].tolist(),
        "grids": [] if grid is None else grid.tolist(),
        "positions": positions[:, 0, :length].tolist(),
        "nextPosition": int(positions[:, 0, :length].max()) + 1,
        "ropeDelta": int(delta),
        "greedy": completion,
        "greedyMargin": margin(logits[length - 1 : -1]),
        "windows": [],
    }
    if grid is not None:
        visual = model.model.visual
        with torch.no_grad():
            output = visual(inputs["pixel_values"], grid_thw=grid)
        vision_cos, vision_sin = visual.rotary_pos_emb(torch.zeros(1), get_vision_position_ids(grid, 2))
        case["windows"] = windows_of(grid, model.config.vision_config)
        tensors |= {
            "pixel_values": inputs["pixel_values"],
            "vision_embeddings": output.pooler_output,
            "vision_cos": vision_cos,
            "vision_sin": vision_sin,
        }
    loss, gradients = gradient(model, whole, length)
    case["completionLoss"] = loss
    return case, {key: value.detach().float().contiguous() for key, value in tensors.items()}, gradients


def write_adapter(model, processor, folder):
    """An adapter by `peft`, and the gradients of its factors for one case."""
    adapted = make_adapter(model, r=2, lora_alpha=6, use_rslora=True, target_modules=ADAPTED)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink()
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": "../model", "target_modules": ADAPTED}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    case, _, _ = record(model, processor, ADAPTED_CASE, CASES[ADAPTED_CASE])
    # What the model with its adapter continues with is part of what is recorded, too.
    (folder / "loss.json").write_text(
        json.dumps({"case": ADAPTED_CASE, "greedy": case["greedy"], "loss": case["completionLoss"]}) + "\n"
    )
    gradients = {
        name.removeprefix("base_model.model.").replace(".default.", "."): parameter.grad.contiguous().clone()
        for name, parameter in adapted.named_parameters()
        if "lora_" in name and parameter.grad is not None
    }
    save_file(gradients, folder / "gradients.safetensors")


def published_pixels():
    """Every image by the settings of published checkpoints but for the sizes: grid, and digest of all patches."""
    rows = []
    for least, most in [(56 * 56, 28 * 28 * 1280), (56 * 56, 84 * 84)]:
        processor = Qwen2VLImageProcessor(size={"shortest_edge": least, "longest_edge": most})
        for file in sorted(IMAGES.iterdir()):
            made = processor(PIL.Image.open(file), return_tensors="pt")
            patches = made["pixel_values"].float().contiguous().numpy()
            rows.append(
                {
                    "image": file.name,
                    "minPixels": least,
                    "maxPixels": most,
                    "grid": made["image_grid_thw"][0].tolist(),
                    "sha256": hashlib.sha256(patches.astype("<f4").tobytes()).hexdigest(),
                }
            )
    return rows


def main():
    warnings.filterwarnings("ignore")
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES / "qwen2-5-vl-tiny"
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    processor = make_processor(tokenizer)
    model.save_pretrained(root / "model", safe_serialization=True)
    processor.save_pretrained(root / "model")

    cases, gradients = [], {}
    for name, messages in CASES.items():
        case, tensors, report = record(model, processor, name, messages)
        cases.append(case)
        gradients[name] = report
        save_file(tensors, root / f"{name}.safetensors")
    write_adapter(model, processor, root / "adapter")
    write = lambda name, value: (root / name).write_text(
        json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    write("cases.json", cases)
    write("gradients.json", gradients)
    write("published-pixels.json", published_pixels())
    packages = ["torch", "torchvision", "transformers", "peft", "tokenizers", "pillow", "numpy", "safetensors"]
    origin = {
        "script": "test/parity/qwen2_5_vl_fixture.py",
        "seed": SEED,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }
    (root / "origin.json").write_text(json.dumps(origin, indent=2) + "\n")
    for file in root.rglob("*.safetensors"):
        file.chmod(0o644)
    for case in cases:
        print(case["name"], len(case["inputIds"]), case["grids"], f"margin {case['greedyMargin']:.3f}")
    assert all(math.isfinite(case["completionLoss"]) for case in cases)


if __name__ == "__main__":
    main()
