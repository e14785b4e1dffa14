"""The reward of MediX for verl 0.9: asks a running `medix reward serve`.

    reward.custom_reward_function.path=medix_verl.py
    reward.custom_reward_function.name=compute_score

Use the reward manager `naive` or `dapo`; `rate_limited` turns an error into the reward 0. The data set's
ground truth holds <TAG>answer, and `extra_info` may hold `question`, `accepted`, `rubric` and `images` (files as
bytes, {"bytes"} or base64; verl passes on no others). verl asks for one sample at a time; samples that
come together share a request. verl knows no missing reward: what the service cannot score after all
attempts ends the run with an error, where a 0 would teach that a right answer was wrong.

MEDIX_REWARD_TOKEN holds the service's token, MEDIX_REWARD_URL another address of it.
"""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from client import SEND_IMAGES, component, encode_images, record_rollouts, require_reward, score_items

# Seconds that the first sample of a request waits for company.
GATHER = 0.02

_Waiting = list[tuple[dict[str, Any], "asyncio.Future[dict[str, Any]]"]]
_waiting: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting]" = WeakKeyDictionary()
_sending: "set[asyncio.Task[None]]" = set()


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, float]:
    """`score` trains, the others become metrics (NaN where they do not apply)."""
    extra = extra_info or {}
    item: dict[str, Any] = {"response": solution_str, "ground_truth": ground_truth}
    item |= {name: extra[name] for name in ("question", "accepted", "rubric") if extra.get(name) is not None}
    if SEND_IMAGES and extra.get("images") is not None:
        item["images"] = encode_images(extra["images"])
    result = await _score(item)
    record_rollouts([item], [result], [{"sample": extra.get("id"), "split": extra.get("split"), "tokens": 0}])
    return {
        "score": require_reward(result),
        "acc": component(result, "judge"),
        "judge": component(result, "judge"),
        "similarity": component(result, "similarity"),
        "modality": component(result, "modality"),
        "format": component(result, "format"),
    }


async def _score(item: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[dict[str, Any]] = loop.create_future()
    waiting = _waiting.setdefault(loop, [])
    waiting.append((item, answer))
    if len(waiting) == 1:
        sending = loop.create_task(_send_gathered(loop))
        # The loop itself holds tasks only weakly.
        _sending.add(sending)
        sending.add_done_callback(_sending.discard)
    return await answer


async def _send_gathered(loop: asyncio.AbstractEventLoop) -> None:
    await asyncio.sleep(GATHER)
    waiting = _waiting.pop(loop)
    try:
        results = await asyncio.to_thread(score_items, [item for item, _ in waiting])
    except Exception as error:
        for _, answer in waiting:
            if not answer.done():
                answer.set_exception(error)
        return
    for (_, answer), result in zip(waiting, results, strict=True):
        if not answer.done():
            answer.set_result(result)
