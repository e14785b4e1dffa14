/** A judge and an encoder behind one OpenAI-compatible server that counts, and can stop answering. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';

export type ScoringServer = {
  /** To be given as --judge-url and --embedder-url. */
  readonly url: string;
  /** How often each question to the judge was answered. */
  readonly answered: ReadonlyMap<string, number>;
  /** Answers this many further questions to the judge and leaves those after them open. */
  holdAfter(count: number): void;
  /** Whether a question waits for its answer. */
  isHolding(): boolean;
  /** Answers everything again. */
  release(): void;
};

export const judgeName = 'scripted-judge';
export const encoderName = 'scripted-encoder';

export async function startScoringServer(): Promise<ScoringServer> {
  const answered = new Map<string, number>();
  let left = Number.POSITIVE_INFINITY;
  let held: (() => void)[] = [];

  const judge = (body: { messages: unknown }, response: ServerResponse) => {
    const question = JSON.stringify(body.messages);
    const answer = () => {
      answered.set(question, (answered.get(question) ?? 0) + 1);
      const content = digest(question)[0]! % 2 === 0 ? 'YES' : 'NO';
      send(response, {
        id: '1',
        object: 'chat.completion',
        created: 0,
        model: judgeName,
        choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 100, completion_tokens: 1, total_tokens: 101 },
      });
    };
    if (left > 0) answer();
    else held.push(answer);
    left--;
  };

  const encode = (body: { input: string[] }, response: ServerResponse) => {
    const data = body.input.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: [...digest(text).subarray(0, 8)].map((byte) => byte - 128),
    }));
    send(response, { object: 'list', model: encoderName, data, usage: { prompt_tokens: 1 } });
  };

  const server = createServer(async (request, response) => {
    if (request.url === '/v1/models') {
      send(response, { object: 'list', data: [{ id: judgeName }, { id: encoderName }] });
      return;
    }
    const body = JSON.parse(await bodyOf(request));
    if (request.url === '/v1/chat/completions') judge(body, response);
    else encode(body, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    answered,
    holdAfter: (count) => {
      left = count;
    },
    isHolding: () => held.length > 0,
    release: () => {
      left = Number.POSITIVE_INFINITY;
      held = [];
    },
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function send(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
