/** The routes of the Tinker protocol, in JSON and protobuf. Refusals are `{"detail": …}`, as such servers write them. */
import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import type { Clock } from '../../core/async/clock.ts';
import { digestOfBytes } from '../../core/digest.ts';
import { defined, messageOf } from '../../core/errors.ts';
import { quoted } from '../../core/quoted.ts';
import { encodePassResult, encodeSampled, outputType } from '../../tinker/server-protobuf.ts';
import { zstd } from '../../tinker/zstd.ts';
import { isTooDeep } from '../json-depth.ts';
import { namesItsHost } from '../local-host.ts';
import { tokenMatcher } from '../token.ts';
import { tarOf } from './archive.ts';
import { type Checkpoint, tinkerPath } from './checkpoints.ts';
import { type EngineService, readCall } from './engine-service.ts';
import type { Outcome } from './futures.ts';
import { Refusal, refuseFor } from './refusal.ts';
import { removeQuietly } from './training-log.ts';
import {
  createByLoadSchema,
  createModelSchema,
  createSamplerSchema,
  createSessionSchema,
  heartbeatSchema,
  modelSchema,
  numberedSchema,
  retrieveSchema,
  sampleSchema,
  weightsInfoSchema,
} from './wire.ts';

export type EngineAppOptions = {
  readonly service: EngineService;
  /** Address it listens on. */
  readonly host: string;
  /** Undefined lets anybody in who reaches the address. */
  readonly token: string | undefined;
  /** Bytes of a body at most. */
  readonly bodyBytes: number;
  /** How long a question for a result is held, in milliseconds. */
  readonly holdMs: number;
  readonly clock: Clock;
  readonly onDefect: (error: unknown) => void;
};

/** Bodies of the largest size that are held at once; of smaller ones there may be more. */
const bodiesAtOnce = 4;
const protobuf = 'application/x-protobuf';

type Body = { readonly bytes: Buffer; readonly isProtobuf: boolean };

