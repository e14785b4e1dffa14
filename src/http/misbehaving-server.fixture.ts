/**
 * A real HTTP server on loopback that speaks the OpenAI protocol, well or badly, request by request, as
 * a test's script says. It never waits by itself: what is late is released by the test.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type ServerCall = {
  /** Below the root, e.g. `chat/completions`. */
  readonly path: string;
  /** From 1, over the calls of this path. */
  readonly count: number;
  readonly headers: IncomingMessage['headers'];
  /** Parsed; an empty object where none was sent. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What a server in good health answers. */
  readonly healthy: unknown;
  readonly response: ServerResponse;
};

/** How one call is answered. */
export type Behaviour = (call: ServerCall) => void | Promise<void>;

export type MisbehavingServer = {
  /** Root of the API. */
  readonly url: string;
  /** All calls so far, in the order in which they came. */
  readonly calls: readonly ServerCall[];
  /** The most calls that were open at once. */
  readonly peak: number;
  /** Resolves once `count` calls have come. */
  arrived(count: number): Promise<void>;
  /** Resolves once the other side has closed every connection. */
  allClosed(): Promise<void>;
  stop(): void;
};

export type HealthyParts = {
  /** Names that `/models` lists. @default ['judge', 'embedder'] */
  readonly models?: readonly string[];
  /** What the chat model replies to a message's text. @default 'YES' */
  readonly reply?: (text: string) => string;
  /** The embedding of a text. @default a vector that depends on its characters */
  readonly vector?: (text: string) => readonly number[];
};

/** @param script How a call is answered; undefined answers in good health. */
export async function startMisbehavingServer(
  script: (call: ServerCall) => Behaviour | undefined = () => undefined,
  parts: HealthyParts = {},
): Promise<MisbehavingServer> {
  const calls: ServerCall[] = [];
  const sockets = new Set<Socket>();
  const watchers = new Set<() => void>();
  let open = 0;
  let peak = 0;
  const changed = () => {
    for (const look of [...watchers]) look();
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    peak = Math.max(peak, ++open);
    response.on('close', () => open--);
    // A client that goes away while it is being answered is what some tests are about.
    response.on('error', () => {});
    let text = '';
    try {
      for await (const chunk of incoming) text += chunk;
    } catch {
      return;
    }
    const path = (incoming.url ?? '').replace(/^\/v1\//, '').replace(/\?.*$/, '');
    const body = text === '' ? {} : JSON.parse(text);
    const count = calls.filter((call) => call.path === path).length + 1;
    const healthy = healthyAnswer(path, body, parts);
    const call: ServerCall = { path, count, headers: incoming.headers, body, healthy, response };
    calls.push(call);
    changed();
    await (script(call) ?? behave.healthy)(call);
  };

  const server = createServer((incoming, response) => void serve(incoming, response));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      changed();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });

  return {
    url: `http://127.0.0.1:${port}/v1`,
    calls,
    get peak() {
      return peak;
    },
    arrived: (count) => until(() => calls.length >= count),
    allClosed: () => until(() => sockets.size === 0),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The faults, and health. */
export const behave = {
  healthy: (call) => sendJson(call, 200, call.healthy),
  hang: () => {},
  cutConnection: ({ response }) => void response.socket?.destroy(),
  /** Announces the whole body, sends half of it and hangs up. */
  cutInBody: (call) => {
    const text = JSON.stringify(call.healthy);
    call.response.writeHead(200, { ...jsonType, 'content-length': text.length });
    call.response.write(text.slice(0, text.length / 2), () => call.response.destroy());
  },
  /** Sends half of the body and then nothing more, without hanging up. */
  stallInBody: (call) => {
    const text = JSON.stringify(call.healthy);
    call.response.writeHead(200, { ...jsonType, 'content-length': text.length });
    call.response.write(text.slice(0, text.length / 2));
  },
  /** A proper response whose body is half of what it should be. */
  halfJson: (call) => {
    const text = JSON.stringify(call.healthy);
    sendText(call, 200, 'application/json', text.slice(0, text.length / 2));
  },
  slowDrip: async ({ response, healthy }) => {
    response.writeHead(200, jsonType);
    for (const byte of Buffer.from(JSON.stringify(healthy))) {
      await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
    }
    response.end();
  },
  endlessBody: async ({ response }) => {
    response.writeHead(200, jsonType);
    const blanks = Buffer.alloc(2 ** 20, ' ');
    while (!response.destroyed) await new Promise((resolve) => response.write(blanks, resolve));
  },
  invalidUtf8: ({ response }) => {
    response.writeHead(200, jsonType);
    response.end(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]));
  },
  wrongContentType: (call) => sendText(call, 200, 'text/plain', JSON.stringify(call.healthy)),
  htmlPage: (call) => sendText(call, 200, 'text/html', page),
  htmlError: (call) => sendText(call, 502, 'text/html', page),
  emptyBody: (call) => sendText(call, 200, 'application/json', ''),
} as const satisfies Readonly<Record<string, Behaviour>>;

