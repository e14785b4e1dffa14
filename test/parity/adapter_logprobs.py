"""Prints as one JSON line what a model, with an adapter loaded by `peft` or without, makes of the tiny cases.

Run:  /opt/parity-venv/bin/python test/parity/adapter_logprobs.py MODEL [ADAPTER]
For each case: logprobs of its continuation, and of the whole vocabulary for its first token. Used by
test/integration/peft.test.ts.
"""

import json
import sys
import warnings

import torch
from peft import PeftModel

from tiny_cases import cases, load_model, logprobs


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    model = load_model(sys.argv[1])
    if len(sys.argv) > 2:
        model = PeftModel.from_pretrained(model, sys.argv[2]).eval()
    answer = []
    with torch.no_grad():
        for case in cases():
            rows = logprobs(model, case)
            continuation = rows[torch.arange(len(case["greedy"])), torch.tensor(case["greedy"])]
            answer.append({"continuation": continuation.tolist(), "first": rows[0].tolist()})
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
