"""Lets `peft` write an adapter of the tiny model, all of whose factors do something.

Run:  /opt/parity-venv/bin/python test/parity/write_adapter.py OUT float32|bfloat16|float16 [field=value …]
Fields are those of LoraConfig, in JSON. Used by test/integration/peft.test.ts.
"""

import json
import sys
import warnings

import torch
from peft import LoraConfig, get_peft_model

from tiny_cases import load_model

SEED = 20251128


def make_adapter(model, **fields):
    """Wraps the model; both factors of each layer are drawn."""
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **fields))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in sorted(adapted.named_parameters()):
            if "lora_" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return adapted.eval()


def main():
    warnings.filterwarnings("ignore")
    out, dtype = sys.argv[1:3]
    fields = dict(field.split("=", 1) for field in sys.argv[3:])
    adapted = make_adapter(load_model(), **{name: json.loads(value) for name, value in fields.items()})
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.to(getattr(torch, dtype))
    adapted.save_pretrained(out)


if __name__ == "__main__":
    main()