/** Waits for the test before it behaves. */
export function held(released: Promise<unknown>, then: Behaviour = behave.healthy): Behaviour {
  return async (call) => {
    await released;
    await then(call);
  };
}

/** An error with a status, in OpenAI's form. */
export function status(
  code: number,
  message = 'out of order',
  headers: Readonly<Record<string, string>> = {},
): Behaviour {
  return (call) => sendJson(call, code, { error: { message, type: 'error' } }, headers);
}

/** A response in order whose JSON is another. */
export function json(value: unknown): Behaviour {
  return (call) => sendJson(call, 200, value);
}

/** The healthy answer, packed although nobody asked for it. */
export function packed(encoding: string, pack: (body: Buffer) => Buffer): Behaviour {
  return ({ response, healthy }) => {
    response.writeHead(200, { ...jsonType, 'content-encoding': encoding });
    response.end(pack(Buffer.from(JSON.stringify(healthy))));
  };
}

/** Another chat reply. @param choice Fields over those of a healthy choice. */
export function chat(choice: Readonly<Record<string, unknown>>): Behaviour {
  return json({
    choices: [{ finish_reason: 'stop', message: { content: 'YES' }, ...choice }],
    usage,
  });
}

/** Other embeddings: those of good health, changed. */
export function embeddings(
  change: (rows: readonly EmbeddingRow[]) => readonly unknown[],
): Behaviour {
  return (call) => {
    const { data } = call.healthy as { readonly data: readonly EmbeddingRow[] };
    sendJson(call, 200, { data: change(data), usage });
  };
}

export type EmbeddingRow = { readonly index: number; readonly embedding: readonly number[] };

const jsonType = { 'content-type': 'application/json' } as const;
const usage = { prompt_tokens: 90, completion_tokens: 1 } as const;
const page = '<!doctype html>\n<html><body><h1>Bad gateway</h1></body></html>';

function healthyAnswer(
  path: string,
  body: Readonly<Record<string, unknown>>,
  { models = ['judge', 'embedder'], reply = () => 'YES', vector = vectorOf }: HealthyParts,
): unknown {
  if (path === 'models') return { data: models.map((id) => ({ id })) };
  if (path === 'embeddings') {
    const texts = body['input'] as readonly string[];
    return { data: texts.map((text, index) => ({ index, embedding: vector(text) })), usage };
  }
  const content = reply(JSON.stringify(body['messages']));
  return { choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop' }], usage };
}

/** Texts that share characters point in near directions. */
function vectorOf(text: string): readonly number[] {
  const vector = new Array<number>(16).fill(0.1);
  for (let i = 0; i < text.length; i++) {
    const at = text.charCodeAt(i) % 16;
    vector[at] = (vector[at] ?? 0) + 1;
  }
  return vector;
}

function sendJson(
  call: ServerCall,
  code: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendText(call, code, 'application/json', JSON.stringify(value), headers);
}

function sendText(
  { response }: ServerCall,
  code: number,
  type: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(code, { 'content-type': type, ...headers });
  response.end(text);
}
