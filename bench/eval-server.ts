/**
 * A process with an OpenAI-compatible judge that works 50 ms on each question, on 64 at once; what comes
 * above that waits its turn, as in front of a real model. It prints its port, and at `/figures` what it
 * was asked. Asked as model `reference` it replies as the paper's judge does.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isRightIn, judgeLatencyMs, judgeSlots } from './eval-workload.ts';

const figures = { asked: 0, mostWaiting: 0 };
const waiting: (() => void)[] = [];
let open = 0;

function begin(work: () => void): void {
  open++;
  setTimeout(() => {
    open--;
    work();
    waiting.shift()?.();
  }, judgeLatencyMs);
}

function judge(body: { model: string; messages: unknown }, response: ServerResponse): void {
  figures.asked++;
  const correct = isRightIn(JSON.stringify(body.messages));
  const content = JSON.stringify(
    body.model === 'reference' ? { score: Number(correct) } : { correct },
  );
  const answer = () =>
    send(response, {
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 200, completion_tokens: 5 },
    });
  if (open < judgeSlots) begin(answer);
  else waiting.push(() => begin(answer));
  figures.mostWaiting = Math.max(figures.mostWaiting, waiting.length);
}

const server = createServer(async (request, response) => {
  if (request.url === '/figures') return send(response, figures);
  const text = await textOf(request);
  if (request.url === '/v1/chat/completions') return judge(JSON.parse(text), response);
  return send(response, { data: [{ id: 'judge' }] });
});
// A client in the middle of much work must not lose a connection that is idle for seconds.
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', 512, () => console.log((server.address() as AddressInfo).port));

function send(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
