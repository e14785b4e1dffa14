"""Golden values of the policy losses: written directly from their formulas in torch, gradients by autograd.

Run: /opt/parity-venv/bin/python test/parity/policy_loss.py   (torch; writes test/golden/policy-loss.json and policy-loss-2.json)

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


def second_token_losses(settings, policy, old, advantage):
    """The kinds of the second file; `gspo` and `luspo` here with the gradient through the mean itself."""
    kind, low, high = settings["kind"], settings["clipLow"], settings["clipHigh"]
    if kind == "reinforce":
        return -advantage * policy
    log_ratio = (policy - old).mean().expand(len(policy)) if kind in ("gspo", "luspo") else policy - old
    ratio = log_ratio.clamp(-20, 20).exp()
    if kind == "cispo":
        return -advantage * policy * ratio.clamp(1 - low, 1 + high).detach()
    if kind == "sapo":
        tau = settings["temperaturePositive"] if advantage > 0 else settings["temperatureNegative"]
        return -advantage * torch.sigmoid(tau * (ratio - 1)) * 4 / tau
    if kind in ("dppo-tv", "dppo-kl"):
        p, q = policy.detach().exp(), old.exp()
        if kind == "dppo-tv":
            moved = (p - q).abs()
        else:
            moved = q * (q / p).log() + (1 - q) * ((1 - q + 1e-8) / (1 - p + 1e-8)).log()
        outside = ((moved > high) & (p > q)) if advantage > 0 else ((moved > low) & (p < q))
        return -advantage * ratio.clamp(max=20).detach() * policy * ~outside
    loss = torch.maximum(-advantage * ratio, -advantage * ratio.clamp(1 - low, 1 + high))
    return loss if advantage >= 0 else loss.clamp(max=-advantage * settings["clipDual"])


def sampler_weight(correction, old, sampler):
    if correction == "none":
        return torch.ones_like(old)
    log_weight = old - sampler
    if correction.get("over") == "sequence":
        log_weight = log_weight.sum().expand(len(old))
    weight = log_weight.exp()
    if "cap" in correction:
        return weight.clamp(max=correction["cap"])
    inside = (weight >= correction["low"]) & (weight <= correction["high"])
    return weight * inside


def second_average(rows, settings):
    if settings["kind"] == "luspo":
        return torch.stack([row.sum() for row in rows]).mean()
    if settings["lossAverage"] == "dr-grpo":
        return torch.cat(rows).sum() / (len(rows) * settings["maxCompletionTokens"])
    return average(rows, settings["lossAverage"])


def second_case(seed, spread, changes):
    settings = {
        "kind": "clip", "clipLow": 0.2, "clipHigh": 0.28, "clipDual": CLIP_DUAL,
        "temperaturePositive": 1.0, "temperatureNegative": 1.05, "lossAverage": "token",
        "maxCompletionTokens": 8, "klCoefficient": 0, "klEstimator": "k3", "klUnbiased": False,
        "samplerCorrection": "none", **changes,
    }
    generator = torch.Generator().manual_seed(seed)
    old, policy, reference = draw(generator, spread)
    sampler = [(o + 0.4 * torch.randn(o.shape, generator=generator)).to(torch.float32).to(torch.float64) for o in old]
    policy = [p.clone().requires_grad_() for p in policy]
    rows = []
    for p, o, r, s, advantage in zip(policy, old, reference, sampler, ADVANTAGES):
        row = second_token_losses(settings, p, o, advantage)
        row = row * sampler_weight(settings["samplerCorrection"], o, s)
        if settings["klCoefficient"] > 0:
            kl = penalty(settings["klEstimator"], p, r)
            if settings["klUnbiased"]:
                kl = kl * (p - o).clamp(-20, 20).exp()
            row = row + settings["klCoefficient"] * kl
        rows.append(row)
    loss = second_average(rows, settings)
    loss.backward()
    lists = lambda tensors: [t.detach().tolist() for t in tensors]
    return {
        "settings": settings,
        "advantages": ADVANTAGES,
        "oldLogprobs": lists(old),
        "policyLogprobs": lists(policy),
        "referenceLogprobs": lists(reference),
        "samplerLogprobs": lists(sampler),
        "loss": loss.item(),
        "gradients": [p.grad.tolist() for p in policy],
    }


def second_cases():
    sequence, dr_grpo = {"lossAverage": "sequence"}, {"lossAverage": "dr-grpo"}
    changes = [
        {"kind": "gspo", "clipLow": 0.05, "clipHigh": 0.08, **sequence},
        {"kind": "luspo", "clipLow": 0.05, "clipHigh": 0.08, **sequence},
        {"kind": "cispo", "clipLow": 1.0, "clipHigh": 0.5},
        {"kind": "cispo", **sequence},
        {"kind": "reinforce"},
        {"kind": "reinforce", **dr_grpo},
        {"kind": "sapo", **sequence},
        {"kind": "sapo", "temperaturePositive": 0.7, "temperatureNegative": 2.0},
        {"kind": "dppo-tv", "clipLow": 0.15, "clipHigh": 0.1},
        {"kind": "dppo-kl", "clipLow": 0.05, "clipHigh": 0.03},
        {"kind": "clip", **dr_grpo},
        {"kind": "gspo", **dr_grpo},
    ]
    seed = 100
    for change in changes:
        for spread in (0.15, 1.5):
            seed += 1
            yield second_case(seed, spread, change)
    for estimator in ("k1", "k2", "k3", "abs"):
        seed += 1
        yield second_case(seed, 0.3, {"klCoefficient": 0.1, "klEstimator": estimator, "klUnbiased": True})
    for correction in ({"cap": 1.2, "over": "token"}, {"cap": 1.5, "over": "sequence"}, {"low": 0.7, "high": 1.3}):
        for kind in ("clip", "cispo", "sapo"):
            seed += 1
            yield second_case(seed, 0.3, {"kind": kind, "klCoefficient": 0.05, "samplerCorrection": correction})


def write(name, golden_cases):
    golden = {
        "origin": "test/parity/policy_loss.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "cases": list(golden_cases),
    }
    path = pathlib.Path(__file__).parents[1] / "golden" / name
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    write("policy-loss.json", cases())
    write("policy-loss-2.json", second_cases())
