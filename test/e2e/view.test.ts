/** The page of `medix view` in a real Chromium, as its readers use it. */
import { execFile } from 'node:child_process';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  writeEvaluation,
  writeScansTask,
  writeStoredReport,
} from '../../src/eval/review/stored-evaluation.fixture.ts';
import { findChromium, launchChromium } from './chromium.ts';
import { medix, type Running, startMedix, temporaryFolder } from './medix.ts';
import { addIteration, startRun } from './view-runs.ts';

const hostile =
  '</div></script><script>window.pwned = 1</script><img src=x onerror="window.pwned = 2">\u0000\u001b[2J\u202e';

const folder = await temporaryFolder();
const runs = join(folder, 'runs');
const executablePath = await findChromium();
const none = 'no Chromium here: install one, or name it in the variable CHROMIUM';
if (executablePath === undefined) process.stderr.write(`view.test.ts skipped: ${none}\n`);

const startModel = fileURLToPath(new URL('../../assets/start-model', import.meta.url));
const smallTraining = [
  'data.train=phantoms',
  'data.trainCount=100000',
  'data.template=question',
  'rollout.promptsPerIteration=1',
  'rollout.groupSize=4',
  'rollout.maxCompletionTokens=16',
  'algorithm.maxSampleRounds=1',
  'checkpoint.every=10000',
];

/** A training on a busy machine takes its time. */
const patient = { interval: 100, timeout: 200_000 };

const grown = '#/runs/runs~grown';
const ended = '#/runs/runs~ended';

