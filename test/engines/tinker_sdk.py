"""Drives a server by the official Tinker SDK; prints one JSON line for each call: {"call", "ok", "said"}.

Arguments: address of the server, name of its base model, folder of the model, image file.
Needs the package tinker (0.25 to 0.38) in the Python that runs it.
"""

import json
import math
import sys

import tinker
from tinker import types

url, base, image_file, image_tokens, placeholder_before, placeholder_after = sys.argv[1:7]
failures = 0


def call(name, run):
    global failures
    try:
        said = run()
        print(json.dumps({"call": name, "ok": True, "said": str(said[0] if isinstance(said, tuple) else said)[:160]}), flush=True)
        return said[1] if isinstance(said, tuple) else said
    except Exception as error:  # each call is told by itself
        failures += 1
        print(json.dumps({"call": name, "ok": False, "said": f"{type(error).__name__}: {error}"[:400]}), flush=True)
        return None


def refused(name, run):
    def check():
        try:
            run()
        except Exception as error:
            return f"refused: {type(error).__name__}: {str(error)[:120]}"
        raise AssertionError("it was not refused")

    call(name, check)


def require(truth, what):
    if not truth:
        raise AssertionError(what)
    return what


service = tinker.ServiceClient(base_url=url)
call("ServiceClient.get_server_capabilities", lambda: [m.model_name for m in service.get_server_capabilities().supported_models])
lora = call("create_lora_training_client", lambda: ("rank 8", service.create_lora_training_client(base_model=base, rank=8, seed=3)))
call("TrainingClient.get_info", lambda: require(lora.get_info().lora_rank == 8, "rank 8"))

text = [5, 6, 7, 8, 9, 10, 11, 12]
tensor = lambda values, dtype: types.TensorData(data=values, dtype=dtype, shape=[len(values)])


def supervised(tokens, weights=None):
    targets = tokens[1:]
    return types.Datum(
        model_input=types.ModelInput.from_ints(tokens[:-1]),
        loss_fn_inputs={
            "target_tokens": tensor(targets, "int64"),
            "weights": tensor(weights or [1.0] * len(targets), "float32"),
        },
    )


def rollout(tokens, logprobs, advantages):
    return types.Datum(
        model_input=types.ModelInput.from_ints(tokens[:-1]),
        loss_fn_inputs={
            "target_tokens": tensor(tokens[1:], "int64"),
            "logprobs": tensor(logprobs, "float32"),
            "advantages": tensor(advantages, "float32"),
        },
    )


adam = types.AdamParams(learning_rate=1e-2)
first = call("forward (cross_entropy)", lambda: (lambda it: (len(it.loss_fn_outputs[0]["logprobs"].data), it))(lora.forward([supervised(text)], "cross_entropy").result()))
lp = list(first.loss_fn_outputs[0]["logprobs"].data)
step = call("forward_backward (cross_entropy)", lambda: (lambda it: (it.metrics, it))(lora.forward_backward([supervised(text)], "cross_entropy").result()))
call("its loss is the sum over tokens", lambda: require(abs(step.metrics["loss:sum"] + sum(lp)) < 1e-3, f"{step.metrics['loss:sum']:.4f}"))
call("optim_step", lambda: lora.optim_step(adam).result().metrics)
call("the loss falls", lambda: require(sum(lora.forward([supervised(text)], "cross_entropy").result().loss_fn_outputs[0]["logprobs"].data) > sum(lp), "yes"))
for name, config in [("importance_sampling", None), ("ppo", {"clip_low_threshold": 0.8, "clip_high_threshold": 1.28}), ("cispo", {"clip_low_threshold": 0.8, "clip_high_threshold": 1.2}), ("dro", {"beta": 0.05})]:
    call(f"forward_backward ({name})", lambda: lora.forward_backward([rollout(text, lp, [0.0, 0.0, 0.0] + [1.0] * 4)], name, loss_fn_config=config).result().metrics)
call("forward_backward + optim_step, pipelined", lambda: [f.result().metrics for f in [lora.forward_backward([supervised(text)], "cross_entropy"), lora.optim_step(types.AdamParams(learning_rate=1e-3, grad_clip_norm=1.0))]])
call("forward_backward of 1,500 datums in chunks", lambda: len(lora.forward_backward([supervised(text[:4])] * 1500, "cross_entropy").result().loss_fn_outputs))
call("optim_step after it", lambda: lora.optim_step(adam).result().metrics)


def custom():
    def loss(data, logprobs):
        total = -sum((lp.sum() for lp in logprobs))
        return total, {"own": float(total)}

    return lora.forward_backward_custom([supervised(text)], loss).result().metrics


try:
    import torch  # noqa: F401

    call("forward_backward_custom", custom)
    call("optim_step after it", lambda: lora.optim_step(adam).result().metrics)
except ImportError:
    pass
refused("forward_backward (a loss that is not there)", lambda: lora.forward_backward([supervised(text)], "no_such_loss").result())
refused("optim_step after a pass that failed", lambda: lora.optim_step(adam).result())
call("optim_step once more", lambda: lora.optim_step(adam).result().metrics)

