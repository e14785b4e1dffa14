import { expect, it } from 'vitest';
import type { z } from 'zod';
import { readApiKeys } from '../../config/environment.ts';
import { evalConfigSchema } from '../../config/eval-config.ts';
import { type Prepared, prepareEvaluation, type Stages } from './prepare.ts';

const everything: Stages = { generates: true, judges: true };
const server = 'https://models.example/v1';
const ownServer = 'http://127.0.0.1:8000/v1';

function prepare(
  config: Partial<z.input<typeof evalConfigSchema>>,
  stages = everything,
): Promise<Prepared> {
  const model = { kind: 'openai', url: ownServer, model: 'm' } as const;
  const parsed = evalConfigSchema.parse({ model, tasks: ['medqa'], ...config });
  const readKeys = () =>
    readApiKeys(
      [
        {
          where: 'model.apiKeyEnv',
          variable: 'apiKeyEnv' in parsed.model ? parsed.model.apiKeyEnv : null,
        },
      ],
      {},
    );
  return prepareEvaluation(parsed, stages, readKeys, { hub: {}, cache: '' });
}

async function problemsOf(config: Parameters<typeof prepare>[0], stages?: Stages) {
  const error = await prepare(config, stages).catch((reason: Error) => reason);
  return error instanceof Error ? error.message.split('\n') : [];
}

it('finds all that is wrong with a config at once', async () => {
  const problems = await problemsOf({
    model: { kind: 'openai', url: server, model: 'm', apiKeyEnv: 'NO_SUCH_KEY' },
    tasks: ['slake_vqa', 'mimic_cxr_report_generation'],
    data: { slake: 'rows.jsonl' },
    template: 'no-such-template.jinja',
    judging: { votes: 3 },
  });
  expect(problems).toEqual([
    expect.stringMatching(/^model\.apiKeyEnv: expected an API key .* NO_SUCH_KEY/),
    expect.stringMatching(/^prompt template no-such-template\.jinja: /),
    expect.stringMatching(/^data\.slake: expected one of .*slake_vqa/),
    expect.stringMatching(/^task mimic_cxr_report_generation: expected a folder with its images/),
    expect.stringMatching(/^task slake_vqa: expected a folder with its images/),
    expect.stringMatching(
      /^task mimic_cxr_report_generation: expected no server that may keep credentialed data.* got the model at models\.example/,
    ),
    expect.stringMatching(/^judging\.votes: expected 1/),
  ]);
});

it('names every unknown task', async () => {
  expect(await problemsOf({ tasks: ['medqua', 'pubmed'] })).toEqual([
    expect.stringMatching(/^task medqua: expected one of /),
    expect.stringMatching(/^task pubmed: expected one of /),
  ]);
});

it('lets credentialed data go to servers with an agreement, and to this machine', async () => {
  const task = { tasks: ['mimic_cxr_report_summarization'] };
  const model = { kind: 'openai' as const, url: [ownServer, server], model: 'm' };
  expect(await problemsOf({ ...task, model })).toHaveLength(1);
  expect(await problemsOf({ ...task, model, zeroRetention: ['models.example'] })).toEqual([]);
  expect(await problemsOf(task)).toEqual([]);
});

it('asks of a stage only what it needs', async () => {
  const config = {
    tasks: ['mimic_cxr_report_summarization'],
    model: { kind: 'openai', url: server, model: 'm' } as const,
    judging: { judges: [{ kind: 'openai', url: 'https://judge.example/v1', model: 'j' } as const] },
  };
  const generates = await problemsOf(config, { generates: true, judges: false });
  expect(generates).toEqual([expect.stringContaining('the model at models.example')]);
  const judges = await problemsOf(config, { generates: false, judges: true });
  expect(judges).toEqual([expect.stringContaining('the judge at judge.example')]);
});

it('puts system message and template around the question, and tells them apart by digest', async () => {
  const plain = await prepare({});
  const spoken = await prepare({ systemPrompt: 'Be brief.', template: 'brief' });
  const sample = { images: [], problem: 'Which side?' };
  const [system, user] = spoken.render({ ...sample, ...rest });
  expect(system).toEqual({ role: 'system', content: [{ type: 'text', text: 'Be brief.' }] });
  expect(JSON.stringify(user)).toContain('Which side?');
  expect(plain.render({ ...sample, ...rest })).toHaveLength(1);
  expect(spoken.template.name).toBe('brief');
  expect(spoken.template.digest).not.toBe(plain.template.digest);
});

const rest = {
  id: 'a',
  source: 't',
  modality: 'OTHER',
  referenceAnswer: '',
  accepted: [],
} as const;
