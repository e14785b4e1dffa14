"""Golden values of src/statistics from scipy, statsmodels, scikit-learn, krippendorff and numpy.

Run:  python3 -m venv --system-site-packages VENV      (from an environment with numpy and scipy)
      VENV/bin/pip install statsmodels==0.15.0 scikit-learn==1.9.1 krippendorff==0.9.0
      VENV/bin/python test/parity/statistical_golden.py        (writes test/golden/statistics/*.json)

Where no library has a figure it is computed here by another route than in src/statistics: by enumeration,
by a numeric solver, or over all pairs.
"""
import importlib.metadata
import json
import pathlib
import platform

import krippendorff
import numpy as np
import statsmodels.api as sm
from scipy.optimize import brentq
from scipy.stats import (
    beta, binom, binomtest, bootstrap, kendalltau, norm, permutation_test, spearmanr,
)
from sklearn.metrics import roc_auc_score, roc_curve
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import power_proportions_2indep

WILSON = [(0, 1), (1, 1), (0, 20), (3, 20), (10, 20), (20, 20), (650, 1000), (1, 100000)]
MCNEMAR = [(0, 0), (1, 0), (0, 5), (3, 12), (7, 7), (40, 61), (900, 1000), (1500, 1700)]
HOLM = [[], [0.2], [0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.9], [0.012, 0.012, 0.04, 0.2, 0.0001, 1.0]]
QUANTILES = [1e-300, 1e-20, 1e-6, 0.001, 0.025, 0.1, 0.2, 0.4, 0.5, 0.6, 0.8, 0.975, 0.99999]
POINTS = [-37.0, -10.0, -5.0, -2.51, -2.49, -1.0, -0.01, 0.0, 0.5, 2.0, 4.0]


def write(name, packages, **values):
    versions = {"python": platform.python_version()}
    versions |= {package: importlib.metadata.version(package) for package in packages}
    golden = {"origin": "test/parity/statistical_golden.py", "versions": versions, **values}
    folder = pathlib.Path(__file__).resolve().parents[1] / "golden" / "statistics"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(golden, allow_nan=False) + "\n")


def wilson(successes, trials):
    interval = binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="wilson")
    return {"successes": successes, "trials": trials, "low": interval.low, "high": interval.high}


def mcnemar(b, c):
    p = 1.0 if b + c == 0 else binomtest(min(b, c), b + c, 0.5).pvalue
    return {"onlyBaseline": b, "onlyCandidate": c, "pValue": p}


def holm(values):
    return {"pValues": values, "adjusted": multipletests(values, method="holm")[1].tolist() if values else []}


def tests():
    write(
        "tests", ["scipy", "statsmodels"],
        wilson=[wilson(*args) for args in WILSON],
        mcnemar=[mcnemar(*args) for args in MCNEMAR],
        holm=[holm(values) for values in HOLM],
        normalCdf=[{"z": z, "share": norm.cdf(z)} for z in POINTS],
        normalQuantile=[{"share": share, "z": norm.ppf(share)} for share in QUANTILES],
    )


def kappa_case(name, pairs):
    pairs = np.array(pairs)
    low, high = pairs.min(), pairs.max()
    table = np.zeros((high - low + 1,) * 2)
    for one, other in pairs - low:
        table[one, other] += 1
    case = {"name": name, "pairs": pairs.tolist()}
    for weights in [None, "linear", "quadratic"]:
        found = cohens_kappa(table, wt=weights)
        case[weights or "none"] = {"kappa": found.kappa, "standardError": found.std_kappa}
    return case


def alpha_case(name, units):
    """units: one row a thing, one column a rater; None where a rater said nothing."""
    data = np.array([[np.nan if v is None else v for v in row] for row in units], dtype=float).T
    alphas = {
        level: krippendorff.alpha(reliability_data=data, level_of_measurement=level)
        for level in ["nominal", "ordinal", "interval"]
    }
    return {"name": name, "units": units, **alphas}


