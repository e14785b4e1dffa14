import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChatModel, ChatRequest } from '../../chat/chat-model.ts';
import type { Clock } from '../../core/async/clock.ts';
import { MedixError } from '../../core/errors.ts';
import type { Message } from '../../core/message.ts';
import type { Sample } from '../../core/sample.ts';
import type { Engine, SampleRequest } from '../../engine/engine.ts';
import { createScriptedEngine } from '../../engine/scripted/scripted-engine.fixture.ts';
import type { Answer, Answerer, AnswerRequest } from './answerer.ts';
import { createChatAnswerer } from './chat.ts';
import { openFileAnswerer } from './file.ts';
import { createLocalAnswerer } from './local.ts';

const never = new AbortController().signal;
const idle: Clock = { now: () => 0, sleep: async () => {} };
const sampling = { temperature: 0, topP: 1, maxTokens: 3, seed: 1 };
const describeModel = { id: 'm', kind: 'local', digest: 'd' };

function requestOf(id: string, problem = 'Which side?', epoch = 0): AnswerRequest {
  const sample: Sample = {
    id,
    source: 'test',
    images: [],
    problem,
    modality: 'OTHER',
    referenceAnswer: 'left',
    accepted: [],
  };
  return { key: { sampleId: id, variant: 'original', epoch }, sample };
}

const render = ({ problem }: Pick<Sample, 'problem'>): Message[] => [
  { role: 'user', content: [{ type: 'text', text: problem }] },
];

async function* streamOf(requests: readonly AnswerRequest[], onTake: () => void = () => {}) {
  for (const request of requests) {
    onTake();
    yield request;
  }
}

async function answersTo(answerer: Answerer, requests: readonly AnswerRequest[]) {
  const answers: Answer<AnswerRequest>[] = [];
  for await (const one of answerer.answer(streamOf(requests), never)) answers.push(one);
  return new Map(answers.map(({ request, outcome }) => [request.key.sampleId, outcome]));
}

function chatModel(reply: ChatModel['reply']): ChatModel {
  return {
    describe: { id: 'm', kind: 'openai', digest: 'd' },
    reply,
    probe: async () => undefined,
    close: async () => {},
  };
}

describe('a chat model', () => {
  const model = chatModel(async ({ messages }) => {
    const text = JSON.stringify(messages);
    if (text.includes('slow')) return { kind: 'unscored', cause: 'timeout', message: 'no reply' };
    if (text.includes('gone')) return { kind: 'unscored', cause: 'cancelled', message: 'stopped' };
    const tokens = { prompt: 5, completion: 2 };
    return { kind: 'replied', text: 'left', stopReason: 'length', latencyMs: 7, tokens };
  });

  it('answers, fails and is cancelled, each on its own', async () => {
    const answerer = createChatAnswerer({ model, render, sampling, window: 2 });
    const requests = [requestOf('a'), requestOf('b', 'slow'), requestOf('c', 'gone')];
    const answers = await answersTo(answerer, requests);
    expect(answers.get('a')).toEqual({
      kind: 'answered',
      text: 'left',
      stopReason: 'length',
      latencyMs: 7,
      tokens: { prompt: 5, completion: 2 },
    });
    expect(answers.get('b')).toEqual({ kind: 'failed', cause: 'timeout', message: 'no reply' });
    expect(answers.get('c')).toEqual({ kind: 'cancelled' });
  });

  it('takes no more requests than its window', async () => {
    let taken = 0;
    let most = 0;
    let done = 0;
    const counting = chatModel(async () => {
      most = Math.max(most, taken - done);
      await new Promise((resolve) => setImmediate(resolve));
      done++;
      return { kind: 'replied', text: '', stopReason: 'stop', latencyMs: 0 };
    });
    const answerer = createChatAnswerer({ model: counting, render, sampling, window: 5 });
    const requests = Array.from({ length: 60 }, (_, n) => requestOf(`q${n}`));
    for await (const _ of answerer.answer(
      streamOf(requests, () => taken++),
      never,
    ));
    expect(done).toBe(60);
    expect(most).toBeLessThanOrEqual(6);
  });

  it('draws each answer with a seed of its own, the same in every run', async () => {
    const seeds: (number | undefined)[] = [];
    const seen = chatModel(async ({ seed }: ChatRequest) => {
      seeds.push(seed);
      return { kind: 'replied', text: '', stopReason: 'stop', latencyMs: 0 };
    });
    const warm = { ...sampling, temperature: 1 };
    const answerer = createChatAnswerer({ model: seen, render, sampling: warm, window: 1 });
    const requests = [requestOf('a', 'q', 0), requestOf('a', 'q', 1), requestOf('b', 'q', 0)];
    await answersTo(answerer, requests);
    await answersTo(answerer, requests.slice(1));
    expect(new Set(seeds.slice(0, 3)).size).toBe(3);
    expect(seeds.slice(3)).toEqual(seeds.slice(1, 3));
  });
});