params = lambda **more: types.SamplingParams(max_tokens=8, temperature=1.0, **more)
prompt = types.ModelInput.from_ints(text)
sampler = call("save_weights_and_get_sampling_client", lambda: ("sampler", lora.save_weights_and_get_sampling_client()))
one = call("sample (4 completions, a seed)", lambda: (lambda it: (len(it.sequences), it))(sampler.sample(prompt, 4, params(seed=7)).result()))
call("the same seed, the same completions", lambda: require([list(s.tokens) for s in sampler.sample(prompt, 4, params(seed=7)).result().sequences] == [list(s.tokens) for s in one.sequences], "equal"))
call("sample (prompt logprobs)", lambda: require(len(sampler.sample(prompt, 1, params(), include_prompt_logprobs=True).result().prompt_logprobs) == len(text), "one for each token"))
plain = call("compute_logprobs", lambda: (lambda it: (it[1:4], it))(sampler.compute_logprobs(prompt).result()))
call("sampler and trainer agree", lambda: require(max(abs(a - b) for a, b in zip(list(plain)[1:], lora.forward([supervised(text)], "cross_entropy").result().loss_fn_outputs[0]["logprobs"].data)) < 1e-4, "to 1e-4"))
end = list(one.sequences[0].tokens)[0]
call("sample (stop token)", lambda: require((lambda s: s.stop_reason == "stop" and list(s.tokens) == [end])(sampler.sample(prompt, 1, params(seed=7, stop=[end])).result().sequences[0]), "ends with it"))

# Images, on the trainer and the sampler.
data = open(image_file, "rb").read()
image = lambda count: types.ImageChunk(data=data, format="png", expected_tokens=count)
before, after = [int(placeholder_before)], [int(placeholder_after)]
count = int(image_tokens)
seen = lambda tokens, n=count: types.ModelInput(chunks=[types.EncodedTextChunk(tokens=[5] + before), image(n), types.EncodedTextChunk(tokens=after + tokens)])


def with_image(n=count):
    tokens = [8, 9, 10]
    length = 2 + n + 1 + len(tokens)
    targets = before + [0] * n + after + tokens + [11]
    weights = [0.0] * (length - 4) + [1.0] * 4
    return types.Datum(model_input=seen(tokens, n), loss_fn_inputs={"target_tokens": tensor(targets, "int64"), "weights": tensor(weights, "float32")})


call("forward with an image", lambda: list(lora.forward([with_image()], "cross_entropy").result().loss_fn_outputs[0]["logprobs"].data)[-4:])
call("forward_backward with an image", lambda: lora.forward_backward([with_image()], "cross_entropy").result().metrics)
call("optim_step after it", lambda: lora.optim_step(adam).result().metrics)
call("sample with an image", lambda: require(len(sampler.sample(seen([8]), 2, params(seed=1)).result().sequences) == 2, "2 completions"))
pictured = call("compute_logprobs with an image", lambda: (lambda it: (it[-2:], it))(sampler.compute_logprobs(seen([8, 9])).result()))
refused("forward with a wrong expected_tokens", lambda: lora.forward([with_image(count + 1)], "cross_entropy").result())
refused("sample with an image by its address", lambda: sampler.sample(types.ModelInput(chunks=[types.ImageAssetPointerChunk(location="http://127.0.0.1/x.png", format="png", expected_tokens=4)]), 1, params()).result())

saved = call("save_state", lambda: (lambda it: (it.path, it.path))(lora.save_state("first").result()))
kept = call("save_weights_for_sampler", lambda: (lambda it: (it.path, it.path))(lora.save_weights_for_sampler("first").result()))
call("create_sampling_client (a checkpoint)", lambda: len(service.create_sampling_client(model_path=kept).sample(prompt, 1, params(seed=1)).result().sequences))
call("create_sampling_client (the base model)", lambda: len(service.create_sampling_client(base_model=base).sample(prompt, 1, params(seed=1)).result().sequences))
want = list(lora.forward([supervised(text)], "cross_entropy").result().loss_fn_outputs[0]["logprobs"].data)


def again(make):
    client = make()
    got = list(client.forward([supervised(text)], "cross_entropy").result().loss_fn_outputs[0]["logprobs"].data)
    return require(max(abs(a - b) for a, b in zip(got, want)) < 1e-5, "the same logprobs")


call("create_training_client_from_state_with_optimizer", lambda: again(lambda: service.create_training_client_from_state_with_optimizer(saved)))
rest = service.create_rest_client()
call("RestClient.list_training_runs", lambda: len(rest.list_training_runs().result().training_runs))
call("RestClient.get_training_run", lambda: rest.get_training_run(lora.model_id).result().base_model)
call("RestClient.list_checkpoints", lambda: [c.checkpoint_id for c in rest.list_checkpoints(lora.model_id).result().checkpoints])
call("RestClient.get_weights_info_by_tinker_path", lambda: rest.get_weights_info_by_tinker_path(saved).result())
call("RestClient.delete_checkpoint_from_tinker_path", lambda: rest.delete_checkpoint_from_tinker_path(kept).result())
sys.exit(1 if failures else 0)
