"""Golden values of src/eval/statistics.ts from scipy.

Run: /opt/parity-venv/bin/python test/parity/eval_statistics.py   (scipy; writes test/golden/statistics.json)

The bootstrap resamples clusters as pairs of (gain, size) and takes the ratio of their sums.
"""
import json
import pathlib
import platform

import numpy as np
import scipy
from scipy.stats import binomtest, bootstrap

WILSON = [(0, 1), (1, 1), (0, 20), (3, 20), (10, 20), (20, 20), (650, 1000), (1, 100000)]
MCNEMAR = [(0, 0), (1, 0), (0, 5), (3, 12), (7, 7), (40, 61), (900, 1000), (1500, 1700)]


def wilson(successes, trials):
    interval = binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="wilson")
    return {"successes": successes, "trials": trials, "low": interval.low, "high": interval.high}


def mcnemar(b, c):
    p = 1.0 if b + c == 0 else binomtest(min(b, c), b + c, 0.5).pvalue
    return {"onlyBaseline": b, "onlyCandidate": c, "pValue": p}


def clustered():
    rng = np.random.default_rng(7)
    clusters = []
    for _ in range(60):
        shift = rng.normal(0.1, 0.25)
        size = int(rng.integers(1, 8))
        baseline = rng.random(size) < 0.5
        candidate = np.where(rng.random(size) < 0.5, baseline, rng.random(size) < 0.5 + shift)
        clusters.append({"baseline": baseline.astype(int).tolist(), "candidate": candidate.astype(int).tolist()})
    gain = np.array([sum(c["candidate"]) - sum(c["baseline"]) for c in clusters])
    size = np.array([len(c["baseline"]) for c in clusters])
    interval = bootstrap(
        (gain, size), lambda g, s, axis: g.sum(axis) / s.sum(axis), paired=True, vectorized=True,
        n_resamples=100_000, batch=10_000, method="percentile", rng=np.random.default_rng(1),
    ).confidence_interval
    return {"clusters": clusters, "low": interval.low, "high": interval.high}


if __name__ == "__main__":
    golden = {
        "origin": "test/parity/eval_statistics.py",
        "versions": {"python": platform.python_version(), "scipy": scipy.__version__, "numpy": np.__version__},
        "wilson": [wilson(*args) for args in WILSON],
        "mcnemar": [mcnemar(*args) for args in MCNEMAR],
        "bootstrap": clustered(),
    }
    path = pathlib.Path(__file__).resolve().parents[1] / "golden" / "statistics.json"
    path.write_text(json.dumps(golden) + "\n")
