"""Runs a trainer as a job of a Ray cluster and tells the launcher by the job's log what it wrote.

    python3 medix_job.py job.json

job.json: {"command": [...], "metrics": file, "checkpoints": folder, "rollouts": folder, "promptsPerStep": n,
"environment": {...}}. Relative paths are below the folder of this file. Records are lines of the log that begin with
`MEDIX `; what the trainer prints stands between them.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# Rollouts belong to the step whose metrics are new: of steps that end within one look, to the last.
POLL = 0.1


def say(kind: str, **fields: Any) -> None:
    sys.stdout.write(f"\nMEDIX {json.dumps({'kind': kind, **fields}, allow_nan=False)}\n")
    sys.stdout.flush()


class Lines:
    """The whole lines that were added to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0

    def read(self) -> list[str]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        return [line for line in whole.decode("utf-8", "replace").split("\n") if line.strip()]


def flat(values: Any, prefix: str = "") -> dict[str, float | None]:
    """Numbers by their path; what is no finite number is null."""
    found: dict[str, float | None] = {}
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            found.update(flat(value, f"{path}/"))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[path] = value if value == value and abs(value) != float("inf") else None
    return found


def clean(value: Any) -> Any:
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    if isinstance(value, dict):
        return {name: clean(one) for name, one in value.items()}
    return [clean(one) for one in value] if isinstance(value, list) else value


class Mirror:
    def __init__(self, job: dict[str, Any], home: Path) -> None:
        self.checkpoints = home / job["checkpoints"]
        self.rollouts = home / job["rollouts"]
        # What an earlier job left is no news. A trainer that begins its file anew may grow it to the old length
        # before it is looked at, so the old one has to be out of the way.
        for path in [home / job["metrics"], *self.rollouts.glob("*.jsonl")]:
            if path.exists():
                path.rename(path.with_name(f"{path.name}.before-{time.time_ns()}"))
        self.metrics = Lines(home / job["metrics"])
        self.prompts = job["promptsPerStep"]
        self.files: dict[Path, Lines] = {}
        self.told = {path.name for path in self.steps()}
        self.pending: list[dict[str, Any]] = []

    def steps(self) -> list[Path]:
        return [path for path in self.checkpoints.glob("global_step_*") if re.fullmatch(r"global_step_\d+", path.name)]

    def poll(self, ended: bool = False) -> None:
        lines = self.metrics.read()
        written = self.metrics.path.stat().st_mtime if lines else 0.0
        for path in self.rollouts.glob("*.jsonl"):
            lines_of = self.files.setdefault(path, Lines(path))
            self.pending.extend(json.loads(line) for line in lines_of.read())
        for place, line in enumerate(lines):
            values = json.loads(line)
            step = values.pop("step")
            is_last = place == len(lines) - 1
            due = [one for one in self.pending if is_last and one["at"] <= written]
            self.pending = [one for one in self.pending if not (is_last and one["at"] <= written)]
            self.tell_rollouts(step, due)
            say("metrics", step=step, values=flat(values.get("data", values)))
        # A checkpoint is whole once the trainer goes on, or has ended well.
        if lines or ended:
            for path in sorted(self.steps(), key=lambda one: int(one.name[12:])):
                if path.name not in self.told:
                    self.told.add(path.name)
                    say("checkpoint", step=int(path.name[12:]), path=str(path))

    def tell_rollouts(self, step: int, records: list[dict[str, Any]]) -> None:
        chosen: dict[str, set[str]] = {}
        for one in sorted(records, key=lambda record: record["at"]):
            split = str(one.get("split"))
            seen = chosen.setdefault(split, set())
            name = str(one.get("sample") or one.get("ground_truth"))
            if name not in seen and len(seen) >= self.prompts:
                continue
            seen.add(name)
            say("rollout", step=step, **clean({k: v for k, v in one.items() if k != "at"}))


def main() -> int:
    home = Path(__file__).resolve().parent
    job = json.loads(Path(sys.argv[1]).read_text())
    mirror = Mirror(job, home)
    environment = {**os.environ, **job.get("environment", {}), "MEDIX_ROLLOUTS": str(mirror.rollouts)}
    say("begun", python=sys.version.split()[0])
    child = subprocess.Popen(job["command"], cwd=home, env=environment)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _: child.send_signal(number))
    while child.poll() is None:
        mirror.poll()
        time.sleep(POLL)
    mirror.poll(ended=child.returncode == 0)
    say("ended", code=child.returncode)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main())
