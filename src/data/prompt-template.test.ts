import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modalities } from '../core/modality.ts';
import type { Sample } from '../core/sample.ts';
import { openTemplate, renderMessages } from './prompt-template.ts';

const sampleWith = (imageCount: number, problem = ' What is seen? '): Sample => ({
  id: 'a',
  source: 'test',
  images: Array.from({ length: imageCount }, (_, i) => ({
    bytes: Uint8Array.of(i),
    name: `${i}.png`,
  })),
  problem,
  modality: 'X_RAY',
  referenceAnswer: 'opacity',
  accepted: [],
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-template-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function written(source: string): Promise<string> {
  const path = join(folder, 'user.jinja');
  await writeFile(path, source);
  return path;
}

describe('prompt templates', () => {
  it('put every image directly before the question, in order', async () => {
    const [message, ...others] = renderMessages(await openTemplate('medix-r1'), sampleWith(2));
    expect(others).toEqual([]);
    expect(message?.role).toBe('user');
    const [instruction, first, second, question] = message?.content ?? [];
    expect(instruction).toMatchObject({
      type: 'text',
      text: expect.stringMatching(/modality of the images[\s\S]*Question:\n$/),
    });
    expect([first, second]).toMatchObject([
      { type: 'image', image: { name: '0.png' } },
      { type: 'image', image: { name: '1.png' } },
    ]);
    expect(question).toEqual({ type: 'text', text: 'What is seen?' });
  });

  it('of medix-r1 name every modality tag', async () => {
    const text = JSON.stringify(renderMessages(await openTemplate('medix-r1'), sampleWith(1)));
    for (const modality of modalities) expect(text).toContain(`<${modality}>`);
  });

  it('show nothing of what the answer is scored by', async () => {
    const rubric = [{ criterion: 'Names the opacity', points: 1 }];
    const sample = { ...sampleWith(1), accepted: ['consolidation'], rubric };
    for (const name of ['medix-r1', 'brief', 'question']) {
      const text = JSON.stringify(renderMessages(await openTemplate(name), sample));
      expect(text).not.toMatch(/opacity|consolidation/);
    }
  });

  it('render a question without image as one text', async () => {
    const [message] = renderMessages(await openTemplate('brief'), sampleWith(0));
    expect(message?.content).toEqual([
      { type: 'text', text: expect.stringMatching(/^What is seen\?\nReply as/) },
    ]);
  });

  it('leave out empty texts, so that an image may come first', async () => {
    const [message] = renderMessages(await openTemplate('brief'), sampleWith(1));
    expect(message?.content.map(({ type }) => type)).toEqual(['image', 'text']);
  });

  it('never read a question as markup', async () => {
    const problem = '{{ modalities }} <img> $& {% raw %}';
    const [message] = renderMessages(await openTemplate('brief'), sampleWith(1, problem));
    const [, question] = message?.content ?? [];
    expect(question).toMatchObject({ text: expect.stringContaining(problem) });
  });

  it('put images where the question has its marks, and each of them once', async () => {
    const problem = '<image>\nCompare with <image>, please.';
    const brief = await openTemplate('brief');
    const [message] = renderMessages(brief, sampleWith(2, problem));
    expect(message?.content).toMatchObject([
      { type: 'image', image: { name: '0.png' } },
      { type: 'text', text: '\nCompare with ' },
      { type: 'image', image: { name: '1.png' } },
      { type: 'text', text: expect.stringMatching(/^, please\.\nReply as/) },
    ]);
    const twice = await openTemplate(await written('{{ problem }} Again: {{ problem }}'));
    const [again] = renderMessages(twice, sampleWith(1, 'See <image> here.'));
    expect(again?.content).toMatchObject([
      { type: 'text', text: 'See ' },
      { type: 'image' },
      { type: 'text', text: ' here. Again: See here.' },
    ]);
  });

  it('leave marks that are not as many as the images as text', async () => {
    for (const count of [0, 2]) {
      const [message] = renderMessages(
        await openTemplate('question'),
        sampleWith(count, 'a <image>'),
      );
      expect(message?.content.at(-1)).toEqual({ type: 'text', text: 'a <image>' });
    }
  });

  it('that would never end are an error of the template', async () => {
    const path = await written('{% for i in range(1000000000) %}x{% endfor %}{{ problem }}');
    await expect(openTemplate(path)).rejects.toThrow(/a range of more than/);
  });

  it('may be a file of the user', async () => {
    const path = await written('{{ imageCount }} of {{ modalities | length }}: {{ problem }}!');
    const [message] = renderMessages(await openTemplate(path), sampleWith(0));
    expect(message?.content).toEqual([{ type: 'text', text: '0 of 16: What is seen?!' }]);
  });

  it.each([
    ['a missing file', 'nowhere.jinja', /nowhere\.jinja: expected a Jinja file or one of medix-r1/],
  ])('reject %s', async (_, path, message) => {
    await expect(openTemplate(path)).rejects.toThrow(message);
  });

  it.each([
    ['broken Jinja', '{% if %} {{ problem }}'],
    ['a template without the question', 'Describe the image.'],
  ])('reject %s', async (_, source) => {
    await expect(openTemplate(await written(source))).rejects.toThrow(
      /expected a Jinja template that shows \{\{ problem \}\}/,
    );
  });
});