def agreement():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 6, 150)
    scores = np.stack([np.clip(truth + rng.integers(-1, 2, 150), 0, 5), np.clip(truth + rng.integers(-2, 3, 150), 0, 5)], 1)
    binary = np.stack([truth > 2, np.where(rng.random(150) < 0.15, truth <= 2, truth > 2)], 1).astype(int)
    rare = np.array([[0, 0]] * 95 + [[1, 0]] * 3 + [[1, 1]] * 2)
    contrary = np.array([[0, 1]] * 20 + [[1, 0]] * 15 + [[0, 0]] * 2)
    one_sided = np.array([[1, 1]] * 10 + [[0, 1]] * 10)
    panel = [[int(v) if rng.random() > 0.2 else None for v in np.clip(t + rng.integers(-1, 2, 4), 0, 5)] for t in truth[:60]]
    votes = [[int(v) for v in np.where(rng.random(3) < 0.2, t <= 2, t > 2)] for t in truth[:80]]
    amounts = [[round(float(v), 3) for v in t + 0.4 * rng.standard_normal(3)] for t in truth[:40]]
    gaps = [[1, None, 1], [None, None, 2], [3, 4, None], [2, 2, 2], [None, None, None], [5, 3, 5]]
    errors = rng.random((200, 1)) < 0.12
    errors = np.where(rng.random((200, 4)) < 0.5, errors, rng.random((200, 4)) < 0.2)
    correlations = np.corrcoef(errors.T.astype(float))[np.triu_indices(4, 1)]
    write(
        "agreement", ["statsmodels", "krippendorff", "numpy"],
        kappa=[
            kappa_case("scores from 0 to 5", scores), kappa_case("verdicts", binary),
            kappa_case("a rare verdict", rare), kappa_case("raters that contradict", contrary),
            kappa_case("a rater that always says yes", one_sided),
        ],
        alpha=[
            alpha_case("scores with gaps", panel), alpha_case("votes", votes),
            alpha_case("amounts", amounts), alpha_case("things with one rating or none", gaps),
        ],
        votes={
            "errors": errors.astype(int).tolist(),
            "errorCorrelation": correlations.mean(),
            "votes": 4 / (1 + 3 * correlations.mean()),
        },
    )


def paired_clusters(rng):
    clusters = []
    for _ in range(60):
        shift = rng.normal(0.1, 0.25)
        size = int(rng.integers(1, 8))
        baseline = rng.random(size) < 0.5
        candidate = np.where(rng.random(size) < 0.5, baseline, rng.random(size) < 0.5 + shift)
        clusters.append({"baseline": baseline.astype(int).tolist(), "candidate": candidate.astype(int).tolist()})
    return clusters


def ratio(values, weights, axis=-1):
    return values.sum(axis) / weights.sum(axis)


def resample(values, weights, method, draws, seed):
    return bootstrap(
        (values, weights), ratio, paired=True, vectorized=True, n_resamples=draws, batch=10_000,
        method=method, rng=np.random.default_rng(seed),
    )


def bounds(result):
    return {"low": result.confidence_interval.low, "high": result.confidence_interval.high}


def clustered_error(clusters, values):
    groups = np.repeat(np.arange(len(clusters)), [len(c) for c in clusters])
    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    return fit.bse[0]


def clusters():
    rng = np.random.default_rng(7)
    pairs = paired_clusters(rng)
    gain = np.array([sum(c["candidate"]) - sum(c["baseline"]) for c in pairs], dtype=float)
    size = np.array([len(c["baseline"]) for c in pairs], dtype=float)
    rows = [[b - a for a, b in zip(c["baseline"], c["candidate"])] for c in pairs]

    skewed = rng.exponential(1.0, 25) ** 2
    sizes = rng.integers(1, 5, 25).astype(float)
    few = resample(skewed, sizes, "BCa", 400, 2)
    same = resample(skewed, sizes, "percentile", 400, 2)
    assert np.array_equal(few.bootstrap_distribution, same.bootstrap_distribution)

    gains = np.round(rng.normal(0.6, 1.5, 12), 2)
    exact = permutation_test(
        (gains, np.zeros(12)), lambda x, y, axis: (x - y).mean(axis), permutation_type="samples",
        vectorized=True, n_resamples=np.inf,
    )

    epochs = rng.random((30, 3)) < rng.random((30, 1))
    write(
        "clusters", ["scipy", "statsmodels", "numpy"],
        paired={
            "clusters": pairs, "difference": gain.sum() / size.sum(),
            "standardError": clustered_error(rows, np.concatenate(rows)),
            **bounds(resample(gain, size, "percentile", 100_000, 1)),
        },
        skewed={
            "values": skewed.tolist(), "weights": sizes.tolist(), "mean": skewed.sum() / sizes.sum(),
            "draws": few.bootstrap_distribution.tolist(), "bca": bounds(few), "percentile": bounds(same),
        },
        signFlip={"gains": gains.tolist(), "pValue": exact.pvalue},
        epochs={
            "answers": epochs.astype(int).tolist(), "mean": epochs.mean(), "epochMeans": epochs.mean(0).tolist(),
            "standardDeviation": epochs.mean(0).std(ddof=1),
            "standardError": clustered_error(epochs.tolist(), epochs.ravel().astype(float)),
        },
    )


def correlation_case(name, xs, ys):
    return {
        "name": name, "xs": np.asarray(xs, dtype=float).tolist(), "ys": np.asarray(ys, dtype=float).tolist(),
        "spearman": spearmanr(xs, ys).statistic, "kendall": kendalltau(xs, ys, variant="b").statistic,
    }


def delong(positives, negatives):
    wins = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    of_positives, of_negatives = wins.mean(1), wins.mean(0)
    return np.sqrt(of_positives.var(ddof=1) / len(positives) + of_negatives.var(ddof=1) / len(negatives))


def roc_case(name, scores, labels):
    false_rate, true_rate, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    return {
        "name": name, "scores": scores.tolist(), "labels": labels.astype(int).tolist(),
        "auc": roc_auc_score(labels, scores), "standardError": delong(scores[labels], scores[~labels]),
        "lowestPassing": thresholds[1:].tolist(), "sensitivity": true_rate[1:].tolist(),
        "specificity": (1 - false_rate[1:]).tolist(),
    }


