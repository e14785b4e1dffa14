"""Prints as one JSON line what `transformers` answers greedily, and the logprobs of the answer's tokens.

Run:  python test/parity/greedy_answers.py MODEL < request.json
The request is {"prompts": [text, ...], "newTokens": number}; each text is one message of a user. Used by
test/integration/smollm2.test.ts.
"""

import json
import sys
import warnings

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    warnings.filterwarnings("ignore")
    request = json.load(sys.stdin)
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
    print(json.dumps([answer(tokenizer, model, text, request["newTokens"]) for text in request["prompts"]]))


def answer(tokenizer, model, text, new_tokens):
    messages = [{"role": "user", "content": text}]
    inputs = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    prompt = inputs["input_ids"]
    with torch.no_grad():
        whole = model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False)
        logits = model(whole).logits[0]
    answered = whole[0, prompt.shape[1] :]
    rows = torch.log_softmax(logits[prompt.shape[1] - 1 : -1], dim=-1)
    return {
        "prompt": prompt[0].tolist(),
        "answer": answered.tolist(),
        "logprobs": rows.gather(1, answered[:, None])[:, 0].tolist(),
    }


main()
