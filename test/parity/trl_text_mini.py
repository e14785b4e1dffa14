"""The recipe text-mini by TRL: the same model, questions, rule, group size, LoRA and optimizer as recipes/text-mini/train.yaml.

    python test/parity/trl_text_mini.py MODEL DATA OUT.json [--seed 0] [--iterations 20] [--bf16] [--compile]

MODEL and DATA are the folders that test/parity/smollm2.py and recipes/text-mini/prepare.ts write. OUT.json gets the mean reward,
the mean tokens of a completion and the seconds of each iteration, accuracy on the held-out questions before and after (greedy), and the peak of memory.
Needs torch, transformers, trl and peft.
"""
import argparse
import json
import pathlib
import re
import resource
import time

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

arguments = argparse.ArgumentParser()
arguments.add_argument("model")
arguments.add_argument("data", type=pathlib.Path)
arguments.add_argument("out", type=pathlib.Path)
arguments.add_argument("--seed", type=int, default=0)
arguments.add_argument("--iterations", type=int, default=20)
arguments.add_argument("--bf16", action="store_true")
arguments.add_argument("--compile", action="store_true")
given = arguments.parse_args()

group_size = 8
prompts_per_iteration = 4
# A group at a time goes through the update: a quarter of the memory, the same gradient (the loss "dapo" divides by the tokens of all).
micro_batch = 8
max_completion_tokens = 16


def questions(name):
    lines = (given.data / name).read_text().splitlines()
    return [
        {"prompt": [{"role": "user", "content": row["problem"]}], "answer": row["solution"]}
        for row in map(json.loads, lines)
    ]


def is_right(text, answer):
    word = re.search("[a-z]+", text.lower())
    return 1.0 if word and word.group() == answer.lower() else 0.0


def rule(completions, answer, **_):
    return [is_right(message[0]["content"], truth) for message, truth in zip(completions, answer)]


def held_out_accuracy(model, tokenizer, rows, batch=64):
    model.eval()
    right = 0
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        inputs = tokenizer.apply_chat_template(
            [row["prompt"] for row in part],
            add_generation_prompt=True,
            padding=True,
            return_tensors="pt",
            return_dict=True,
        )
        with torch.no_grad():
            made = model.generate(
                **inputs, max_new_tokens=max_completion_tokens, do_sample=False, top_p=None, top_k=None, temperature=None
            )
        texts = tokenizer.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        right += sum(is_right(text, row["answer"]) for text, row in zip(texts, part))
    model.train()
    return right / len(rows)


class Clock(TrainerCallback):
    """From the end of one iteration to the end of the next: sampling, scoring, update."""

    def __init__(self):
        self.ends = []
        self.rewards = []
        self.lengths = []

    def on_train_begin(self, *_, **__):
        self.ends.append(time.perf_counter())

    def on_step_end(self, *_, **__):
        self.ends.append(time.perf_counter())

    def on_log(self, args, state, control, logs=None, **_):
        if logs and "reward" in logs:
            self.rewards.append(float(logs["reward"]))
            self.lengths.append(float(logs["completions/mean_length"]))


tokenizer = AutoTokenizer.from_pretrained(given.model, padding_side="left")
model = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.bfloat16 if given.bf16 else torch.float32)
clock = Clock()
trainer = GRPOTrainer(
    model=model,
    processing_class=tokenizer,
    reward_funcs=rule,
    train_dataset=Dataset.from_list(questions("train.jsonl")),
    callbacks=[clock],
    peft_config=LoraConfig(
        r=16,
        lora_alpha=32,
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    ),
    args=GRPOConfig(
        output_dir=str(given.out.with_suffix("")),
        seed=given.seed,
        max_steps=given.iterations,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=prompts_per_iteration * group_size // micro_batch,
        num_generations=group_size,
        max_completion_length=max_completion_tokens,
        learning_rate=5e-4,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        beta=0.0,
        epsilon=0.2,
        loss_type="dapo",
        scale_rewards="group",
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        gradient_checkpointing=False,
        torch_compile=given.compile,
        bf16=False,
        use_cpu=True,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    ),
)
test = questions("test.jsonl")
before = held_out_accuracy(trainer.model, tokenizer, test)
trainer.train()
after = held_out_accuracy(trainer.model, tokenizer, test)
given.out.write_text(
    json.dumps(
        {
            "seed": given.seed,
            "rewards": clock.rewards,
            "completionTokens": clock.lengths,
            "seconds": [end - begin for begin, end in zip(clock.ends, clock.ends[1:])],
            "accuracy": {"before": before, "after": after},
            "questions": len(test),
            "peakGiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        }
    )
)