def ranks():
    rng = np.random.default_rng(11)
    xs = rng.standard_normal(60)
    ys = xs + rng.standard_normal(60)
    labels = rng.random(120) < 0.4
    scores = labels + rng.standard_normal(120)
    write(
        "ranks", ["scipy", "scikit-learn", "numpy"],
        correlation=[
            correlation_case("without ties", xs, ys),
            correlation_case("with ties", np.round(xs), np.round(ys)),
            correlation_case("opposed", xs, -xs),
            correlation_case("two values each", xs > 0, ys > 0.5),
        ],
        roc=[roc_case("without ties", scores, labels), roc_case("with ties", np.round(scores), labels)],
    )


def paired_power(n, discordance, difference, alpha):
    """Exact power of McNemar's asymptotic test, over all splits of all numbers of discordant questions."""
    wins = (discordance + difference) / 2 / discordance
    power = 0.0
    for discordant in range(1, n + 1):
        split = np.arange(discordant + 1)
        rejects = np.abs(2 * split - discordant) >= norm.ppf(1 - alpha / 2) * np.sqrt(discordant)
        power += binom.pmf(discordant, n, discordance) * binom.pmf(split, discordant, wins)[rejects].sum()
    return power


def paired_plan(n, discordance, alpha, power):
    a, b = norm.ppf(1 - alpha / 2), norm.ppf(power)
    difference = brentq(
        lambda d: np.sqrt(n) * d - a * np.sqrt(discordance) - b * np.sqrt(discordance - d * d), 1e-9, discordance,
        xtol=1e-15,
    )
    return {
        "questions": n, "discordance": discordance, "alpha": alpha, "power": power, "difference": difference,
        "exactPower": paired_power(n, discordance, difference, alpha),
    }


def unpaired_plan(accuracy, n, alpha, power):
    def surplus(difference):
        found = power_proportions_2indep(difference, accuracy, n, ratio=1, alpha=alpha, alternative="larger")
        return found.power - power

    difference = brentq(surplus, 1e-6, 1 - accuracy - 1e-9, xtol=1e-15)
    return {"accuracy": accuracy, "questions": n, "alpha": alpha, "power": power, "difference": difference}


def plans():
    write(
        "plans", ["scipy", "statsmodels"],
        paired=[paired_plan(*args) for args in [(200, 0.3, 0.05, 0.8), (500, 0.1, 0.05, 0.8), (1000, 0.4, 0.01, 0.9)]],
        # One-sided at half of alpha: the far side of a two-sided test adds next to nothing.
        unpaired=[
            {**unpaired_plan(accuracy, n, alpha / 2, power), "alpha": alpha}
            for accuracy, n, alpha, power in [(0.5, 500, 0.05, 0.8), (0.75, 1000, 0.05, 0.8), (0.2, 150, 0.01, 0.9)]
        ],
    )


def corrected():
    """Quantiles of the corrected accuracy when all three shares are drawn."""
    rng = np.random.default_rng(5)
    cases = []
    for passed, right, wrong in [((310, 500), (184, 200), (150, 180)), ((60, 1000), (95, 100), (97, 100)), ((90, 100), (50, 50), (44, 50))]:
        def draw(count):
            return rng.beta(count[0] + 1, count[1] - count[0] + 1, 1_000_000)

        p, se, sp = rng.binomial(passed[1], passed[0] / passed[1], 1_000_000) / passed[1], draw(right), draw(wrong)
        accuracy = np.clip((p + sp - 1) / (se + sp - 1), 0, 1)
        low, high = np.quantile(accuracy, [0.025, 0.975])
        share = [count[0] / count[1] for count in (passed, right, wrong)]
        cases.append({
            "passed": passed, "right": right, "wrong": wrong,
            "accuracy": float(np.clip((share[0] + share[2] - 1) / (share[1] + share[2] - 1), 0, 1)),
            "low": low, "high": high,
        })
    write("corrected", ["numpy"], cases=cases)


def draws():
    """Distribution functions, against which shares of draws are held."""
    binomials = [(20, 0.3), (33, 0.5), (1000, 0.02), (100_000, 0.6), (500, 0.0), (500, 1.0)]
    betas = [(1, 1), (1, 21), (96, 6), (300, 40)]

    def quartiles(law):
        return [{"at": float(at), "share": law.cdf(at)} for at in law.ppf([0.1, 0.25, 0.5, 0.75, 0.9])]

    write(
        "draws", ["scipy"],
        binomial=[{"trials": n, "share": p, "upTo": quartiles(binom(n, p))} for n, p in binomials],
        beta=[{"a": a, "b": b, "upTo": quartiles(beta(a, b))} for a, b in betas],
    )


if __name__ == "__main__":
    tests()
    agreement()
    clusters()
    ranks()
    plans()
    corrected()
    draws()
