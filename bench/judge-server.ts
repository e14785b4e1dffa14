/**
 * A process with an OpenAI-compatible judge that takes 50 ms and refuses more than 64 questions at once,
 * and an encoder that answers at once. It prints its port, and at `/figures` what it was asked.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode, judgeLatencyMs, judgeSlots, verdictOn } from './judge-workload.ts';

const figures = { asked: 0, refused: 0, atOnce: 0, texts: 0 };
let open = 0;

async function judge(question: string, response: ServerResponse): Promise<void> {
  if (open >= judgeSlots) {
    figures.refused++;
    response.writeHead(429, { 'retry-after': '1' }).end('{}');
    return;
  }
  open++;
  figures.asked++;
  figures.atOnce = Math.max(figures.atOnce, open);
  await sleep(judgeLatencyMs);
  open--;
  const message = { role: 'assistant', content: verdictOn(question) };
  send(response, {
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: { prompt_tokens: 200, completion_tokens: 1 },
  });
}

const server = createServer(async (request, response) => {
  if (request.url === '/figures') return send(response, figures);
  const body = JSON.parse((await textOf(request)) || '{}');
  if (request.url === '/v1/chat/completions') return judge(body.messages[0].content, response);
  figures.texts += body.input.length;
  const data = body.input.map((text: string, index: number) => ({
    index,
    embedding: encode(text),
  }));
  return send(response, { data });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));

function send(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