export function createEngineApp(options: EngineAppOptions) {
  const { service, host, token, bodyBytes, clock } = options;
  const app = new Hono().basePath('/api/v1');
  const isExpected = token === undefined ? undefined : tokenMatcher(token);
  let held = 0;

  app.use(async (c, next) => {
    if (!namesItsHost(c, host)) throw new Refusal(403, 'the Host header names another host');
    const bearer = /^bearer +(.+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (isExpected && !isExpected(c.req.header('x-api-key') ?? bearer)) {
      throw new Refusal(401, 'the key is missing or wrong; send it as X-API-Key (TINKER_API_KEY)');
    }
    return next();
  });
  app.onError((error, c) => {
    if (error instanceof Refusal) return c.json({ detail: error.message }, error.status);
    if (error instanceof z.ZodError) return c.json({ detail: messageOf(error) }, 400);
    if (error instanceof HTTPException) return c.json({ detail: error.message }, error.status);
    options.onDefect(error);
    return c.json({ detail: 'this is a defect of MediX; the log of the service says more' }, 500);
  });
  app.notFound((c) => c.json({ detail: 'no such path; docs/engine-service.md lists them' }, 404));

  const readBody = async (c: Context): Promise<Body> => {
    const encoding = encodingOf(c);
    if (Number(c.req.header('content-length')) > bodyBytes) {
      throw new Refusal(413, `bodies have at most ${bodyBytes} bytes`);
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of c.req.raw.body ?? []) {
      length += chunk.byteLength;
      if (length > bodyBytes) throw new Refusal(413, `bodies have at most ${bodyBytes} bytes`);
      if (held + length > bodiesAtOnce * bodyBytes) {
        throw new Refusal(429, 'other requests take all the room there is; ask again');
      }
      chunks.push(chunk);
    }
    const sent = Buffer.concat(chunks);
    return {
      bytes: encoding === 'zstd' ? decompressed(sent, bodyBytes) : sent,
      isProtobuf: (c.req.header('content-type') ?? '').startsWith(protobuf),
    };
  };
  /** Room is counted until the answer is there, since the body is held until then. */
  const withBody = async <T>(c: Context, use: (body: Body) => Promise<T>): Promise<T> => {
    const body = await readBody(c);
    held += body.bytes.length;
    try {
      return await use(body);
    } finally {
      held -= body.bytes.length;
    }
  };
  const jsonOf = ({ bytes }: Body): unknown => {
    const text = bytes.toString('utf8');
    if (isTooDeep(text)) throw new Refusal(400, 'the JSON is nested too deep');
    try {
      return JSON.parse(text);
    } catch (error) {
      return refuseFor(400, `the body is no JSON: ${messageOf(error)}`, error);
    }
  };
  const post = <S extends z.ZodType>(
    path: string,
    schema: S,
    answer: (body: z.output<S>, digest: string, c: Context) => object | Promise<object>,
  ) =>
    app.post(path, (c) =>
      withBody(c, async (body) =>
        c.json(await answer(schema.parse(jsonOf(body)), digestOfBytes(body.bytes), c)),
      ),
    );

  const { served } = service;
  const name = served.name;
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/get_server_capabilities', (c) =>
    c.json({
      supported_models: [
        {
          model_name: name,
          max_context_length: served.description.contextLength,
          trainable: true,
          sampleable: true,
        },
      ],
    }),
  );
  app.post('/client/config', (c) =>
    c.json({
      pjwt_auth_enabled: false,
      credential_default_source: 'api_key',
      parallel_fwdbwd_chunks: true,
      proto_compress_fwdbwd: zstd !== undefined,
      fwdbwd_max_chunk_len: 1024,
      fwdbwd_max_chunk_bytes_count: Math.min(5_000_000, bodyBytes),
      create_model_via_load_weights: false,
    }),
  );
  app.post('/client/dynamic_config', (c) => c.json({ refresh_interval_sec: 300 }));
  app.post('/telemetry', (c) => c.json({ status: 'accepted' }));

  post('/create_session', createSessionSchema, async () => ({
    type: 'create_session',
    session_id: await service.createSession(),
    info_message: null,
    warning_message: null,
    error_message: null,
  }));
  post('/session_heartbeat', heartbeatSchema, ({ session_id: id }) => {
    service.requireSession(id);
    return { type: 'session_heartbeat' };
  });
  app.get('/sessions', (c) => c.json({ sessions: service.sessions() }));

  post('/create_model', createModelSchema, async (body, digest) => ({
    request_id: await service.createModel(body, digest),
    model_id: `${body.session_id}:train:${body.model_seq_id}`,
  }));
  post('/get_info', modelSchema, ({ model_id: id }) => {
    const { rank } = service.model(id).record;
    return {
      type: 'get_info',
      model_id: id,
      model_data: { arch: 'transformer', model_name: name, tokenizer_id: name },
      is_lora: rank > 0,
      lora_rank: rank > 0 ? rank : null,
      model_name: name,
    };
  });
  post('/unload_model', modelSchema, ({ model_id: id }) => ({
    request_id: service.unload(id),
    model_id: id,
  }));

  const take = async (path: string, body: Body) => {
    const digest = digestOfBytes(body.bytes);
    if (!body.isProtobuf) jsonOf(body);
    const call = readChecked(path, body, digest);
    const { model, seq } =
      call.kind === 'pass'
        ? call.pass
        : ((said) => ({ model: said.model_id, seq: said.seq_id }))(numberedSchema.parse(call.body));
    return { request_id: await service.take(model, seq || undefined, call), model_id: model };
  };
  for (const path of [
    'forward',
    'forward_backward',
    'optim_step',
    'save_weights',
    'save_weights_for_sampler',
  ]) {
    app.post(`/${path}`, (c) => withBody(c, async (body) => c.json(await take(path, body))));
  }
  app.post('/load_weights', (c) =>
    withBody(c, async (body) => {
      const said = jsonOf(body);
      const create = createByLoadSchema.safeParse(said);
      if (!create.success) return c.json(await take('load_weights', body));
      const { path, optimizer, ...asked } = create.data;
      const begin = { path, optimizer: optimizer === true };
      const id = `${asked.session_id}:train:${asked.model_seq_id}`;
      const request = await service.createByLoad(asked, begin, digestOfBytes(body.bytes));
      return c.json({ request_id: request, model_id: id });
    }),
  );

  post('/create_sampling_session', createSamplerSchema, async (body) => ({
    type: 'create_sampling_session',
    sampling_session_id: await service.createSampler(
      body.session_id,
      body.sampling_session_seq_id,
      body,
    ),
  }));
  app.get('/samplers/:id', (c) => {
    const { id, path } = service.sampler(c.req.param('id'));
    return c.json({ sampler_id: id, base_model: name, model_path: path });
  });
  post('/asample', sampleSchema, async (body) => {
    const id = await service.sample(body);
    // Newer clients want a name for each completion.
    const names = Array.from({ length: body.num_samples }, (_, i) => `${id}/${i}`);
    return { request_id: id, sample_sequence_ids: names };
  });

  app.post('/retrieve_future', (c) =>
    withBody(c, async (body) => {
      const { request_id: id } = retrieveSchema.parse(jsonOf(body));
      const future = service.futures.get(id);
      if (future === undefined) {
        throw new Refusal(
          410,
          `the result ${id.slice(0, 200)} is not here (any more): the service was started again, or it was let go of; send the request again`,
        );
      }
      const over = new AbortController();
      const hold = clock.sleep(options.holdMs, over.signal).catch(() => {});
      const outcome = await Promise.race([future.outcome, hold]).finally(() => over.abort());
      if (outcome === undefined) {
        return c.json({ type: 'try_again', request_id: id, queue_state: 'active' });
      }
      future.isRetrieved = true;
      return answerWith(c, outcome);
    }),
  );

  post('/weights_info', weightsInfoSchema, async ({ tinker_path: path }) => {
    const { base, rank } = await service.checkpoints.find(path);
    return { base_model: base, is_lora: rank > 0, lora_rank: rank > 0 ? rank : null };
  });
  const runs = () =>
    service.runs().map(({ record, lastRequest }) => ({
      training_run_id: record.id,
      base_model: name,
      model_owner: 'local',
      is_lora: record.rank > 0,
      lora_rank: record.rank > 0 ? record.rank : null,
      corrupted: false,
      last_request_time: new Date(lastRequest).toISOString(),
      last_checkpoint: null,
      last_sampler_checkpoint: null,
    }));
  app.get('/training_runs', (c) => {
    const [all, page] = [runs(), pageOf(c)];
    const some = all.slice(page.offset, page.offset + page.limit);
    return c.json({ training_runs: some, cursor: { ...page, total_count: all.length } });
  });
  app.get('/training_runs/:id', (c) => {
    const found = runs().find(({ training_run_id: id }) => id === c.req.param('id'));
    if (found === undefined) throw new Refusal(404, 'no such training run');
    return c.json(found);
  });
  app.get('/training_runs/:id/checkpoints', async (c) => {
    const id = c.req.param('id');
    if (!runs().some((run) => run.training_run_id === id)) {
      throw new Refusal(404, 'no such training run');
    }
    return c.json({ checkpoints: (await service.checkpoints.list(id)).map(checkpointBody) });
  });
  app.get('/checkpoints', async (c) => {
    const [all, page] = [await service.checkpoints.list(), pageOf(c)];
    const some = all.slice(page.offset, page.offset + page.limit).map(checkpointBody);
    return c.json({ checkpoints: some, cursor: { ...page, total_count: all.length } });
  });
  app.get('/training_runs/:id/checkpoints/:kind/:name/archive', async (c) => {
    const { id, kind, name: checkpoint } = c.req.param();
    const folder = await service.exportCheckpoint(`tinker://${id}/${kind}/${checkpoint}`);
    const pieces = async function* () {
      try {
        yield* tarOf(folder);
      } finally {
        await removeQuietly(folder);
      }
    };
    const body = ReadableStream.from(pieces()) as ReadableStream<Uint8Array>;
    return c.body(body, 200, { 'content-type': 'application/x-tar' });
  });
  app.delete('/training_runs/:id/checkpoints/:kind/:name', async (c) => {
    const { id, kind, name: checkpoint } = c.req.param();
    await service.checkpoints.remove(`tinker://${id}/${kind}/${checkpoint}`);
    return c.body(null, 204);
  });
  return app;
}

