"""Golden values of AdamW: weights after each of several steps of torch.optim.AdamW.

Run: /opt/parity-venv/bin/python test/parity/adam.py   (torch; writes test/golden/adam.json)

Inputs are rounded to float32, arithmetic is float64. Tensors with more than one dimension decay, the
others do not. Clipping is torch's, which divides by the norm plus 1e-6.
"""
import json
import pathlib
import platform

import torch

SHAPES = {"matrix": [4, 3], "patches": [2, 1, 2, 2], "gain": [3], "bias": [1]}
# Scale of the gradients and the learning rate of each step: some are clipped, some are not.
STEPS = [(1.0, 1e-2), (8.0, 1e-2), (0.05, 5e-3), (0.0, 5e-3), (3.0, 2e-3), (0.3, 1e-3)]
CASES = [
    {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.0, "maxGradNorm": 0.0},
    {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weightDecay": 0.1, "maxGradNorm": 2.0},
    {"beta1": 0.8, "beta2": 0.95, "epsilon": 0.1, "weightDecay": 0.01, "maxGradNorm": 0.5},
]


def draw(generator, scale):
    return {
        name: scale * torch.randn(shape, generator=generator, dtype=torch.float32)
        for name, shape in SHAPES.items()
    }


def as_lists(tensors):
    return {name: tensor.detach().flatten().tolist() for name, tensor in tensors.items()}


def run(case, seed):
    generator = torch.Generator().manual_seed(seed)
    start = draw(generator, 1.0)
    weights = {name: torch.nn.Parameter(value.double()) for name, value in start.items()}
    matrices = [value for value in weights.values() if value.dim() > 1]
    others = [value for value in weights.values() if value.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": case["weightDecay"]}, {"params": others, "weight_decay": 0.0}],
        betas=(case["beta1"], case["beta2"]),
        eps=case["epsilon"],
    )
    steps = []
    for scale, rate in STEPS:
        gradients = draw(generator, scale)
        for name, value in weights.items():
            value.grad = gradients[name].double()
        limit = case["maxGradNorm"] or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(weights.values(), limit)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        steps.append({
            "adam": {**case, "learningRate": rate},
            "gradients": as_lists(gradients),
            "gradNorm": norm.item(),
            "weights": as_lists(weights),
        })
    return {"start": as_lists(start), "steps": steps}


if __name__ == "__main__":
    golden = {
        "origin": "test/parity/adam.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "shapes": SHAPES,
        "cases": [run(case, seed) for seed, case in enumerate(CASES)],
    }
    path = pathlib.Path(__file__).parents[1] / "golden" / "adam.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")
