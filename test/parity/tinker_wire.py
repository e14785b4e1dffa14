"""Messages of the Tinker protocol by the official SDK's protobuf module: python tinker_wire.py > test/golden/tinker-wire.json"""
import json, struct, importlib.metadata
from tinker.proto import tinker_public_pb2 as pb

def floats(*v): return struct.pack(f"<{len(v)}f", *v)
def ints(*v): return struct.pack(f"<{len(v)}i", *v)
def longs(*v): return struct.pack(f"<{len(v)}q", *v)

request = pb.ForwardBackwardRequest(model_id="m:train:0", seq_id=7, loss_fn="ppo", forward_only=True)
request.loss_fn_config["clip_low_threshold"] = 0.8
datum = request.data.add()
datum.model_input.add().encoded_text.tokens = ints(1, 2)
image = datum.model_input.add().image
image.data, image.format, image.expected_tokens = b"\x89PNG", "png", 2
datum.model_input.add().encoded_text.tokens = ints(3)
for name, data, dtype in [("target_tokens", longs(2, 9, 9, 3, 4), pb.DTYPE_INT64 if hasattr(pb, "DTYPE_INT64") else 2), ("weights", floats(0, 0, 0, 1, 1), 1)]:
    tensor = datum.loss_fn_inputs[name]
    tensor.dense, tensor.dtype = data, dtype
    tensor.shape.append(5)

output = pb.ForwardBackwardOutput(loss_fn_output_type="x")
record = output.loss_fn_outputs.add(type_tag="x", num_datums=2)
batched = record.fields["logprobs"]
batched.data, batched.dtype = floats(-1, -2, -3.5), 1
batched.offsets = longs(0, 4, 12)
output.metrics["loss:sum"] = 2.5

sample = pb.SampleResponse(prompt_logprobs=floats(float("nan"), -0.5))
for tokens, logprobs, reason in [((5, 6), (-1.5, -0.25), 0), ((7,), None, 1)]:
    sequence = sample.sequences.add(stop_reason=reason, tokens=ints(*tokens))
    if logprobs: sequence.logprobs = floats(*logprobs)

# What a service answers: a pass over two datums with the loss of each token, and completions without logprobs of the prompt.
result = pb.ForwardBackwardOutput(loss_fn_output_type="TensorData")
record = result.loss_fn_outputs.add(type_tag="TensorData", num_datums=2)
for name, values in [("logprobs", (-1, -2, -3.5)), ("elementwise_loss", (0.5, 0, 0.25))]:
    batched = record.fields[name]
    batched.data, batched.dtype = floats(*values), 1
    batched.offsets = longs(0, 4, 12)
result.metrics["loss:sum"] = 0.75

drawn = pb.SampleResponse()
for tokens, logprobs, reason in [((5, 6), (-1.5, -0.25), 0), ((7,), (-2,), 1)]:
    drawn.sequences.add(stop_reason=reason, tokens=ints(*tokens), logprobs=floats(*logprobs))

print(json.dumps({
    "origin": {"script": "test/parity/tinker_wire.py", "tinker": importlib.metadata.version("tinker")},
    "forwardBackwardRequest": request.SerializeToString(deterministic=True).hex(),
    "forwardBackwardOutput": output.SerializeToString(deterministic=True).hex(),
    "sampleResponse": sample.SerializeToString(deterministic=True).hex(),
    "passResult": result.SerializeToString(deterministic=True).hex(),
    "sampledResult": drawn.SerializeToString(deterministic=True).hex(),
}, indent=2))
