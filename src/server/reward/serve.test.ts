import { Agent, request } from 'node:http';
import { createServer, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createTestClock } from '../../core/async/test-clock.fixture.ts';
import type { Judge } from '../../judge/judge.ts';
import { yes } from '../../reward/scripted.fixture.ts';
import { Intake } from './intake.ts';
import { serveRewards } from './serve.ts';
import { createTestApp, heldJudge, respond, truth } from './service.fixture.ts';

const body = JSON.stringify({ items: [{ response: respond('infarct'), ground_truth: truth }] });

/** Starts the service on a free port of its own. */
async function start(judge: Judge) {
  const intake = new Intake(10);
  const clock = createTestClock();
  const { app } = await createTestApp(judge, { intake, clock });
  const stop = new AbortController();
  let url = '';
  let ended: Promise<number> | undefined;
  await new Promise<void>((resolve, reject) => {
    const onListening = (address: string) => {
      url = address;
      resolve();
    };
    const options = { app, intake, host: '127.0.0.1', port: 0, drainMs: 5000, clock, onListening };
    ended = serveRewards(options, stop.signal);
    ended.catch(reject);
  });
  return { url, clock, intake, stop: () => stop.abort(), ended };
}

/** One request over a connection that is kept. */
function post(url: string, agent: Agent) {
  const sent = request(`${url}/v1/rewards`, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json' },
  });
  const reply = new Promise<{ status: number | undefined; connection: string | undefined }>(
    (resolve, reject) => {
      sent.on('error', reject).on('response', (response) => {
        response.resume().on('end', () => {
          resolve({ status: response.statusCode, connection: response.headers.connection });
        });
      });
    },
  );
  sent.end(body);
  return { reply, hangUp: () => sent.destroy() };
}

describe('serving', () => {
  it('answers what is open when told to stop, then lets go of kept connections', async () => {
    const held = heldJudge(yes);
    const service = await start(held.judge);
    const agent = new Agent({ keepAlive: true });
    const { reply } = post(service.url, agent);
    await held.isAsked;
    service.stop();
    await expect(fetch(`${service.url}/healthz`)).rejects.toThrow();
    held.release();
    expect(await reply).toEqual({ status: 200, connection: 'close' });
    expect(await service.ended).toBe(0);
  });

  it('cancels what takes longer than it has to end', async () => {
    const service = await start(heldJudge(yes).judge);
    const { reply } = post(service.url, new Agent({ keepAlive: true }));
    await expect.poll(() => service.intake.itemsInWork).toBe(1);
    service.stop();
    await service.clock.untilSleeping(5000);
    service.clock.advance(5000);
    expect((await reply).status).toBe(503);
    expect(await service.ended).toBe(1);
  });

  it('stops working for a caller that hangs up', async () => {
    const held = heldJudge(yes);
    const service = await start(held.judge);
    const { reply, hangUp } = post(service.url, new Agent());
    await held.isAsked;
    hangUp();
    await expect(reply).rejects.toThrow();
    await expect.poll(() => service.intake.itemsInWork).toBe(0);
    service.stop();
    expect(await service.ended).toBe(0);
  });

  it('says so where the port is taken', async () => {
    const taken: Server = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const intake = new Intake(10);
    const { app } = await createTestApp(yes, { intake });
    const clock = createTestClock();
    const onListening = () => {};
    const options = { app, intake, host: '127.0.0.1', port, drainMs: 0, clock, onListening };
    await expect(serveRewards(options, new AbortController().signal)).rejects.toThrow(
      /port \d+: expected an address this machine can listen on, got .*EADDRINUSE/,
    );
    await new Promise((resolve) => taken.close(resolve));
  });
});
