/** Run directories as a training leaves them, written line by line, so that a test decides when they grow. */
import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { digestOfBytes } from '../../src/core/digest.ts';

const at = '2026-11-29T08:00:00.000Z';
const groupSize = 4;

export type RunText = {
  readonly question: (group: number) => string;
  readonly answer: (iteration: number, group: number, index: number) => string;
};

const plainText: RunText = {
  question: (group) => `Which side is the effusion on, study ${group}?`,
  answer: (iteration, group, index) =>
    (index + group) % 3 < 1 + (iteration % 2) ? 'the left side' : `the right side ${index}`,
};

/** A run of `iterations` to come, with none of them done. */
export async function startRun(folder: string, iterations: number): Promise<void> {
  await mkdir(join(folder, 'attempts'), { recursive: true });
  await mkdir(join(folder, 'rollouts'), { recursive: true });
  await mkdir(join(folder, 'images'), { recursive: true });
  const config = {
    model: 'a-model',
    out: folder,
    seed: 1,
    iterations,
    rollout: { groupSize, promptsPerIteration: 2, maxCompletionTokens: 40 },
    reward: { profile: 'medix-r1', judge: { kind: 'reference-match' } },
  };
  const manifest = { kind: 'train', createdAt: at, config, facts: { medix: '0.1.0' } };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const attempt = {
    attempt: 1,
    fromIteration: 0,
    pid: 999_999_999,
    processIdentity: randomUUID(),
    host: hostname(),
    startedAt: at,
    overrides: [],
    ended: { at, how: 'stopped' },
  };
  await writeFile(join(folder, 'attempts', '1.json'), JSON.stringify(attempt));
  await writeFile(join(folder, 'metrics.jsonl'), '');
  await writeFile(join(folder, 'events.jsonl'), '');
}

/** One more iteration of two groups. */
export async function addIteration(
  folder: string,
  iteration: number,
  text: RunText = plainText,
): Promise<void> {
  const image = await imageOf(folder);
  const rollouts = [0, 1].flatMap((group) =>
    Array.from({ length: groupSize }, (_, index) => {
      const answer = text.answer(iteration, group, index);
      const isRight = answer === 'the left side';
      const scored = (value: number) => ({ kind: 'scored', value, detail: answer });
      return {
        attempt: 1,
        iteration,
        key: `1/${iteration}/${group}/sample-${group}/${index}`,
        sampleId: `sample-${group}`,
        question: text.question(group),
        reference: 'the left side',
        modality: 'X_RAY',
        source: 'written by a test',
        images: [image],
        completion: `<X_RAY><thinking>I look</thinking><answer>${answer}</answer>`,
        completionTokens: 10 + index,
        stopReason: 'stop',
        logprob: -3.5,
        reward: isRight ? 1 : 0.145,
        components: {
          judge: scored(Number(isRight)),
          similarity: scored(isRight ? 1 : 0.2),
          format: scored(1),
        },
        advantage: isRight ? 0.9 : -0.4,
        use: 'trained',
      };
    }),
  );
  const name = `${String(iteration).padStart(6, '0')}.jsonl`;
  await writeFile(join(folder, 'rollouts', name), rollouts.map(line).join(''));
  const values = {
    'reward/mean': 0.3 + iteration * 0.05,
    'reward/judge/mean': 0.25 + iteration * 0.04,
    'rollout/completionTokens': 12 - iteration * 0.1,
  };
  await appendFile(join(folder, 'metrics.jsonl'), line({ attempt: 1, iteration, at, values }));
}

async function imageOf(folder: string): Promise<string> {
  const pixels = Buffer.alloc(32 * 32, 90);
  const bytes = await sharp(pixels, { raw: { width: 32, height: 32, channels: 1 } })
    .png()
    .toBuffer();
  const name = `${digestOfBytes(bytes)}.png`;
  await writeFile(join(folder, 'images', name), bytes);
  return name;
}

const line = (value: object) => `${JSON.stringify(value)}\n`;
