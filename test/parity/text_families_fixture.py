"""Writes test/fixtures/text-families: a tiny random model of each family that reads text alone, and what
`transformers` and `peft` compute with it.

Each differs from the others in what its family can: heads whose width is not hidden_size / heads, biases, an untied
head, nine heads over three, scaled rotary positions, a first token by the template. Weights are drawn wide, as in
qwen3_vl_fixture.py. The layout is described in the fixture's README.md, which this script does not touch.

Run:  /opt/parity-venv/bin/python test/parity/text_families_fixture.py [output directory]
"""

import json
import math
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from qwen3_vl_fixture import CORPUS, margin
from write_adapter import SEED as ADAPTER_SEED, make_adapter

SEED = 20261128
VOCABULARY = 320
CONTINUATION = 12

CASES = {
    "question": [
        {"role": "system", "content": "You are a careful radiologist."},
        {"role": "user", "content": "Wärme, 38.5 °C – 肺炎?  What's next?\t"},
    ],
    "conversation": [
        {"role": "user", "content": "\nWhich  12345"},
        {"role": "assistant", "content": "<think>\nlung\n</think>\n\n<answer>B</answer>"},
        {"role": "user", "content": "Σίγουρα; What is the diagnosis? "},
    ],
}

# Written for this fixture after the habits of each family's templates.
CHATML = """{%- if messages[0].role != 'system' %}
    {{- '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
THINKING = """{%- if tools %}
    {{- '<|im_start|>system\\n' + (tools | tojson) + '<|im_end|>\\n' }}
{%- endif %}
{%- set state = namespace(searching=true, last=messages | length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages | length - 1) - loop.index0 %}
    {%- if state.searching and message.role == 'user' and message.content is string %}
        {%- set state.searching = false %}
        {%- set state.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if message.role == 'assistant' and '</think>' in content and loop.index0 < state.last %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""
HEADERS = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = '26 Jul 2024' %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = '' %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nToday: ' + date_string + '\\n\\n' + system_message + '<|eot_id|>' }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

QWEN_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA_SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]


def qwen_tokenizer(template):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    train(tokenizer, VOCABULARY - len(QWEN_SPECIAL) - 2)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in QWEN_SPECIAL])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in ["<think>", "</think>"]])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=template
    )


