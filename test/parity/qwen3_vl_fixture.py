"""Writes test/fixtures/qwen3-vl-tiny: a tiny random Qwen3-VL and what `transformers` computes with it.

The model is saved by `save_pretrained`, so its config, tensor names, tokenizer and processor files are
those a real checkpoint has. Weights are drawn wide (matrices 0.2, norms around 1, biases random), because
with the usual initialisation most of the network is close to zero and errors would hide.

Run:  /opt/parity-venv/bin/python test/parity/qwen3_vl_fixture.py [output directory]
Needs torch, torchvision, transformers, tokenizers, pillow; the versions used are kept in origin.json.
The layout of the output is described in the fixture's README.md, which this script does not touch.
"""

import json
import math
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    Qwen2TokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX
from transformers.vision_utils import get_vision_interpolation_indices_and_weights, get_vision_position_ids

SEED = 20250602
SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
CORPUS = [
    "The chest X-ray shows a left lower lobe opacity. What is the most likely diagnosis?",
    "system\nYou are a careful radiologist.\nuser\nassistant\n",
    "<answer>pneumonia</answer> <think>the opacity lies in the left lung</think>",
    "What does this image show? Which organ is enlarged in the second image?",
]
TEMPLATE = """{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.content is string %}
        {{- message.content }}
    {%- else %}
        {%- for part in message.content %}
            {%- if part.type == 'image' %}
                {{- '<|vision_start|><|image_pad|><|vision_end|>' }}
            {%- elif part.type == 'text' %}
                {{- part.text }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""


def make_tokenizer():
    """Byte-level BPE as Qwen2's, 256 bytes + merges + special tokens = 400 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=400 - len(SPECIAL), initial_alphabet=alphabet, min_frequency=1, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return Qwen2TokenizerFast(
        tokenizer_object=tokenizer,
        vocab=tokenizer.get_vocab(with_added_tokens=False),
        merges=[tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=SPECIAL[1:],
    )


