"""Golden values of policy losses by TRL's own GRPOTrainer, called on tensors.

Run: /opt/trl-venv/bin/python test/parity/policy_loss_trl.py   (trl, torch; writes test/golden/policy-loss-trl.json)

`GRPOTrainer._compute_loss` gets a stand-in for its trainer whose model gives the logprobs of a case. Settings of
MediX stand beside those of TRL that mean the same.
"""
import collections
import json
import pathlib
import platform
import types

import torch
import trl
from trl.trainer.grpo_trainer import GRPOTrainer

LENGTHS = [5, 1, 8, 3]
ADVANTAGES = [1.25, -0.5, 0.75, -1.5]
LONGEST = 10
OFF = 1e9


def draw(seed, spread):
    generator = torch.Generator().manual_seed(seed)
    noise = lambda size: size * torch.randn((len(LENGTHS), max(LENGTHS)), generator=generator)
    old = -(torch.rand((len(LENGTHS), max(LENGTHS)), generator=generator) * 3 + 0.05)
    return [t.double() for t in (old, old + noise(spread), old + noise(0.7), old + noise(0.4))]


class StandIn:
    """What `_compute_loss` asks of its trainer."""

    def __init__(self, policy, trl_settings):
        options = {
            "delta": None, "use_bias_correction_kl": False, "sapo_temperature_pos": 1.0,
            "sapo_temperature_neg": 1.05, "steps_per_generation": 1, "entropy_coef_delta": 0.0, **trl_settings,
        }
        self.policy = policy
        self.args = types.SimpleNamespace(**options)
        self.accelerator = types.SimpleNamespace(
            num_processes=1, gather=lambda tensor: tensor, reduce=lambda tensor, reduction: tensor
        )
        self.model = types.SimpleNamespace(training=True)
        self.loss_type = options["loss_type"]
        self.importance_sampling_level = options["level"]
        self.epsilon_low, self.epsilon_high = options["epsilon"], options["epsilon_high"]
        self.beta = options.get("beta", 0.0)
        self.use_vllm = self.vllm_importance_sampling_correction = options.get("correct", False)
        self.max_completion_length = LONGEST
        self.current_gradient_accumulation_steps = 1
        self.top_entropy_quantile = 1.0
        self.off_policy_mask_threshold = None
        self.aux_loss_enabled = self._entropy_bonus_enabled = False
        self._metrics = {"train": collections.defaultdict(list)}
        self.num_generations = 2

    def __getattr__(self, name):
        raise AttributeError(name)

    def _get_per_token_logps_and_entropies(self, *_, **__):
        return self.policy, torch.zeros_like(self.policy), None


def case(seed, spread, settings, trl_settings):
    old, policy, reference, sampler = draw(seed, spread)
    policy.requires_grad_()
    mask = torch.tensor([[t < n for t in range(max(LENGTHS))] for n in LENGTHS]).double()
    empty = torch.zeros((len(LENGTHS), 0), dtype=torch.long)
    inputs = {
        "prompt_ids": empty, "prompt_mask": empty, "completion_ids": torch.zeros_like(mask).long(),
        "completion_mask": mask, "advantages": torch.tensor(ADVANTAGES).double(), "old_per_token_logps": old,
        "ref_per_token_logps": reference, "num_items_in_batch": mask.sum(),
        "importance_sampling_ratio": sampler_ratio(settings.get("samplerCorrection", "none"), old, sampler),
    }
    loss = GRPOTrainer._compute_loss(StandIn(policy, trl_settings), None, inputs)
    loss.backward()
    rows = lambda tensor: [row[:n].tolist() for row, n in zip(tensor.detach(), LENGTHS)]
    return {
        "settings": {
            "clipLow": 0.2, "clipHigh": 0.28, "clipDual": OFF, "temperaturePositive": 1.0,
            "temperatureNegative": 1.05, "maxCompletionTokens": LONGEST, "klCoefficient": 0, "klEstimator": "k3",
            "klUnbiased": False, "samplerCorrection": "none", **settings,
        },
        "trl": trl_settings,
        "advantages": ADVANTAGES,
        "oldLogprobs": rows(old),
        "policyLogprobs": rows(policy),
        "referenceLogprobs": rows(reference),
        "samplerLogprobs": rows(sampler),
        "loss": loss.item(),
        "gradients": rows(policy.grad),
    }


def sampler_ratio(correction, old, sampler):
    ratio = (old - sampler).exp()
    if correction == "none":
        return torch.ones_like(ratio)
    if "cap" in correction:
        return ratio.clamp(max=correction["cap"])
    return ratio.masked_fill((ratio < correction["low"]) | (ratio > correction["high"]), 0.0)


def cases():
    clips = {"epsilon": 0.2, "epsilon_high": 0.28, "level": "token"}
    narrow = {"clipLow": 0.05, "clipHigh": 0.08}
    of_sequence = {"epsilon": 0.05, "epsilon_high": 0.08, "level": "sequence"}
    kinds = [
        ({"kind": "clip", "lossAverage": "sequence"}, {"loss_type": "grpo", **clips}),
        ({"kind": "clip", "lossAverage": "token"}, {"loss_type": "dapo", **clips}),
        ({"kind": "clip", "lossAverage": "dr-grpo"}, {"loss_type": "dr_grpo", **clips}),
        ({"kind": "gspo", "lossAverage": "sequence", **narrow}, {"loss_type": "grpo", **of_sequence}),
        ({"kind": "luspo", "lossAverage": "sequence", **narrow}, {"loss_type": "luspo", **of_sequence}),
        # TRL's bound of this loss is the ratio itself.
        ({"kind": "cispo", "lossAverage": "token", "clipLow": 1.0, "clipHigh": 0.5},
         {"loss_type": "cispo", **clips, "epsilon_high": 1.5}),
        ({"kind": "sapo", "lossAverage": "sequence"}, {"loss_type": "sapo", **clips}),
    ]
    seed = 0
    for settings, trl_settings in kinds:
        for spread in (0.15, 1.0):
            seed += 1
            yield case(seed, spread, settings, trl_settings)
    settings, trl_settings = kinds[1]
    for unbiased in (False, True):
        seed += 1
        yield case(
            seed, 0.3, {**settings, "klCoefficient": 0.1, "klUnbiased": unbiased},
            {**trl_settings, "beta": 0.1, "use_bias_correction_kl": unbiased},
        )
    for correction in ({"cap": 1.2, "over": "token"}, {"low": 0.7, "high": 1.3}):
        for settings, trl_settings in (kinds[1], kinds[6]):
            seed += 1
            yield case(
                seed, 0.3, {**settings, "samplerCorrection": correction}, {**trl_settings, "correct": True},
            )


if __name__ == "__main__":
    golden = {
        "origin": "test/parity/policy_loss_trl.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "trl": trl.__version__},
        "cases": list(cases()),
    }
    path = pathlib.Path(__file__).parents[1] / "golden" / "policy-loss-trl.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")
