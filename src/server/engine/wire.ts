/** Bodies of the protocol in JSON, read from text to plain records. Fields that are not known are passed over. */
import { z } from 'zod';
import type { ReceivedChunk, ReceivedPass } from '../../tinker/server-protobuf.ts';

const chunkSchema = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('encoded_text'), tokens: z.array(z.int()) }),
    z.object({
      type: z.literal('image'),
      data: z.base64(),
      format: z.string().optional(),
      expected_tokens: z.int().nullish(),
    }),
    z.object({ type: z.literal('image_asset_pointer') }),
    z.object({ type: z.literal('dmel') }),
  ])
  .transform((chunk): ReceivedChunk => {
    switch (chunk.type) {
      case 'encoded_text':
        return { kind: 'text', tokens: Int32Array.from(chunk.tokens) };
      case 'image': {
        const data = Buffer.from(chunk.data, 'base64');
        return { kind: 'image', data, tokens: chunk.expected_tokens ?? undefined };
      }
      default:
        return { kind: 'other', name: chunk.type };
    }
  });

const inputSchema = z.object({ chunks: z.array(chunkSchema) });

/** Python writes numbers that JSON has not as text. */
const number = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]);
const tensorSchema = z
  .object({ data: z.array(number), sparse_crow_indices: z.null().optional() })
  .transform(({ data }) => data);

const passInputSchema = z.object({
  data: z.array(
    z.object({
      model_input: inputSchema,
      loss_fn_inputs: z.record(z.string(), tensorSchema),
    }),
  ),
  loss_fn: z.string(),
  loss_fn_config: z.record(z.string(), z.number()).nullish(),
});

/** 0 asks for the next one. */
const seq = z.int().min(0).nullish();

/** @param isForwardOnly of the path `forward`, whose body is written otherwise */
export function readPass(body: unknown, isForwardOnly: boolean): ReceivedPass {
  const said = (isForwardOnly ? forwardSchema : forwardBackwardSchema).parse(body);
  const input = 'forward_input' in said ? said.forward_input : said.forward_backward_input;
  return {
    model: said.model_id,
    seq: said.seq_id ?? 0,
    data: input.data.map((datum) => ({
      input: datum.model_input.chunks,
      lossInputs: datum.loss_fn_inputs,
    })),
    loss: input.loss_fn,
    settings: input.loss_fn_config ?? {},
    isForwardOnly: isForwardOnly || ('forward_only' in said && said.forward_only === true),
  };
}

const forwardSchema = z.object({
  model_id: z.string(),
  seq_id: seq,
  forward_input: passInputSchema,
});
const forwardBackwardSchema = z.object({
  model_id: z.string(),
  seq_id: seq,
  forward_backward_input: passInputSchema,
  forward_only: z.boolean().nullish(),
});

export const createSessionSchema = z.object({
  tags: z.array(z.string()).nullish(),
  user_metadata: z.record(z.string(), z.unknown()).nullish(),
});
export const heartbeatSchema = z.object({ session_id: z.string() });

export const createModelSchema = z.object({
  session_id: z.string(),
  model_seq_id: z.int().min(0),
  base_model: z.string(),
  user_metadata: z.record(z.string(), z.unknown()).nullish(),
  lora_config: z.object({ rank: z.int().min(0).max(1024), seed: z.int().nullish() }).nullish(),
});
export type CreateModel = z.output<typeof createModelSchema>;

export const modelSchema = z.object({ model_id: z.string() });

export const optimSchema = z.object({
  adam_params: z.object({
    learning_rate: z.number().min(0).default(1e-4),
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.95),
    eps: z.number().positive().default(1e-12),
    weight_decay: z.number().min(0).default(0),
    grad_clip_norm: z.number().min(0).default(0),
  }),
});

export const numberedSchema = z.object({ model_id: z.string(), seq_id: seq });

/** Becomes a folder. */
const checkpointName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'letters, digits, "_", "-" and "." alone, to 128');

export const saveSchema = z.object({ path: checkpointName, overwrite: z.boolean().nullish() });
export const saveForSamplerSchema = z.object({
  path: checkpointName.nullish(),
  overwrite: z.boolean().nullish(),
  sampling_session_seq_id: z.int().nullish(),
});

export const loadSchema = z.object({ path: z.string(), optimizer: z.boolean().nullish() });
export const createByLoadSchema = z.object({
  session_id: z.string(),
  model_seq_id: z.int().min(0),
  base_model: z.string().nullish(),
  path: z.string(),
  optimizer: z.boolean().nullish(),
});

export const createSamplerSchema = z.object({
  session_id: z.string(),
  sampling_session_seq_id: z.int(),
  base_model: z.string().nullish(),
  model_path: z.string().nullish(),
});

export const sampleSchema = z.object({
  num_samples: z.int().min(1).max(4096).default(1),
  prompt: inputSchema,
  sampling_params: z.object({
    max_tokens: z.int().min(1).nullish(),
    seed: z.int().nullish(),
    stop: z.union([z.string(), z.array(z.string()), z.array(z.int())]).nullish(),
    temperature: z.number().min(0).default(1),
    top_k: z.int().default(-1),
    top_p: z.number().positive().max(1).default(1),
  }),
  sampling_session_id: z.string().nullish(),
  seq_id: z.int().nullish(),
  base_model: z.string().nullish(),
  model_path: z.string().nullish(),
  prompt_logprobs: z.boolean().nullish(),
  topk_prompt_logprobs: z.int().nullish(),
});
export type SampleCall = z.output<typeof sampleSchema>;

export const retrieveSchema = z.object({ request_id: z.string() });
export const weightsInfoSchema = z.object({ tinker_path: z.string() });
