"""Writes test/golden/lora: an adapter by `peft` on the tiny model, and gradients of its factors by torch's autograd.

Run:  /opt/parity-venv/bin/python test/parity/lora_gradients.py [output directory]
The loss is the sum of -log p of a case's continuation. origin.json holds losses and versions,
gradients.safetensors `<case>/<layer>.lora_A.weight` and B's.
"""

import json
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file

from tiny_cases import cases, load_model, logprobs
from write_adapter import SEED, make_adapter

LAYERS = [
    "model.language_model.layers.0.self_attn.k_proj",
    "model.language_model.layers.1.self_attn.q_proj",
    "model.language_model.layers.1.self_attn.o_proj",
    "model.language_model.layers.1.mlp.gate_proj",
    "model.language_model.layers.2.self_attn.v_proj",
    "model.language_model.layers.2.mlp.down_proj",
    "model.visual.blocks.0.attn.qkv",
    "model.visual.blocks.1.attn.proj",
    "model.visual.blocks.2.mlp.linear_fc1",
    "model.visual.merger.linear_fc2",
    "model.visual.deepstack_merger_list.1.linear_fc1",
]
CASES = ["text-only", "alpha", "two-images"]


def main():
    warnings.filterwarnings("ignore")
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "golden" / "lora"
    torch.set_num_threads(1)
    model = make_adapter(load_model(), r=2, lora_alpha=6, use_rslora=True, target_modules=LAYERS)
    model.save_pretrained(root)
    (root / "README.md").unlink()
    path = root / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": "../../fixtures/qwen3-vl-tiny/model", "target_modules": LAYERS}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    losses, gradients = {}, {}
    for case in cases():
        if case["name"] not in CASES:
            continue
        model.zero_grad()
        rows = logprobs(model, case)
        loss = -rows[torch.arange(len(case["greedy"])), torch.tensor(case["greedy"])].sum()
        loss.backward()
        losses[case["name"]] = float(loss)
        for name, parameter in model.named_parameters():
            if "lora_" in name and parameter.grad is not None:
                layer = name.removeprefix("base_model.model.").replace(".default.", ".")
                gradients[f"{case['name']}/{layer}"] = parameter.grad.contiguous().clone()
    save_file(gradients, root / "gradients.safetensors")
    packages = ["torch", "transformers", "peft", "safetensors"]
    origin = {
        "script": "test/parity/lora_gradients.py",
        "seed": SEED,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "losses": losses,
    }
    (root / "origin.json").write_text(json.dumps(origin, indent=2) + "\n")
    for file in root.glob("*.safetensors"):
        file.chmod(0o644)


if __name__ == "__main__":
    main()
