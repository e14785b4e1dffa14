"""Two steps of TRL's GRPOTrainer on CPU with the reward of a running service, over a tiny random Qwen3.

python3 train_trl.py BRIDGE_FOLDER prints at last {"log": TRL's log history, "moved": largest weight change}.
"""

import json
import sys
import tempfile

import torch
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, set_seed
from trl import GRPOConfig, GRPOTrainer

sys.path.insert(0, sys.argv[1])
from medix_trl import medix_reward

set_seed(1)

# Few words, so that a random model says the right one now and then.
words = ["<pad>", "<eos>", "<unk>", "Which", "side", "?", "left", "right"]
vocabulary = {word: index for index, word in enumerate(words)}
words_to_tokens = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
words_to_tokens.pre_tokenizer = WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=words_to_tokens, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
)

model = Qwen3ForCausalLM(
    Qwen3Config(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=64,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
)
before = {name: value.clone() for name, value in model.state_dict().items()}

answers = ["left", "right"] * 4
dataset = Dataset.from_dict(
    {
        "prompt": ["Which side ?"] * len(answers),
        "problem": ["Which side is it on?"] * len(answers),
        "solution": [f"<CT_SCAN>{answer}" for answer in answers],
    }
)

with tempfile.TemporaryDirectory() as folder:
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=medix_reward,
        train_dataset=dataset,
        args=GRPOConfig(
            output_dir=folder,
            max_steps=2,
            per_device_train_batch_size=32,
            num_generations=16,
            max_completion_length=2,
            learning_rate=1e-2,
            logging_steps=1,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            bf16=False,
            seed=1,
            disable_tqdm=True,
        ),
    )
    trainer.train()

moved = max((model.state_dict()[name] - value).abs().max().item() for name, value in before.items())
print(json.dumps({"log": trainer.state.log_history, "moved": moved}))