def make_model(tokenizer):
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": 400,
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "max_position_embeddings": 1024,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [4, 2, 2],
                "mrope_interleaved": True,
            },
            "tie_word_embeddings": True,
        },
        vision_config={
            "depth": 3,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 2,
            "in_channels": 3,
            "patch_size": 16,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "out_hidden_size": 64,
            "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0, 2],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )
    model = Qwen3VLForConditionalGeneration(config).float().eval()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("bias"):
                parameter.copy_(0.2 * noise)
            elif "norm" in name:
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
    """Between 64² and 96² pixels after resizing, so that small images are enlarged and large ones shrunk."""
    images = Qwen2VLImageProcessor(
        size={"shortest_edge": 64 * 64, "longest_edge": 96 * 96},
        patch_size=16,
        temporal_patch_size=2,
        merge_size=2,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )
    videos = Qwen3VLVideoProcessor(patch_size=16, temporal_patch_size=2, merge_size=2)
    return Qwen3VLProcessor(images, tokenizer, videos, chat_template=TEMPLATE)


def picture(width, height, channels, seed):
    """Smooth shapes with a hard edge and noise: resampling errors show at edges."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    layers = []
    for channel in range(channels):
        wave = 110 + 90 * np.sin(x / (3 + channel) + seed) * np.cos(y / (5 + channel))
        disc = (x - width * 0.4) ** 2 + (y - height * 0.55) ** 2 < (min(width, height) * 0.3) ** 2
        layers.append(np.where(disc, 255 - wave, wave) + rng.normal(0, 12, (height, width)))
    return np.clip(np.stack(layers, -1), 0, 255).astype(np.uint8)


def write_images(directory):
    directory.mkdir(parents=True, exist_ok=True)
    save = lambda name, array, mode, **options: PIL.Image.fromarray(array, mode=mode).save(directory / name, **options)
    save("small-color.png", picture(37, 20, 3, 1), "RGB")
    save("large-gray.png", picture(150, 90, 1, 2)[..., 0], "L")
    save("alpha.png", picture(60, 84, 4, 3), "RGBA")
    save("photo.jpg", picture(128, 72, 3, 4), "RGB", quality=88)
    save("exact.png", picture(64, 96, 3, 5), "RGB")
    save("tall.png", picture(30, 140, 3, 6), "RGB")
    palette = PIL.Image.fromarray(picture(70, 70, 3, 7)).convert("P", palette=PIL.Image.Palette.ADAPTIVE, colors=24)
    palette.save(directory / "palette.png")


def image(name):
    return {"type": "image", "image": name}


def text(value):
    return {"type": "text", "text": value}


CASES = {
    "text-only": [
        {"role": "system", "content": [text("You are a careful radiologist.")]},
        {"role": "user", "content": [text("Wärme, 38.5 °C – 肺炎?  Naïve e\u0301 📷\n\n  What's next?\t")]},
    ],
    "enlarged": [{"role": "user", "content": [image("small-color.png"), text("What does this image show?")]}],
    "shrunk-gray": [{"role": "user", "content": [text("Look:\n"), image("large-gray.png"), text("\nWhich organ?")]}],
    "alpha": [{"role": "user", "content": [image("alpha.png"), text("  leading spaces, <think> and 12345")]}],
    "two-images": [
        {
            "role": "user",
            "content": [
                text("First: "),
                image("photo.jpg"),
                text(" second: "),
                image("exact.png"),
                text(" Which organ is enlarged in the second image?"),
            ],
        }
    ],
    "conversation": [
        {"role": "system", "content": [text("Answer briefly.")]},
        {"role": "user", "content": [image("tall.png"), image("palette.png"), text("Compare.\n")]},
        {"role": "assistant", "content": [text("<answer>pneumonia</answer>")]},
        {"role": "user", "content": [text("\nΣίγουρα; ﬁnal")]},
    ],
}


def record(model, processor, name, messages, images_directory):
    opened = [
        {
            **message,
            "content": [
                {"type": "image", "image": PIL.Image.open(images_directory / part["image"])} if part["type"] == "image" else part
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
        "interpolationIndices": [],
    }
    if grid is not None:
        visual = model.model.visual
        with torch.no_grad():
            output = visual(inputs["pixel_values"], grid_thw=grid)
        indices, weights = get_vision_interpolation_indices_and_weights(
            grid, visual.num_grid_per_side, "bilinear", True, spatial_merge_size=2
        )
        vision_cos, vision_sin = visual.rotary_pos_emb(torch.zeros(1), get_vision_position_ids(grid, 2))
        case["interpolationIndices"] = indices.tolist()
        tensors |= {
            "pixel_values": inputs["pixel_values"],
            "vision_embeddings": output.pooler_output,
            "vision_cos": vision_cos,
            "vision_sin": vision_sin,
            "interpolation_weights": weights,
        }
        for index, feature in enumerate(output.deepstack_features):
            tensors[f"vision_deepstack.{index}"] = feature
    loss, gradients = gradient(model, whole, length)
    case["completionLoss"] = loss
    return case, {key: value.detach().float().contiguous() for key, value in tensors.items()}, gradients


def margin(logits):
    best = logits.topk(2, dim=-1).values
    return float((best[:, 0] - best[:, 1]).min())


def gradient(model, inputs, length):
    """Of the sum of -log p of the 16 continuation tokens at temperature 1: norm and sum of every tensor."""
    model.zero_grad()
    model.model.rope_deltas = None
    logits = model(**inputs).logits[0, length - 1 : -1]
    loss = torch.nn.functional.cross_entropy(logits, inputs["input_ids"][0, length:], reduction="sum")
    loss.backward()
    report = {
        name: {"norm": float(parameter.grad.norm()), "sum": float(parameter.grad.double().sum())}
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    return float(loss), report


def main():
    warnings.filterwarnings("ignore")
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "fixtures" / "qwen3-vl-tiny"
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    processor = make_processor(tokenizer)
    model.save_pretrained(root / "model", safe_serialization=True)
    processor.save_pretrained(root / "model")
    write_images(root / "images")

    cases, gradients = [], {}
    for name, messages in CASES.items():
        case, tensors, report = record(model, processor, name, messages, root / "images")
        cases.append(case)
        gradients[name] = report
        save_file(tensors, root / f"{name}.safetensors")
    write = lambda name, value: (root / name).write_text(
        json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    write("cases.json", cases)
    write("gradients.json", gradients)
    packages = ["torch", "torchvision", "transformers", "tokenizers", "pillow", "numpy", "safetensors"]
    origin = {
        "script": "test/parity/qwen3_vl_fixture.py",
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
