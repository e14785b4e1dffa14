import base64
import http.client
import io
import json
import os
import random
import socket
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

REWARD_URL = os.environ.get("MEDIX_REWARD_URL", "http://127.0.0.1:8090")
REWARD_TOKEN = os.environ.get("MEDIX_REWARD_TOKEN", "")

# Whether images go along. A service whose score depends on them refuses items without.
SEND_IMAGES = True
# Items of one request, bytes of their images, and requests under way at once.
BATCH_SIZE = 128
BATCH_BYTES = 8 * 2**20
PARALLEL_REQUESTS = 8
# Seconds for one request; the service has deadlines of its own for the judge.
TIMEOUT = 900.0
# Tries for an item or a request, and the pause before the second one, which doubles up to the longest.
ATTEMPTS = 8
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0

# Asking again would change nothing.
FINAL_CAUSES = ("refused", "policy-blocked", "cap-reached")


class RewardServiceError(RuntimeError):
    """The service cannot be reached, refuses the request, or has no reward for an item."""


class _TryAgain(Exception):
    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after


def score_items(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One result an item, in order: {"kind": "scored", "reward", "components"}, or, where judge or embedder
    failed to the last attempt, {"kind": "unscored", "cause", "message", "components"}.

    Raises RewardServiceError when the service itself cannot be asked, or an item is malformed.
    """
    named = [{"id": str(place), **item} for place, item in enumerate(items)]
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        return [result for results in pool.map(_score_batch, _batches(named)) for result in results]


def encode_images(images: list[Any]) -> list[str]:
    """Images as the service takes them: PIL images (losslessly), bytes of a file, {"bytes"}, or base64."""
    return [_encode(image) for image in images if image is not None]


def component(result: dict[str, Any], name: str) -> float:
    """A component's value; NaN where it does not apply."""
    value = result["components"].get(name, {}).get("value")
    return float("nan") if value is None else float(value)


def require_reward(result: dict[str, Any]) -> float:
    """The reward. Raises RewardServiceError where there is none: 0 would teach that the answer was wrong."""
    if result["kind"] == "scored":
        return float(result["reward"])
    raise RewardServiceError(f"item {result['id']} has no reward: {result['cause']}: {result['message']}")


def _encode(image: Any) -> str:
    if isinstance(image, str):
        return image
    data = image.get("bytes") if isinstance(image, dict) else image
    if data is None:
        raise ValueError("an image has no bytes; load it before it is scored")
    if not isinstance(data, bytes):
        file = io.BytesIO()
        data.save(file, "PNG")
        data = file.getvalue()
    return base64.b64encode(data).decode()


def _batches(items: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    batches: list[list[dict[str, Any]]] = []
    size = 0
    for item in items:
        length = sum(len(image) for image in item.get("images", ()))
        if not batches or len(batches[-1]) == BATCH_SIZE or size + length > BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(item)
        size += length
    return batches


def _score_batch(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = [{}] * len(items)
    open_places = list(range(len(items)))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answered = _post([items[place] for place in open_places])
        except _TryAgain as problem:
            if attempt == ATTEMPTS:
                raise RewardServiceError(f"{REWARD_URL}: {problem} ({ATTEMPTS} attempts)") from problem
            _pause(attempt, problem.after)
            continue
        for place, result in zip(open_places, answered, strict=True):
            if result.get("cause") == "malformed":
                raise RewardServiceError(f"item {result['id']} is malformed: {result['message']}")
            results[place] = result
        open_places = [place for place in open_places if _may_change(results[place])]
        if not open_places or attempt == ATTEMPTS:
            break
        _pause(attempt, 0.0)
    return results


def _may_change(result: dict[str, Any]) -> bool:
    return result["kind"] != "scored" and result["cause"] not in FINAL_CAUSES


def _post(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    headers = {"Content-Type": "application/json"}
    if REWARD_TOKEN:
        headers["Authorization"] = f"Bearer {REWARD_TOKEN}"
    body = json.dumps({"items": items}).encode()
    request = urllib.request.Request(f"{REWARD_URL}/v1/rewards", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            results = json.load(response)["results"]
    except urllib.error.HTTPError as error:
        message = f"HTTP {error.code}: {error.read(500).decode(errors='replace')}"
        if error.code == 429 or error.code >= 500:
            raise _TryAgain(message, _seconds(error.headers.get("Retry-After"))) from error
        raise RewardServiceError(f"{REWARD_URL}: {message}") from error
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        # Refused, cut, timed out, or an answer that was cut short.
        raise _TryAgain(f"{type(error).__name__}: {error}", 0.0) from error
    if len(results) != len(items):
        raise RewardServiceError(f"{REWARD_URL}: {len(results)} results for {len(items)} items")
    return results


def _seconds(retry_after: str | None) -> float:
    try:
        return float(retry_after or 0)
    except ValueError:
        return 0.0


def _pause(attempt: int, at_least: float) -> None:
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))
    # Jitter, so that trainers that failed together do not come back together.
    time.sleep(max(at_least, random.uniform(pause / 2, pause)))


def record_rollouts(items: list[dict[str, Any]], results: list[dict[str, Any]], about: list[dict[str, Any]]) -> None:
    """Appends what was scored to a file of this process in the folder MEDIX_ROLLOUTS, if that is set."""
    folder = os.environ.get("MEDIX_ROLLOUTS", "")
    if not folder:
        return
    os.makedirs(folder, exist_ok=True)
    lines = [
        {"at": time.time(), **{k: v for k, v in item.items() if k != "images"}, **known, "result": result}
        for item, result, known in zip(items, results, about, strict=True)
    ]
    with open(os.path.join(folder, f"{socket.gethostname()}-{os.getpid()}.jsonl"), "a", encoding="utf-8") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))
