"""Golden values of the advantage estimators: by their definitions, sums over all draws where there is a formula.

Run: /opt/parity-venv/bin/python test/parity/advantages.py   (torch; writes test/golden/advantages.json)

`pass@k` is counted out over all draws of k, and for rewards of 0 and 1 also by the published formula.
"""
import itertools
import json
import math
import pathlib
import platform

import torch

EPSILON = 1e-6


def each(function):
    return lambda batch, k: [function(torch.tensor(r).double(), torch.tensor(t).double(), k) for r, t in batch]


def pass_at_k(rewards, _tokens, k):
    draws = list(itertools.combinations(range(len(rewards)), k))
    best = torch.stack([rewards[list(draw)].max() for draw in draws])
    own = torch.stack([
        torch.stack([b for draw, b in zip(draws, best) if i in draw]).mean() for i in range(len(rewards))
    ])
    return (own - best.mean()) / (best.std(correction=0) + EPSILON)


def published_pass_at_k(rewards, _tokens, k):
    n, right = len(rewards), int(rewards.sum())
    wrong = n - right
    rho = 1 - math.comb(wrong, k) / math.comb(n, k)
    sigma = (rho * (1 - rho)) ** 0.5 + EPSILON
    good, bad = (1 - rho) / sigma, (1 - rho - math.comb(wrong - 1, k - 1) / math.comb(n - 1, k - 1)) / sigma
    return torch.where(rewards == 1, good, bad)


def over_batch(centre):
    def estimate(batch, _k):
        values = [torch.tensor(r).double() for r, _ in batch]
        values = [v - v.mean() for v in values] if centre else values
        flat = torch.cat(values)
        return [(v - flat.mean()) / (flat.std() + EPSILON) for v in values]
    return estimate


ESTIMATORS = {
    "grpo": each(lambda r, t, k: (r - r.mean()) / (r.std() + EPSILON)),
    "rloo": each(lambda r, t, k: r - (r.sum() - r) / (len(r) - 1)),
    "dr-grpo": each(lambda r, t, k: r - r.mean()),
    "opo": each(lambda r, t, k: r - (r * t).sum() / t.sum()),
    "pass@k": each(pass_at_k),
    "maxrl": each(lambda r, t, k: (r - r.mean()) / r.mean()),
    "reinforce++": over_batch(False),
    "reinforce++-baseline": over_batch(True),
}


def batch(seed, sizes, binary):
    generator = torch.Generator().manual_seed(seed)
    groups = []
    for size in sizes:
        rewards = torch.rand(size, generator=generator).double()
        if binary:
            rewards = (rewards < 0.4).double()
            rewards[0], rewards[1] = 1.0, 0.0
        tokens = torch.randint(1, 60, (size,), generator=generator)
        groups.append((rewards.tolist(), tokens.tolist()))
    return groups


def cases():
    for seed, (sizes, binary, k) in enumerate([((4, 8), False, 3), ((8, 6, 5), True, 4), ((2, 12), False, 2)]):
        groups = batch(seed, sizes, binary)
        kept = {name: [a.tolist() for a in estimate(groups, k)] for name, estimate in ESTIMATORS.items()
                if name != "pass@k" or k < min(sizes)}
        if binary:
            published = each(published_pass_at_k)(groups, k)
            for own, theirs in zip(kept["pass@k"], published):
                assert torch.allclose(torch.tensor(own).double(), theirs.double(), atol=1e-5), (own, theirs)
        yield {
            "groups": [[{"reward": r, "tokens": t} for r, t in zip(*group)] for group in groups],
            "passAtK": k,
            "advantages": kept,
        }


if __name__ == "__main__":
    golden = {
        "origin": "test/parity/advantages.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "cases": list(cases()),
    }
    path = pathlib.Path(__file__).parents[1] / "golden" / "advantages.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")
