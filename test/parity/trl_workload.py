"""One iteration of the bench's workload W by TRL: 8 prompts x 8 completions, 256 + 64 tokens, all weights trained by GRPO.

    python test/parity/trl_workload.py fp32|bf16|compiled [--iterations 4]

The model has the sizes of bench/workload.ts (Qwen3 instead of Qwen3-VL: the text decoders are the same, and W has no images) and
random weights; prompts are random words of a vocabulary of single tokens. Prints the seconds of each iteration as one line of
JSON; the first ones warm up. `bf16` has weights in bfloat16, `compiled` is float32 through torch.compile. Needs torch,
transformers and trl.
"""
import argparse
import json
import random
import resource
import tempfile
import time

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

arguments = argparse.ArgumentParser()
arguments.add_argument("mode", choices=["fp32", "bf16", "compiled"])
arguments.add_argument("--iterations", type=int, default=4)
given = arguments.parse_args()

prompts, completions, prompt_tokens, completion_tokens, vocabulary = 8, 8, 256, 64, 2048

words = {f"w{i}": i for i in range(vocabulary - 2)} | {"<pad>": vocabulary - 2, "<eos>": vocabulary - 1}
raw = Tokenizer(models.WordLevel(words, unk_token="w0"))
raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", padding_side="left")

torch.manual_seed(1)
model = Qwen3ForCausalLM(
    Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=384,
        intermediate_size=1152,
        num_hidden_layers=10,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=64,
        rope_theta=10_000.0,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 2,
    )
).to(torch.bfloat16 if given.mode == "bf16" else torch.float32)

draw = random.Random(1)
rows = [
    {"prompt": " ".join(f"w{draw.randrange(vocabulary - 2)}" for _ in range(prompt_tokens))}
    for _ in range(prompts * given.iterations)
]


def uneven(completions, **_):
    return [random.random() for _ in completions]


class Clock(TrainerCallback):
    """From the end of one iteration to the end of the next: sampling, scoring, update."""

    def __init__(self):
        self.ends = []

    def on_train_begin(self, *_, **__):
        self.ends.append(time.perf_counter())

    def on_step_end(self, *_, **__):
        self.ends.append(time.perf_counter())


clock = Clock()
with tempfile.TemporaryDirectory() as folder:
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=uneven,
        train_dataset=Dataset.from_list(rows),
        callbacks=[clock],
        args=GRPOConfig(
            output_dir=folder,
            max_steps=given.iterations,
            per_device_train_batch_size=prompts * completions,
            num_generations=completions,
            max_completion_length=completion_tokens,
            learning_rate=1e-6,
            beta=0.0,
            loss_type="dapo",
            temperature=1.0,
            top_k=0,
            gradient_checkpointing=False,
            torch_compile=given.mode == "compiled",
            bf16=False,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        ),
    )
    trainer.train()
seconds = [end - begin for begin, end in zip(clock.ends, clock.ends[1:])]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"mode": given.mode, "torch": torch.__version__, "seconds": seconds, "peakGiB": peak}))