describe.skipIf(executablePath === undefined)(`the page of medix view (else: ${none})`, () => {
  let browser: Browser;
  let server: Running;
  let link: string;
  /** What the page's own console complained of. */
  const complaints: string[] = [];

  beforeAll(async () => {
    // As it ships: in this process, Vite would build what is for development.
    await promisify(execFile)('npm', ['run', 'build:web'], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, NODE_ENV: 'production' },
    });
    await writeRuns();
    const told = new Promise<string>((resolve, reject) => {
      server = startMedix(folder, ['view', 'runs', 'evals', '--port', '0', '--json'], (line) =>
        resolve((JSON.parse(line) as { link: string }).link),
      );
      server.outcome.then(({ stderr }) => reject(new Error(stderr)), reject);
    });
    browser = await launchChromium(executablePath ?? '');
    link = await told;
  });

  afterAll(async () => {
    await browser?.close();
    server?.kill('SIGTERM');
    await server?.outcome.catch(() => undefined);
  });

  async function open(place: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // An image that is not there is told by its place on the page.
      const isMissing = message.text().includes('404');
      if (message.type() === 'error' && !isMissing) complaints.push(message.text());
    });
    await page.goto(link);
    await page.goto(new URL(place, link.split('?')[0]).href);
    return page;
  }

  async function violations(page: Page): Promise<readonly string[]> {
    await page.evaluate(axe.source);
    const found = (await page.evaluate('axe.run()')) as {
      violations: readonly { id: string; nodes: readonly { html: string }[] }[];
    };
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  }

  it('follows a training while it lasts: curves move and groups appear', async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(patient.timeout);
    const failed: string[] = [];
    page.on('pageerror', (error) => failed.push(error.message));
    // As many iterations as it takes: it is stopped once enough was seen.
    const words = [`model=${startModel}`, 'out=live/run', 'iterations=10000', '--view'];
    let running: Running | undefined;
    const watched = await new Promise<string>((resolve, reject) => {
      running = startMedix(folder, ['train', ...words, ...smallTraining], (line) => {
        const [, found] = /^watch it at (\S+)/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
      running.outcome.then(({ stderr }) => reject(new Error(stderr)), reject);
    });
    try {
      const place = (hash: string) => new URL(hash, watched.split('?')[0]).href;
      await page.goto(watched);
      await page.goto(place('#/runs/live~run'));
      await page.getByText('● running').first().waitFor();
      const curve = page.getByRole('img', { name: /^reward\/mean\. .* at \d+$/ });
      const drawn = async () =>
        Number(/\d+$/.exec((await curve.getAttribute('aria-label')) ?? '')?.[0]);
      const seen = await drawn();
      await expect.poll(drawn, patient).toBeGreaterThan(seen);
      await page.goto(place('#/runs/live~run/groups'));
      const counted = page.getByText(/^[\d,]+ groups$/);
      const listed = async () =>
        Number.parseInt(((await counted.textContent()) ?? '').replaceAll(',', ''), 10);
      const there = await listed();
      await expect.poll(listed, patient).toBeGreaterThan(there);
      expect(failed).toEqual([]);
    } finally {
      await page.close();
      running?.kill('SIGINT');
      await running?.outcome;
    }
  });

  it('shows each new iteration of a growing run without being asked', async () => {
    const page = await open(grown);
    await page.getByText('iteration 3').first().waitFor();
    const curve = page.getByRole('img', { name: /^reward\/mean\./ });
    expect(await curve.getAttribute('aria-label')).toContain('at iteration 1, 0.450 at 3');
    const groups = await open(`${grown}/groups`);
    await groups.getByText('6 groups').waitFor();
    await addIteration(join(runs, 'grown'), 4);
    await page.getByText('iteration 4').first().waitFor();
    expect(await curve.getAttribute('aria-label')).toContain('0.500 at 4');
    await groups.getByText('8 groups').waitFor();
    await page.context().close();
    await groups.context().close();
  });

  it('says that a killed run is dead, shows what it did, and how to go on', async () => {
    const page = await open('#/runs/runs~killed');
    await page.getByText('This run is dead:').waitFor();
    await page
      .getByText(/medix train --resume/)
      .first()
      .waitFor();
    await page.getByRole('heading', { name: 'reward/mean', exact: true }).waitFor();
    await page.context().close();
  });

  it('finds a filter again by its address', async () => {
    const page = await open(`${ended}/groups`);
    await page.getByLabel('Text').fill('study 1');
    await page.getByText('4 groups').waitFor();
    expect(page.url()).toContain('text=study+1');
    const again = await open(new URL(page.url()).hash);
    await again.getByText('4 groups').waitFor();
    expect(await again.getByLabel('Text').inputValue()).toBe('study 1');
    await page.context().close();
    await again.context().close();
  });

  it('is read with the keyboard alone', async () => {
    const page = await open(`${grown}/groups`);
    await page
      .getByText(/study 0/)
      .first()
      .waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /Iteration \d+, group 1/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.getByLabel('Text').waitFor();
    await page.locator('[data-search]:focus').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys and marks' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.context().close();
  });

  it('keeps what a reader says of a completion', async () => {
    const place = `${grown}/groups/training/1/0`;
    const page = await open(place);
    const mark = page.getByRole('button', { name: 'judge is wrong' }).first();
    await mark.click();
    await page.getByRole('button', { name: 'judge is wrong', pressed: true }).waitFor();
    const again = await open(place);
    await again.getByRole('button', { name: 'judge is wrong', pressed: true }).waitFor();
    await page.context().close();
    await again.context().close();
  });

  it('compares two evaluations, flipped answers first', async () => {
    const page = await open('#/compare?a=evals~first&b=evals~second');
    await page.getByLabel('Significance of this slice').waitFor();
    const rows = page.getByRole('list', { name: /flipped first/ }).getByRole('listitem');
    await rows.first().getByText('better in B').waitFor();
    await page.getByLabel('Flipped', { exact: true }).selectOption('worse');
    await page.getByText('No question meets these filters.').waitFor();
    await page.context().close();
  });

  it('opens the answers about which two judgings differ', async () => {
    const page = await open('#/evaluations/evals~first');
    const row = page.getByRole('row', { name: /judge and other/ });
    await row.getByText('90.0 %').waitFor();
    await row.getByRole('link', { name: '1 answer' }).click();
    await page.getByText('1 sample', { exact: true }).waitFor();
    await page.getByText('judge 1.00 · other 0.00').waitFor();
    await page.context().close();
  });

  it('has no fault that axe finds, light and dark, and fits a phone', async () => {
    const page = await open('#/');
    for (const [place, sign] of await places()) {
      await page.goto(new URL(place, link.split('?')[0]).href);
      await page.getByText(sign).first().waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect.soft(await violations(page), `${place}, ${colorScheme}`).toEqual([]);
      }
      await page.setViewportSize({ width: 380, height: 780 });
      const excess = await page.evaluate(
        'document.documentElement.scrollWidth - window.innerWidth',
      );
      expect.soft(excess, place).toBeLessThanOrEqual(0);
      expect.soft(await violations(page), `${place}, on a phone`).toEqual([]);
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    await page.context().close();
  });

  it('runs nothing that stands in questions, answers and names', async () => {
    for (const place of ['groups', 'rollouts', 'cheating']) {
      const page = await open(`#/runs/runs~hostile/${place}`);
      await page.getByRole('heading', { name: 'hostile' }).waitFor();
      await page.getByText('Reading …').waitFor({ state: 'detached' });
      expect(await page.evaluate('window.pwned')).toBeUndefined();
      await page.context().close();
    }
    const page = await open('#/runs/runs~hostile/groups/training/1/0');
    await page.getByText('window.pwned').first().waitFor();
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    const shown = await page.evaluate('document.body.textContent');
    expect(shown).not.toMatch(/\p{Cc}(?<!\n|\t)|\u202e/u);
    await page.context().close();
  });

  it('opens from disk as a copy, which filters by itself', async () => {
    const out = join(folder, 'copy.html');
    const { code, stderr } = await medix(folder, 'view', 'runs', 'evals', '--export', out);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const page = await browser.newPage();
    const failed: string[] = [];
    page.on('pageerror', (error) => failed.push(error.message));
    await page.goto(`${pathToFileURL(out).href}${ended}/groups?text=study+1`);
    await page.getByText('4 groups').waitFor();
    await page
      .getByRole('link', { name: /study 1/ })
      .first()
      .click();
    await page.getByRole('article').first().waitFor();
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(failed).toEqual([]);
    await page.close();
  });

  it('compares evaluations in a copy as the server does, slice by slice', async () => {
    const compared = '#/compare?a=evals~first&b=evals~second';
    const lived = await open(`${compared}&text=scan+1`);
    const copied = await browser.newPage();
    await copied.goto(`${pathToFileURL(join(folder, 'copy.html')).href}${compared}`);
    const rows = copied.getByRole('list', { name: /flipped first/ }).getByRole('listitem');
    await rows.first().getByText('better in B').waitFor();
    await copied.getByLabel('Text').fill('scan 1');
    const told = async (page: Page) => {
      const section = page.getByLabel('Significance of this slice');
      await section.getByText('On these 2 questions').waitFor();
      return section.textContent();
    };
    expect(await told(copied)).toBe(await told(lived));
    await copied.getByLabel('Flipped', { exact: true }).selectOption('worse');
    await copied.getByText('No question meets these filters.').waitFor();
    const differing = '#/evaluations/evals~first?differ=judge%2Cother';
    await copied.goto(`${pathToFileURL(join(folder, 'copy.html')).href}${differing}`);
    await copied.getByText('1 sample', { exact: true }).waitFor();
    await copied.close();
    await lived.context().close();
  });

  it('let the console be quiet all the while', () => {
    expect(complaints).toEqual([]);
  });
});

