/** The engine service as its users start it, killed in the middle of a step's pass and started again. */
import { expect, it } from 'vitest';
import { startServer, temporaryFolder, tinyModel } from './medix.ts';

// biome-ignore lint/suspicious/noExplicitAny: bodies of a protocol
type Json = any;

async function serve(folder: string) {
  const args = ['engine', 'serve', tinyModel, '--name', 'tiny', '--port', '0'];
  const running = await startServer(folder, args, /is served at (\S+)/);
  const post = async (path: string, body: object): Promise<Json> => {
    const response = await fetch(`${running.told}/api/v1/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return response.json();
  };
  const result = async (path: string, body: object): Promise<Json> =>
    post('retrieve_future', { request_id: (await post(path, body)).request_id });
  return { ...running, post, result };
}

const input = {
  data: [
    {
      model_input: { chunks: [{ type: 'encoded_text', tokens: [5, 6, 7] }] },
      loss_fn_inputs: {
        target_tokens: { data: [6, 7, 8], dtype: 'int64', shape: [3] },
        weights: { data: [0, 1, 1], dtype: 'float32', shape: [3] },
      },
    },
  ],
  loss_fn: 'cross_entropy',
};

it('a service that is killed goes on with no gradient lost or doubled', async () => {
  const folder = await temporaryFolder();
  let service = await serve(folder);
  const { session_id } = await service.post('create_session', { tags: [], user_metadata: {} });
  const create = async (model_seq_id: number): Promise<string> => {
    const lora_config = { rank: 4, seed: 1 };
    const asked = { session_id, model_seq_id, base_model: 'tiny', lora_config };
    return (await service.result('create_model', asked)).model_id;
  };
  const backward = (model_id: string, seq_id: number) => ({
    model_id,
    seq_id,
    forward_backward_input: input,
  });
  const step = (model_id: string, seq_id: number) => ({
    model_id,
    seq_id,
    adam_params: { learning_rate: 1e-2 },
  });
  const killed = await create(0);
  await service.result('forward_backward', backward(killed, 1));
  await service.result('optim_step', step(killed, 2));
  await service.post('forward_backward', backward(killed, 3));
  service.kill('SIGKILL');
  await service.outcome;

  service = await serve(folder);
  await service.result('forward_backward', backward(killed, 3));
  await service.result('optim_step', step(killed, 4));
  const calm = await create(1);
  for (const seq of [1, 3]) {
    await service.result('forward_backward', backward(calm, seq));
    await service.result('optim_step', step(calm, seq + 1));
  }
  const logprobs = (model_id: string) =>
    service.result('forward', { model_id, seq_id: 5, forward_input: input });
  expect(await logprobs(killed)).toEqual(await logprobs(calm));
  service.kill('SIGTERM');
  expect((await service.outcome).stdout).toContain('the service has ended');
});
