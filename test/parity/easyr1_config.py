"""Reads configs as EasyR1 does, by its own config classes, and prints what it understood as JSON.

    python test/parity/easyr1_config.py CHECKOUT BUNDLE...

CHECKOUT is a copy of https://github.com/hiyouga/EasyR1, BUNDLE a folder that `medix launch easyr1 --dry-run --bundle`
wrote. Needs omegaconf 2.3 (its classes are refused by 2.4), numpy, PyYAML and codetiming; not the trainer's other packages: of each package of its workers
only the module `config` is loaded.
"""
import importlib
import json
import os
import sys
import types
from pathlib import Path

root, *bundles = (Path(word).resolve() for word in sys.argv[1:])
sys.path.insert(0, str(root))
for name in ["verl", "verl.utils", "verl.trainer", "verl.workers", *[f"verl.workers.{one}" for one in ("actor", "critic", "reward", "rollout")]]:
    package = types.ModuleType(name)
    package.__path__ = [str(root / name.replace(".", "/"))]
    sys.modules[name] = package
for name in ("actor", "critic", "reward", "rollout"):
    package = sys.modules[f"verl.workers.{name}"]
    config = importlib.import_module(f"verl.workers.{name}.config")
    package.__dict__.update({key: value for key, value in vars(config).items() if key.endswith("Config")})

from omegaconf import OmegaConf  # noqa: E402
from verl.trainer.config import PPOConfig  # noqa: E402

read = []
for bundle in bundles:
    # Paths of a bundle are below its folder, where the job begins.
    os.chdir(bundle)
    merged = OmegaConf.merge(OmegaConf.structured(PPOConfig()), OmegaConf.load("config.yaml"))
    config = OmegaConf.to_object(merged)
    config.deep_post_init()
    read.append(config.to_dict())
print(json.dumps(read))