/** Every page, with a text that is there once it is drawn. */
async function places(): Promise<readonly (readonly [string, string | RegExp])[]> {
  const [line = ''] = (
    await readFile(join(folder, 'evals', 'first', 'samples', 'scans.jsonl'), 'utf8')
  ).split('\n');
  const { id } = JSON.parse(line) as { id: string };
  return [
    ['#/', 'Evaluations'],
    [grown, 'reward/mean'],
    [`${grown}/groups`, /study 0/],
    [`${grown}/rollouts`, /^advantage [+−]/],
    [`${grown}/groups/training/1/0`, '4 completions'],
    [`${grown}/cheating`, 'What carries the advantage'],
    [`${grown}/config`, 'Run it again'],
    ['#/runs/runs~killed/events', 'facts'],
    ['#/evaluations/evals~first', /bright band/],
    [`#/evaluations/evals~first/samples/scans/${encodeURIComponent(id)}`, '1 answer'],
    ['#/compare?a=evals~first&b=evals~second', 'B − A, in points'],
  ];
}

async function writeRuns(): Promise<void> {
  await startRun(join(runs, 'grown'), 8);
  for (const iteration of [1, 2, 3]) await addIteration(join(runs, 'grown'), iteration);
  await startRun(join(runs, 'ended'), 4);
  for (const iteration of [1, 2, 3, 4]) await addIteration(join(runs, 'ended'), iteration);
  await startRun(join(runs, 'hostile'), 1);
  await addIteration(join(runs, 'hostile'), 1, {
    question: () => hostile,
    answer: () => hostile,
  });
  const killed = fileURLToPath(new URL('../fixtures/earlier-version/run/killed/', import.meta.url));
  await cp(killed, join(runs, 'killed'), { recursive: true });
  const taskFile = await writeScansTask(join(folder, 'task'), 6);
  const evaluation = async (name: string, isRight: (index: number) => boolean) => {
    const score = (index: number) => (index === 7 ? null : Number(isRight(index)));
    await writeEvaluation(join(folder, 'evals', name), {
      model: `org/${name}`,
      taskFile,
      answer: ({ index }) => (index === 5 ? undefined : `answer ${index} of ${name}`),
      score: ({ index }) => score(index),
      judgings: { other: ({ index }) => (index === 2 ? 0 : score(index)) },
    });
    await writeStoredReport(join(folder, 'evals', name), taskFile);
  };
  await evaluation('first', (index) => index % 2 === 0);
  await evaluation('second', (index) => index % 2 === 0 || index === 3);
}