/** @throws Refusal 415 for an encoding that is not read here */
function encodingOf(c: Context): 'identity' | 'zstd' {
  const encoding = c.req.header('content-encoding') ?? 'identity';
  if (encoding === 'identity' || (encoding === 'zstd' && zstd)) return encoding;
  throw new Refusal(
    415,
    `the body is compressed by ${quoted(encoding)}; send it as it is${zstd ? ', or by zstd' : ''}`,
  );
}

/** @throws Refusal 400 where it is no zstd, or more than a body may have */
function decompressed(bytes: Buffer, mostBytes: number): Buffer {
  try {
    return Buffer.from(defined(zstd, 'zstd').decompress(bytes, mostBytes));
  } catch (error) {
    const expected = `expected a body that zstd makes of at most ${mostBytes} bytes`;
    return refuseFor(400, `${expected}: ${messageOf(error)}`, error);
  }
}

function readChecked(path: string, { bytes, isProtobuf }: Body, digest: string) {
  try {
    return readCall(path, bytes, isProtobuf, digest);
  } catch (error) {
    return refuseFor(400, `the body is no request of the protocol: ${messageOf(error)}`, error);
  }
}

function answerWith(c: Context, outcome: Outcome): Response {
  const wantsProtobuf = (c.req.header('accept') ?? '').includes(protobuf);
  switch (outcome.kind) {
    case 'failed': {
      const { error, category } = outcome;
      return c.json({ error, category, type: 'request_failed' });
    }
    case 'json':
      return c.json(outcome.body);
    case 'pass': {
      const { result } = outcome;
      if (wantsProtobuf) return binary(c, encodePassResult(result));
      const outputs = result.logprobs.map((logprobs, i) => ({
        logprobs: tensorBody(logprobs),
        ...(result.losses ? { elementwise_loss: tensorBody(result.losses[i]!) } : {}),
      }));
      const { metrics } = result;
      return c.json({ loss_fn_output_type: outputType, loss_fn_outputs: outputs, metrics });
    }
    case 'sample': {
      const { result } = outcome;
      if (wantsProtobuf) return binary(c, encodeSampled(result));
      return c.json({
        type: 'sample',
        sequences: result.sequences.map(({ tokens, logprobs, stopReason }) => ({
          stop_reason: stopReason,
          tokens: [...tokens],
          logprobs: [...logprobs],
        })),
        // The first one has none, and JSON no word for it.
        prompt_logprobs: result.promptLogprobs
          ? Array.from(result.promptLogprobs, (it) => (Number.isNaN(it) ? null : it))
          : null,
        topk_prompt_logprobs: null,
        prompt_cache_hit_tokens: 0,
      });
    }
  }
}

function binary(c: Context, bytes: Uint8Array): Response {
  return c.body(Uint8Array.from(bytes), 200, { 'content-type': protobuf });
}

function tensorBody(values: Float32Array) {
  return { data: [...values], dtype: 'float32', shape: [values.length] };
}

function pageOf(c: Context): { readonly limit: number; readonly offset: number } {
  const number = z.coerce.number().int().min(0).max(1000);
  const query = z.object({ limit: number.default(20), offset: number.default(0) });
  return query.parse(c.req.query());
}

function checkpointBody(checkpoint: Checkpoint) {
  return {
    checkpoint_id: `${checkpoint.kind}/${checkpoint.name}`,
    checkpoint_type: checkpoint.kind === 'weights' ? 'training' : 'sampler',
    time: checkpoint.time,
    tinker_path: tinkerPath(checkpoint),
    size_bytes: checkpoint.bytes,
    public: false,
    expires_at: null,
  };
}
