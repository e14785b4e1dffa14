"""The reward of MediX for TRL's GRPOTrainer: asks a running `medix reward serve`.

    from medix_trl import medix_reward
    GRPOTrainer(..., reward_funcs=medix_reward)

The data set has a column `solution` or `ground_truth` with <TAG>answer, and may have `question` or
`problem` (else the user's last message counts), `accepted`, `rubric`, and `image` or `images` (else those of that
message go along). What the service cannot score after all attempts is None, which TRL leaves out of
baseline and loss; a service that cannot be asked at all raises.

MEDIX_REWARD_TOKEN holds the service's token, MEDIX_REWARD_URL another address of it.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any

from client import SEND_IMAGES, component, encode_images, score_items


async def medix_reward(
    prompts: list[Any],
    completions: list[Any],
    completion_ids: list[list[int]] | None = None,
    log_metric: Callable[[str, float], None] | None = None,
    **columns: Any,
) -> list[float | None]:
    """One reward a completion; None where there is none."""
    items = [
        _item(prompt, completion, {name: column[row] for name, column in columns.items() if isinstance(column, list)})
        for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True))
    ]
    results = await asyncio.to_thread(score_items, items)
    if log_metric is not None:
        _log(results, log_metric)
    return [float(result["reward"]) if result["kind"] == "scored" else None for result in results]


def _item(prompt: Any, completion: Any, row: dict[str, Any]) -> dict[str, Any]:
    item = {"question": _first(row, "question", "problem"), "ground_truth": _first(row, "ground_truth", "solution")}
    if item["ground_truth"] is None:
        raise ValueError("the data set has no column `solution` or `ground_truth`")
    if item["question"] is None:
        item["question"] = _text(prompt, "user")
    item["response"] = _text(completion, "assistant")
    if row.get("accepted") is not None:
        item["accepted"] = list(row["accepted"])
    if row.get("rubric") is not None:
        item["rubric"] = list(row["rubric"])
    images = _images(prompt, row) if SEND_IMAGES else None
    if images is not None:
        item["images"] = encode_images(images)
    return item


def _first(row: dict[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _text(conversation: Any, role: str) -> str:
    """Text as it is; of messages the content of the last one of a role."""
    if isinstance(conversation, str):
        return conversation
    contents = [message["content"] for message in conversation if message["role"] == role]
    last = contents[-1] if contents else ""
    if isinstance(last, str):
        return last
    return "\n".join(part["text"] for part in last if part.get("type") == "text")


def _images(prompt: Any, row: dict[str, Any]) -> list[Any] | None:
    """Images of the row, else of the user's last message; none where neither has any. None: not known."""
    given = [image for image in row.get("images") or [row.get("image")] if image is not None]
    contents = [] if isinstance(prompt, str) else [each["content"] for each in prompt if each["role"] == "user"]
    if given or not contents or isinstance(contents[-1], str):
        return given
    parts = [part for part in contents[-1] if "image" in part.get("type", "")]
    images = [part.get("image") or (part.get("image_url") or {}).get("url") for part in parts]
    return None if any(image is None for image in images) else images


def _log(results: list[dict[str, Any]], log_metric: Callable[[str, float], None]) -> None:
    log_metric("medix/unscored", sum(result["kind"] != "scored" for result in results) / len(results))
    for name in ("judge", "similarity", "modality", "format"):
        values = [value for result in results if not math.isnan(value := component(result, name))]
        if values:
            log_metric(f"medix/{name}", sum(values) / len(values))
