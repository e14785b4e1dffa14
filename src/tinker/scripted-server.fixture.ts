/**
 * Test support: a server of the protocol whose model is one number. Gradients are advantages that are added up, a step
 * adds them to the number, and each request counts once under its number.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// biome-ignore lint/suspicious/noExplicitAny: bodies of a protocol, which this server takes on trust
type Json = Record<string, any>;

type Fault =
  | {
      readonly status: number;
      readonly body?: Json | string;
      readonly headers?: Record<string, string>;
    }
  | 'cut-before'
  | 'cut-after';

export type Script = {
  /** @param times requests to the same path before */
  readonly fault?: ((path: string, times: number) => Fault | undefined) | undefined;
  readonly maxChunkLength?: number;
  readonly maxSamples?: number;
  /** Asks for bodies by zstd. */
  readonly compresses?: boolean;
};

export async function startScriptedServer(script: Script) {
  let [weight, gradient, counter, openSamples, mostSamples] = [0, 0, 0, 0, 0];
  let [held, isHolding] = [[] as (() => void)[], false];
  let onHeld = () => {};
  const steps: number[] = [];
  const requests: string[] = [];
  const asked = new Map<string, number>();
  const watchers = new Map<string, () => void>();
  const results = new Map<string, Json>();
  const taken = new Map<string, string>();

  const later = (result: Json): Json => {
    const id = `f${++counter}`;
    results.set(id, result);
    return { request_id: id };
  };

  const work: Record<string, (body: Json) => Json> = {
    forward_backward: ({ forward_backward_input: { data, loss_fn } }) => {
      if (loss_fn !== 'importance_sampling')
        return { error: `no loss ${loss_fn}`, category: 'user' };
      const advantages: number[][] = data.map((it: Json) => it['loss_fn_inputs'].advantages.data);
      gradient += advantages.flat().reduce((a, b) => a + b, 0);
      const outputs = advantages.map((row) => ({ logprobs: { data: row.map((it) => -it) } }));
      return { loss_fn_output_type: 'x', loss_fn_outputs: outputs, metrics: {} };
    },
    optim_step: () => {
      steps.push(gradient);
      weight += gradient;
      gradient = 0;
      return { metrics: null };
    },
    save_weights_for_sampler: () => ({ sampling_session_id: 's1' }),
  };

  const simple: Record<string, (body: Json) => Json> = {
    'client/config': () => ({
      fwdbwd_max_chunk_len: script.maxChunkLength ?? 1024,
      sample_max_concurrent_requests: script.maxSamples ?? 100,
      proto_compress_fwdbwd: script.compresses ?? false,
    }),
    create_session: () => ({ session_id: 'session' }),
    create_model: () => later({ model_id: 'm1' }),
    session_heartbeat: () => ({}),
    retrieve_future: ({ request_id }) => {
      const result = results.get(request_id) ?? { error: 'no such result' };
      if (result['sequences']) openSamples--;
      return result;
    },
    asample: ({ sampling_params: { seed } }) => {
      mostSamples = Math.max(mostSamples, ++openSamples);
      return later({ sequences: [{ tokens: [seed], logprobs: [-1], stop_reason: 'length' }] });
    },
  };

  const answer = (path: string, body: Json): Json => {
    const known = work[path];
    if (known === undefined) return simple[path]?.(body) ?? {};
    const key = String(body['seq_id']);
    const before = taken.get(key);
    if (before !== undefined) return { request_id: before };
    const promised = later(known(body));
    taken.set(key, promised['request_id']);
    return promised;
  };

  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').replace('/api/v1/', '');
    const times = asked.get(path) ?? 0;
    asked.set(path, times + 1);
    requests.push(path);
    const text = await textOf(request);
    watchers.get(path)?.();
    const fault = script.fault?.(path, times);
    if (fault === 'cut-before') return request.socket.destroy();
    if (typeof fault === 'object') return send(response, fault);
    const said = answer(path, text === '' ? {} : JSON.parse(text));
    if (fault === 'cut-after') return request.socket.destroy();
    if (isHolding && path !== 'session_heartbeat') {
      await new Promise<void>((resolve) => {
        held.push(resolve);
        onHeld();
      });
    }
    return send(response, { status: 200, body: said });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: requests as readonly string[],
    steps: steps as readonly number[],
    get weight() {
      return weight;
    },
    get mostSamples() {
      return mostSamples;
    },
    /** From now on requests are carried out and not answered. */
    hold: () => {
      isHolding = true;
    },
    untilHeld: () =>
      new Promise<void>((resolve) => {
        onHeld = resolve;
        if (held.length > 0) resolve();
      }),
    release: () => {
      isHolding = false;
      for (const go of held) go();
      held = [];
    },
    untilAsked: (path: string) =>
      new Promise<void>((resolve) => {
        watchers.set(path, resolve);
        if (requests.includes(path)) resolve();
      }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(
  response: ServerResponse,
  { status, body = { detail: 'as the script says' }, headers = {} }: Exclude<Fault, string>,
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
