"""The reward of MediX for EasyR1: asks a running `medix reward serve`.

    worker.reward.reward_function=medix_easyr1.py:compute_score

The data set's answer column holds <TAG>answer. EasyR1 passes no question and no image on, so the judge
compares answers alone, and a service whose score depends on images refuses. EasyR1 knows no missing reward: what the service cannot score after all attempts
ends the run with an error, where a 0 would teach that a right answer was wrong.

MEDIX_REWARD_TOKEN holds the service's token, MEDIX_REWARD_URL another address of it.
"""

from typing import Any

from client import component, require_reward, score_items

REWARD_NAME = "medix"
REWARD_TYPE = "batch"


def compute_score(reward_inputs: list[dict[str, Any]], **kwargs: Any) -> list[dict[str, float]]:
    """One score an input; `overall` trains, the others become metrics (NaN where they do not apply)."""
    results = score_items(
        [{"response": given["response"], "ground_truth": given["ground_truth"]} for given in reward_inputs]
    )
    return [
        {
            "overall": require_reward(result),
            "accuracy": component(result, "judge"),
            "similarity": component(result, "similarity"),
            "modality": component(result, "modality"),
            "format": component(result, "format"),
        }
        for result in results
    ]
