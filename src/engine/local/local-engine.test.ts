import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyModelDirectory } from '../../model/tiny-model.fixture.ts';
import type { Engine } from '../engine.ts';
import { openLocalEngine } from './local-engine.ts';

describe('a checkpoint of the local engine', () => {
  let engine: Engine;
  let checkpoint: string;
  beforeAll(async () => {
    engine = await openLocalEngine(tinyModelDirectory);
    checkpoint = await mkdtemp(join(tmpdir(), 'medix-checkpoint-'));
    await engine.save(checkpoint);
  });
  afterAll(async () => {
    await engine.close();
    await rm(checkpoint, { recursive: true });
  });

  it.each([
    ['cut off', '{"steps"'],
    ['empty', ''],
    ['of another kind', '{"steps":-1}'],
  ])('whose state is %s is one clear error that names the file', async (_, text) => {
    await writeFile(join(checkpoint, 'engine.json'), text);
    await expect(engine.load(checkpoint)).rejects.toMatchObject({
      boundary: 'engine',
      problems: [
        {
          where: join(checkpoint, 'engine.json'),
          expected: 'the state of a local engine',
          next: 'resume from another checkpoint',
        },
      ],
    });
  });

  it('without a state is the same error', async () => {
    await rm(join(checkpoint, 'engine.json'));
    await expect(engine.load(checkpoint)).rejects.toThrow(
      /the state of a local engine, got ENOENT/,
    );
  });
});