describe('a model in this process', () => {
  const optionsOf = (engine: Engine, told: string[] = []) => ({
    engine,
    describe: describeModel,
    render,
    sampling,
    clock: idle,
    onWarning: (warning: string) => void told.push(warning),
  });

  it('answers as long as its context lasts, and says once that this is less than was asked for', async () => {
    // Greedy, and uniform at the start: it says "left" for ever.
    const engine = createScriptedEngine({ pieces: ['left', 'right'], contextLength: 40 });
    const told: string[] = [];
    const longer = { ...sampling, maxTokens: 4096 };
    const answerer = createLocalAnswerer({ ...optionsOf(engine, told), sampling: longer });
    const problems = ['x', 'x'.repeat(10), 'x'.repeat(20)];
    const lengths = problems.map((problem) => engine.model.processor.encode(render({ problem })));
    const prompts = (await Promise.all(lengths)).map(({ tokens }) => tokens.length);
    const answers = await answersTo(
      answerer,
      problems.map((problem, n) => requestOf(`${n}`, problem)),
    );
    for (const [n, prompt] of prompts.entries()) {
      expect(answers.get(`${n}`)).toMatchObject({
        kind: 'answered',
        stopReason: 'length',
        tokens: { prompt, completion: 40 - prompt },
      });
    }
    expect(told).toEqual([
      expect.stringMatching(
        /^the model's context of 40 tokens .* cut off at \d+ tokens, not at sampling\.maxTokens=4096/,
      ),
    ]);
    const short: string[] = [];
    await answersTo(createLocalAnswerer(optionsOf(engine, short)), [requestOf('a', 'x')]);
    expect(short).toEqual([]);
  });

  it('answers in batches; a prompt that does not fit fails on its own', async () => {
    const engine = createScriptedEngine({ pieces: ['left', 'right'], contextLength: 20 });
    const options = { ...optionsOf(engine), batch: 2 };
    const requests = ['a', 'b', 'long', 'c'].map((id) =>
      requestOf(id, id === 'long' ? 'x'.repeat(100) : id),
    );
    const answers = await answersTo(createLocalAnswerer(options), requests);
    expect(answers.get('long')).toMatchObject({
      kind: 'failed',
      cause: 'unusable-prompt',
      message: expect.stringMatching(/sample long: expected at most 19 tokens/),
    });
    for (const id of ['a', 'b', 'c']) {
      expect(answers.get(id)).toMatchObject({ kind: 'answered', latencyMs: 0 });
    }
  });

  it('answers a question alike whatever is asked beside it', async () => {
    const engine = createScriptedEngine({ pieces: ['a', 'b', 'c', 'd'] });
    const warm = { ...sampling, temperature: 1, maxTokens: 12 };
    const options = { ...optionsOf(engine), sampling: warm };
    const requests = ['x', 'y', 'z'].map((id) => requestOf(id));
    const together = await answersTo(createLocalAnswerer(options), requests);
    const alone = await answersTo(createLocalAnswerer(options), [requestOf('z')]);
    expect(alone.get('z')).toEqual(together.get('z'));
  });
});

describe('a model in this process that gives no number', () => {
  const scripted = createScriptedEngine({ pieces: ['left', 'right'] });
  const onWarning = () => {};
  const given = { describe: describeModel, render, sampling, clock: idle, onWarning };
  /** Prompts of the scripted engine are the codes of their characters. */
  const isBroken = ({ prompt }: SampleRequest) =>
    String.fromCharCode(...prompt.tokens).includes('NaN');
  const brokenBy = (boundary: 'engine' | 'run'): Engine => ({
    ...scripted,
    sample: async function* (requests, signal) {
      const sound = requests.findIndex(isBroken);
      yield* scripted.sample(sound < 0 ? requests : requests.slice(0, sound), signal);
      if (sound < 0) return;
      const problem = { where: 'm', expected: 'numbers', got: 'NaN', next: 'look' };
      throw new MedixError(boundary, [problem]);
    },
  });

  it('fails on the prompts where it does so, and answers the others', async () => {
    const engine = brokenBy('engine');
    const options = { ...given, engine, batch: 8 };
    const ids = ['a', 'b', 'NaN 1', 'c', 'NaN 2', 'd'];
    const answers = await answersTo(
      createLocalAnswerer(options),
      ids.map((id) => requestOf(id, id)),
    );
    const failed = {
      kind: 'failed',
      cause: 'engine',
      message: 'm: expected numbers, got NaN; look',
    };
    for (const id of ids) {
      if (id.startsWith('NaN')) expect(answers.get(id)).toEqual(failed);
      else expect(answers.get(id)).toMatchObject({ kind: 'answered' });
    }
  });

  it('is no excuse for errors of another kind', async () => {
    const engine = brokenBy('run');
    const options = { ...given, engine };
    const requests = ['a', 'NaN'].map((id) => requestOf(id, id));
    await expect(answersTo(createLocalAnswerer(options), requests)).rejects.toThrow(/got NaN/);
  });
});

