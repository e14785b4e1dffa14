"""The reward of MediX for EasyR1: asks a running `medix reward serve`.

    worker.reward.reward_function=medix_easyr1.py:compute_score

The data set's answer column holds <TAG>answer. EasyR1 passes no question and no image on, so the judge
compares answers alone, and a service whose score depends on images refuses. An answer column written by
`medix launch` holds a JSON object instead, with the question, so that the judge sees it. EasyR1 knows no missing reward: what the service cannot score after all attempts
ends the run with an error, where a 0 would teach that a right answer was wrong.

MEDIX_REWARD_TOKEN holds the service's token, MEDIX_REWARD_URL another address of it. MEDIX_GROUP_SIZE is the
number of responses to a prompt, which stand side by side where EasyR1 filters groups; with it there is the
metric `varies`, 1 for responses of a group whose rewards differ.
"""

import json
import os
from typing import Any

from client import component, record_rollouts, require_reward, score_items

REWARD_NAME = "medix"
REWARD_TYPE = "batch"


def compute_score(reward_inputs: list[dict[str, Any]], **kwargs: Any) -> list[dict[str, float]]:
    """One score an input; `overall` trains, the others become metrics (NaN where they do not apply)."""
    described = [_describe(given["ground_truth"]) for given in reward_inputs]
    items = [
        {"response": given["response"], **truth} for given, (truth, _) in zip(reward_inputs, described, strict=True)
    ]
    results = score_items(items)
    record_rollouts(
        items,
        results,
        [
            {**known, "tokens": int(given.get("response_length", 0))}
            for given, (_, known) in zip(reward_inputs, described, strict=True)
        ],
    )
    rewards = [require_reward(result) for result in results]
    return [
        {
            "overall": reward,
            "accuracy": component(result, "judge"),
            "similarity": component(result, "similarity"),
            "modality": component(result, "modality"),
            "format": component(result, "format"),
            **varies,
        }
        for result, reward, varies in zip(results, rewards, _variation(rewards), strict=True)
    ]


def _describe(ground_truth: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the service is told of a truth, and what only the record is."""
    if not ground_truth.startswith('{"id":'):
        return {"ground_truth": ground_truth}, {}
    fields = json.loads(ground_truth)
    known = {name: fields.pop(name) for name in ("id", "split") if name in fields}
    return fields, {"sample": known.get("id"), "split": known.get("split")}


def _variation(rewards: list[float]) -> list[dict[str, float]]:
    size = int(os.environ.get("MEDIX_GROUP_SIZE", "0"))
    if size < 1:
        return [{} for _ in rewards]
    if len(rewards) % size:
        return [{"varies": float("nan")} for _ in rewards]
    groups = [rewards[start : start + size] for start in range(0, len(rewards), size)]
    return [{"varies": float(max(group) > min(group))} for group in groups for _ in group]
