/** `medix up`: the servers of a training or an evaluation, by vLLM on this machine. */

import { onAbort } from '../../core/async/abort.ts';
import { systemClock } from '../../core/async/clock.ts';
import { type ServedModel, serveModels } from '../../launch/serving/serve-models.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { wholeNumber } from '../option-values.ts';

type Options = {
  readonly judge?: string;
  readonly judgePort: number;
  readonly embedder?: string;
  readonly embedderPort: number;
  readonly policy?: string;
  readonly policyPort: number;
  readonly command: string;
  readonly logs: string;
  readonly timeout: number;
  readonly vllm: readonly string[];
};

export const setUpUp: SetUpCommand = (command, context) => {
  command
    .option('--judge <model>', 'language model that judges')
    .option('--judge-port <number>', 'its port', wholeNumber(1), 8085)
    .option('--embedder <model>', 'encoder')
    .option('--embedder-port <number>', 'its port', wholeNumber(1), 8086)
    .option('--policy <model>', 'model that answers')
    .option('--policy-port <number>', 'its port', wholeNumber(1), 8005)
    .option('--command <command>', 'program that serves, as `vllm` does', 'vllm')
    .option('--logs <folder>', 'folder of a log for each server', 'logs')
    .option('--timeout <seconds>', 'time until all must answer', wholeNumber(1), 1800)
    .option(
      '--vllm <word>',
      'further word for every server, e.g. --vllm=--dtype=float32; may be repeated',
      (word: string, before: readonly string[]) => [...before, word],
      [],
    )
    .action(async (options: Options) => {
      const models = modelsOf(options);
      if (models.length === 0) command.error('error: give --judge, --embedder or --policy');
      await up(models, options, context);
    });
};

function modelsOf(options: Options): ServedModel[] {
  const { judge, embedder, policy, vllm } = options;
  const served = (role: string, model: string | undefined, port: number, words: string[] = []) =>
    model === undefined ? [] : [{ role, model, port, words: [...words, ...vllm] }];
  return [
    ...served('judge', judge, options.judgePort),
    ...served('embedder', embedder, options.embedderPort, ['--runner', 'pooling']),
    ...served('policy', policy, options.policyPort, ['--generation-config', 'vllm']),
  ];
}

async function up(
  models: readonly ServedModel[],
  { command, logs, timeout }: Options,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const serving = await serveModels(models, {
    command,
    logs,
    deadlineMs: timeout * 1000,
    signal,
    clock: systemClock,
    onReady: ({ role, port }) => terminal.print(`${role}: http://127.0.0.1:${port}/v1`),
  });
  try {
    for (const { role, model, port } of models) {
      const place = role === 'policy' ? 'model' : `reward.${role}`;
      terminal.print(
        `${place}={kind: openai, url: "http://127.0.0.1:${port}/v1", model: ${model}}`,
      );
    }
    terminal.print('all servers answer; Ctrl-C ends them');
    const interrupted = new Promise<void>((resolve) => void onAbort(signal, resolve));
    await Promise.race([interrupted, serving.died]);
  } finally {
    await serving.stop();
  }
}
