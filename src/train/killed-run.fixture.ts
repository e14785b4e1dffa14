/** Test support: a process that trains on the toy task until it is done or killed. */
import { RunWriter } from '../run/run-writer.ts';
import { longToyConfig, toyTraining } from './loop.fixture.ts';
import { train } from './loop.ts';

const directory = process.argv[2] ?? '';
const run = await RunWriter.create(
  directory,
  { kind: 'train', config: {}, facts: {} },
  [],
  () => 0,
);
await train(
  toyTraining(run, {
    config: longToyConfig,
    observers: [
      {
        name: 'test',
        event: (_, { kind }) => void process.stdout.write(`${kind}\n`),
        iteration: () => void process.stdout.write('iteration\n'),
      },
    ],
  }),
  new AbortController().signal,
);
