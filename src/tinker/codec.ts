/** How data and results are written: as JSON or protobuf, with the protocol's names. */
import { z } from 'zod';
import { fail, messageOf } from '../core/errors.ts';
import { readJson } from './futures.ts';
import type { Datum, ForwardResult, InputChunk, SampleOptions, SampleResult } from './messages.ts';
import {
  decodeForwardBackward,
  decodeSample,
  encodeForwardBackward,
  type ForwardBackwardMessage,
} from './protobuf.ts';
import { json, type Payload, type Reply } from './transport.ts';

export type Codec = 'json' | 'protobuf';

export function encodeData(codec: Codec, request: ForwardBackwardMessage): Payload {
  if (codec === 'protobuf') {
    return { type: 'application/x-protobuf', content: encodeForwardBackward(request) };
  }
  const { model, seq, data, loss, isForwardOnly } = request;
  const input = {
    data: data.map(datumJson),
    loss_fn: loss.name,
    loss_fn_config: loss.settings ?? null,
  };
  return json(
    isForwardOnly
      ? { model_id: model, seq_id: seq, forward_input: input, type: 'forward' }
      : { model_id: model, seq_id: seq, forward_backward_input: input, type: 'forward_backward' },
  );
}

function datumJson({ input, targets, lossInputs }: Datum): object {
  const tensors = Object.entries(lossInputs).map(([name, values]) => [
    name,
    { data: [...values], dtype: 'float32', shape: [values.length] },
  ]);
  return {
    model_input: { chunks: input.map(chunkJson) },
    loss_fn_inputs: {
      target_tokens: { data: [...targets], dtype: 'int64', shape: [targets.length] },
      ...Object.fromEntries(tensors),
    },
  };
}

function chunkJson(chunk: InputChunk): object {
  return chunk.kind === 'text'
    ? { type: 'encoded_text', tokens: [...chunk.tokens] }
    : {
        type: 'image',
        data: Buffer.from(chunk.data).toString('base64'),
        format: chunk.format,
        expected_tokens: chunk.tokens,
      };
}

/** The body of a request for completions, which is JSON on every server. */
export function sampleBody(sampler: string, seq: number, options: SampleOptions): object {
  const { prompt, samples = 1, maxTokens, temperature = 1, topP = 1, topK = 0 } = options;
  const { seed, stop, promptLogprobs = false } = options;
  return {
    sampling_session_id: sampler,
    seq_id: seq,
    num_samples: samples,
    prompt: { chunks: prompt.map(chunkJson) },
    sampling_params: {
      max_tokens: maxTokens,
      temperature,
      top_p: topP,
      top_k: topK === 0 ? -1 : topK,
      ...(seed === undefined ? {} : { seed }),
      ...(stop === undefined ? {} : { stop }),
    },
    prompt_logprobs: promptLogprobs,
    topk_prompt_logprobs: 0,
    type: 'sample',
  };
}

/** Python writes numbers that JSON has not as text. */
const number = z.union([
  z.number(),
  z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number),
  z.null().transform(() => Number.NaN),
]);
const tensor = z.looseObject({ data: z.array(number) });
const forwardSchema = z.looseObject({
  loss_fn_outputs: z.array(z.looseObject({ logprobs: tensor })),
  metrics: z.record(z.string(), number).nullish(),
});

/** @throws MedixError 'engine' where there is not one logprob for each target of each datum */
export function readForward(reply: Reply, server: string, data: readonly Datum[]): ForwardResult {
  const { logprobs, metrics } = reply.isProtobuf
    ? decoding(reply, server, 'forward_backward', decodeForwardBackward)
    : readForwardJson(reply, server);
  data.forEach(({ targets }, i) => {
    if (logprobs[i]?.length === targets.length) return;
    fail('engine', {
      where: `${server}: forward_backward`,
      expected: `${targets.length} logprobs for the sequence at ${i}, one for each target`,
      got: `${logprobs[i]?.length ?? 'none'}`,
      next: 'check the version of the server, and that it reads images as medix doctor --engine tinker says',
    });
  });
  return { logprobs, metrics };
}

function readForwardJson(reply: Reply, server: string): ForwardResult {
  const said = readJson(reply, forwardSchema, server, 'forward_backward');
  const logprobs = said.loss_fn_outputs.map((output) => Float32Array.from(output.logprobs.data));
  return { logprobs, metrics: said.metrics ?? {} };
}

/** @throws MedixError 'engine' where the body is no such message */
function decoding<T>(
  { body }: Reply,
  server: string,
  path: string,
  decode: (bytes: Uint8Array) => T,
): T {
  try {
    return decode(body);
  } catch (error) {
    return fail(
      'engine',
      {
        where: `${server}: ${path}`,
        expected: 'a protobuf message of the Tinker protocol',
        got: `${body.length} bytes of another form (${messageOf(error)})`,
        next: 'check the version of the server',
      },
      error,
    );
  }
}

const sampleSchema = z.looseObject({
  sequences: z.array(
    z.looseObject({
      tokens: z.array(z.int()),
      logprobs: z.array(number).nullish(),
      stop_reason: z.enum(['stop', 'length']),
    }),
  ),
  prompt_logprobs: z.array(number).nullish(),
});

export function readSample(reply: Reply, server: string): SampleResult {
  if (reply.isProtobuf) return decoding(reply, server, 'asample', decodeSample);
  const said = readJson(reply, sampleSchema, server, 'asample');
  return {
    sequences: said.sequences.map(({ tokens, logprobs, stop_reason: stopReason }) => ({
      tokens: Int32Array.from(tokens),
      logprobs: logprobs ? Float32Array.from(logprobs) : undefined,
      stopReason,
    })),
    promptLogprobs: said.prompt_logprobs ? Float32Array.from(said.prompt_logprobs) : undefined,
  };
}

/** Results in protobuf are smaller, where the server writes it. */
export const resultAccept = 'application/x-protobuf, application/json';