describe('a file of answers', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'medix-answers-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function fileWith(...rows: readonly object[]): Promise<string> {
    const path = join(folder, 'answers.jsonl');
    await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return path;
  }

  it('answers by id, the n-th row of an id for the n-th epoch', async () => {
    const path = await fileWith(
      { id: 'b', response: 'right' },
      { id: 'a', response: 'left' },
      { id: 'a', response: 'both' },
    );
    const answerer = await openFileAnswerer(path, 'theirs', 2);
    expect(answerer.describe).toMatchObject({ id: 'theirs', kind: 'file' });
    const text = (text: string) => ({ kind: 'answered', text, stopReason: 'stop', latencyMs: 0 });
    const first = await answersTo(answerer, [requestOf('a'), requestOf('b'), requestOf('c')]);
    expect(first.get('a')).toEqual(text('left'));
    expect(first.get('b')).toEqual(text('right'));
    expect(first.get('c')).toMatchObject({ kind: 'failed', cause: 'missing' });
    expect((await answersTo(answerer, [requestOf('a', '', 1)])).get('a')).toEqual(text('both'));
    await answerer.close();
  });

  it('starts after a byte order mark, and passes over blank lines', async () => {
    const path = await fileWith({ id: 'a', response: 'left' }, { id: 'b', response: 'né' });
    await writeFile(path, `\uFEFF${(await readFile(path, 'utf8')).replaceAll('\n', '\r\n\n')}`);
    const answerer = await openFileAnswerer(path, 'theirs', 1);
    const answers = await answersTo(answerer, [requestOf('a'), requestOf('b')]);
    expect(answers.get('a')).toMatchObject({ text: 'left' });
    expect(answers.get('b')).toMatchObject({ text: 'né' });
    await answerer.close();
  });

  it('tells every row that is no answer by its line', async () => {
    const path = join(folder, 'answers.jsonl');
    const lines = [
      '{"id": "a", "response": "B"}',
      '{"id": "b", "response": null}',
      '{"id": "c", "answer": "B"}',
      '{"id": "d", "response": "B", "logprob": NaN}',
      '{"id": "e", "response": ["B"]}',
      '{"id": 5, "response": "B"}',
      '["f", "B"]',
      '{"id": "g", "response": "B',
      '{"id": "a", "response": "C"}',
      '{"id": "a", "response": "D"}',
    ];
    const latin = Buffer.from('{"id": "h", "response": "caf\xe9"}', 'latin1');
    await writeFile(path, Buffer.concat([Buffer.from(`${lines.join('\n')}\n`), latin]));
    const error = await openFileAnswerer(path, 'theirs', 2).catch((thrown: unknown) => thrown);
    if (!(error instanceof MedixError)) throw new Error('expected the file to be refused');
    expect(error.problems.map(({ where, got }) => [where.replace(path, ''), got])).toEqual([
      [': line 2', 'response is null, not text'],
      [': line 3', 'response is missing (it has id, answer)'],
      [': line 4', 'a line that is no JSON: NaN, which JSON does not have'],
      [': line 5', 'response is a list, not text'],
      [': line 6', 'id is the number 5, not text'],
      [': line 7', 'a line that is no JSON object but a list'],
      [': line 8', expect.stringMatching(/^a line that is no JSON: /)],
      [': line 10', 'answer 3 to "a", where sampling.epochs is 2'],
      [': line 11', 'a line that is not UTF-8 text'],
    ]);
  });

  it('shows the first problems of many', async () => {
    const path = await fileWith(...Array.from({ length: 50 }, () => ({ question: 'x' })));
    const refusal = openFileAnswerer(path, 'theirs', 1);
    await expect(refusal).rejects.toThrow(/got 50 such lines; these are the first/);
    await expect(refusal).rejects.not.toThrow(/line 21/);
  });

  it('refuses a file without rows', async () => {
    await expect(openFileAnswerer(await fileWith(), 'theirs', 1)).rejects.toThrow(
      /answers\.jsonl: expected JSONL rows \{"id": …, "response": …\}/,
    );
  });
});
