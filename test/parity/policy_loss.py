"""Golden values of the policy losses: written directly from their formulas in torch, gradients by autograd.

Run: /opt/parity-venv/bin/python test/parity/policy_loss.py   (torch; writes test/golden/policy-loss.json)

Inputs are rounded to float32, arithmetic is float64. GSPO is written in its token form, with the
sequence ratio detached and the token logprob carrying the gradient, as in arXiv 2507.18071 section 4.3.
"""
import json
import math
import pathlib
import platform

import torch

LENGTHS = [5, 1, 8, 3]
ADVANTAGES = [1.25, -0.5, 0.75, -1.5]
CLIP_DUAL = 3.0


def draw(generator, spread):
    old = [-(torch.rand(n, generator=generator) * 3 + 0.05) for n in LENGTHS]
    policy = [o + spread * torch.randn(o.shape, generator=generator) for o in old]
    reference = [o + 0.7 * torch.randn(o.shape, generator=generator) for o in old]
    return [[t.to(torch.float32).to(torch.float64) for t in rows] for rows in (old, policy, reference)]


def token_losses(kind, policy, old, advantage, low, high):
    if kind == "gspo":
        log_ratio = (policy - old).mean().detach() + policy - policy.detach()
    else:
        log_ratio = policy - old
    log_ratio = log_ratio.clamp(-20, 20)
    clipped = log_ratio.clamp(math.log(1 - low), math.log(1 + high)).exp()
    if kind == "cispo":
        return -advantage * policy * clipped.detach()
    loss = torch.maximum(-advantage * log_ratio.exp(), -advantage * clipped)
    return loss if advantage >= 0 else loss.clamp(max=-advantage * CLIP_DUAL)


def penalty(estimator, policy, reference):
    d = policy - reference
    if estimator == "k1":
        return d
    if estimator == "abs":
        return d.abs()
    if estimator == "k2":
        return d.square() / 2
    x = (-d).clamp(-20, 20)
    return (x.exp() - x - 1).clamp(-10, 10)


def average(rows, how):
    if how == "token":
        return torch.cat(rows).mean()
    return torch.stack([row.mean() for row in rows]).mean()


def case(seed, spread, settings):
    old, policy, reference = draw(torch.Generator().manual_seed(seed), spread)
    policy = [p.clone().requires_grad_() for p in policy]
    rows = []
    for p, o, r, advantage in zip(policy, old, reference, ADVANTAGES):
        row = token_losses(settings["kind"], p, o, advantage, settings["clipLow"], settings["clipHigh"])
        if settings["klCoefficient"] > 0:
            row = row + settings["klCoefficient"] * penalty(settings["klEstimator"], p, r)
        rows.append(row)
    loss = average(rows, settings["lossAverage"])
    loss.backward()
    lists = lambda tensors: [t.detach().tolist() for t in tensors]
    return {
        "settings": {**settings, "clipDual": CLIP_DUAL},
        "advantages": ADVANTAGES,
        "oldLogprobs": lists(old),
        "policyLogprobs": lists(policy),
        "referenceLogprobs": lists(reference),
        "loss": loss.item(),
        "gradients": [p.grad.tolist() for p in policy],
    }


def cases():
    clips = {"clip": (0.2, 0.28), "gspo": (0.05, 0.08), "cispo": (0.2, 0.3)}
    seed = 0
    for kind, (low, high) in clips.items():
        for how in ("token", "sequence"):
            for spread in (0.15, 1.5):
                seed += 1
                yield case(seed, spread, {
                    "kind": kind, "clipLow": low, "clipHigh": high, "lossAverage": how,
                    "klCoefficient": 0, "klEstimator": "k3",
                })
    for estimator in ("k1", "k2", "k3", "abs"):
        seed += 1
        yield case(seed, 0.15, {
            "kind": "clip", "clipLow": 0.2, "clipHigh": 0.3, "lossAverage": "token",
            "klCoefficient": 0.1, "klEstimator": estimator,
        })


if __name__ == "__main__":
    golden = {
        "origin": "test/parity/policy_loss.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "cases": list(cases()),
    }
    path = pathlib.Path(__file__).parents[1] / "golden" / "policy-loss.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")