def llama_tokenizer(template):
    """Digits one by one as SmolLM2's, a first token as Llama 3's."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    train(tokenizer, VOCABULARY - len(LLAMA_SPECIAL))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in LLAMA_SPECIAL])
    first = "<|begin_of_text|>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A", pair=f"{first} $A {first} $B", special_tokens=[(first, tokenizer.token_to_id(first))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=first, eos_token="<|eot_id|>", chat_template=template
    )


def train(tokenizer, size):
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, min_frequency=1, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)


FAMILIES = {
    "qwen3": (
        qwen_tokenizer,
        THINKING,
        Qwen3ForCausalLM,
        Qwen3Config,
        {
            "hidden_size": 40,
            "intermediate_size": 56,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
            "tie_word_embeddings": True,
        },
    ),
    "qwen2": (
        qwen_tokenizer,
        CHATML,
        Qwen2ForCausalLM,
        Qwen2Config,
        {
            "hidden_size": 48,
            "intermediate_size": 56,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            "tie_word_embeddings": False,
        },
    ),
    "llama": (
        llama_tokenizer,
        HEADERS,
        LlamaForCausalLM,
        LlamaConfig,
        {
            "hidden_size": 72,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "rms_norm_eps": 1e-5,
            # Wavelengths of 6, 63, 628 and 6283 tokens: kept, blended and stretched twice.
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 10000.0,
                "factor": 4.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 128,
            },
            "tie_word_embeddings": True,
        },
    ),
}
LAYERS = ["layers.0.self_attn.k_proj", "layers.1.self_attn.q_proj", "layers.1.self_attn.o_proj", "layers.1.mlp.down_proj"]


def make_model(tokenizer, model_class, config_class, settings):
    eos = tokenizer.eos_token_id
    ends = [eos, tokenizer.convert_tokens_to_ids("<|end_of_text|>" if tokenizer.bos_token else "<|endoftext|>")]
    config = config_class(
        vocab_size=VOCABULARY,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=eos,
        pad_token_id=tokenizer.pad_token_id,
        **settings,
    )
    model = model_class(config).float().eval()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_((1 if "norm" in name else 0) + 0.2 * noise)
    model.generation_config.eos_token_id = ends
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.set_attn_implementation("eager")
    return model


def record(model, tokenizer, name, messages):
    rendered = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    inputs = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    length = inputs["input_ids"].shape[1]
    # An end token would shorten the continuation, and its length is part of the fixture.
    tokens = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        max_new_tokens=CONTINUATION,
        min_new_tokens=CONTINUATION,
        do_sample=False,
    )
    with torch.no_grad():
        logits = model(input_ids=tokens).logits[0]
    case = {
        "name": name,
        "messages": messages,
        "rendered": rendered,
        "inputIds": inputs["input_ids"][0].tolist(),
        "greedy": tokens[0, length:].tolist(),
        "greedyMargin": margin(logits[length - 1 : -1]),
    }
    loss, gradients = gradient(model, tokens, length)
    case["completionLoss"] = loss
    return case, logits, {name: summary(value) for name, value in gradients.items()}


def gradient(model, tokens, length):
    """Of the sum of -log p of the continuation at temperature 1."""
    model.zero_grad()
    logits = model(input_ids=tokens).logits[0, length - 1 : -1]
    loss = torch.nn.functional.cross_entropy(logits, tokens[0, length:], reduction="sum")
    loss.backward()
    return float(loss), {name: value.grad for name, value in model.named_parameters() if value.grad is not None}


def summary(values):
    return {"norm": float(values.norm()), "sum": float(values.double().sum())}


def write_adapter(model, case, root):
    layers = [f"model.{layer}" for layer in LAYERS]
    adapted = make_adapter(model, r=2, lora_alpha=6, use_rslora=True, target_modules=layers)
    adapted.save_pretrained(root)
    (root / "README.md").unlink()
    path = root / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": "../model", "target_modules": layers}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tokens = torch.tensor([case["inputIds"] + case["greedy"]])
    loss, gradients = gradient(adapted, tokens, len(case["inputIds"]))
    names = {name: name.removeprefix("base_model.model.").replace(".default.", ".") for name in gradients}
    save_file({names[name]: value.contiguous().clone() for name, value in gradients.items()}, root / "gradients.safetensors")
    (root / "loss.json").write_text(json.dumps({"case": case["name"], "loss": loss}) + "\n")


def main():
    warnings.filterwarnings("ignore")
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "fixtures" / "text-families"
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    write = lambda path, value: path.write_text(
        json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    for family, (make_tokenizer, template, model_class, config_class, settings) in FAMILIES.items():
        folder = root / family
        tokenizer = make_tokenizer(template)
        model = make_model(tokenizer, model_class, config_class, settings)
        model.save_pretrained(folder / "model", safe_serialization=True)
        tokenizer.save_pretrained(folder / "model")
        cases, gradients, logits = [], {}, {}
        for name, messages in CASES.items():
            case, logits[name], gradients[name] = record(model, tokenizer, name, messages)
            cases.append(case)
        write(folder / "cases.json", cases)
        write(folder / "gradients.json", gradients)
        save_file({name: values.contiguous() for name, values in logits.items()}, folder / "logits.safetensors")
        for case in cases:
            print(family, case["name"], len(case["inputIds"]), f"margin {case['greedyMargin']:.3f}")
        assert all(math.isfinite(case["completionLoss"]) for case in cases)
        write_adapter(model, cases[1], folder / "adapter")
    packages = ["torch", "transformers", "tokenizers", "peft", "safetensors"]
    origin = {
        "script": "test/parity/text_families_fixture.py",
        "seed": SEED,
        "adapterSeed": ADAPTER_SEED,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }
    (root / "origin.json").write_text(json.dumps(origin, indent=2) + "\n")
    for file in root.rglob("*.safetensors"):
        file.chmod(0o644)


if __name__ == "__main__":
    main()
