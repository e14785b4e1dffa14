/** The pages of reports in a real Chromium: under their own policy nothing fails, and nothing of others runs. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VerdictRow } from '../../src/eval/results/records.ts';
import {
  writeEvaluation,
  writeScansTask,
} from '../../src/eval/review/stored-evaluation.fixture.ts';
import { findChromium, launchChromium } from './chromium.ts';
import { medix, temporaryFolder } from './medix.ts';

const hostile =
  '</div></title></svg><script>window.pwned = 1</script><img src=x onerror="window.pwned = 2">';

const folder = await temporaryFolder();
const executablePath = await findChromium();
const none = 'no Chromium here: install one, or name it in the variable CHROMIUM';
if (executablePath === undefined)
  process.stderr.write(`eval-report-page.test.ts skipped: ${none}\n`);

/** Results of a hostile model and a hostile judge, whose votes are split. */
async function writeResults(name: string, right: (index: number) => boolean): Promise<string> {
  const results = join(folder, name);
  await writeEvaluation(results, {
    model: `org/${hostile}`,
    taskFile: join(folder, 'task', 'scans.yaml'),
    answer: ({ index }) => `${hostile} ${name} ${index}`,
    score: ({ index }) => Number(right(index)),
  });
  const manifest = join(results, 'manifest.json');
  const record = JSON.parse(await readFile(manifest, 'utf8')) as { config: object };
  const model = { kind: 'file', path: 'none', name: `org/${hostile}` };
  record.config = { ...record.config, out: results, model };
  await writeFile(manifest, JSON.stringify(record));
  const path = join(results, 'judgings', 'judge', 'scans.jsonl');
  const votes = [0, 1].map((score) => ({
    judge: hostile,
    outcome: { kind: 'judged', score, reply: hostile },
  }));
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  const rows = lines.map((line) => ({ ...(JSON.parse(line) as VerdictRow), votes }));
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return results;
}

describe.skipIf(executablePath === undefined)(`pages of reports (else: ${none})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    await writeScansTask(join(folder, 'task'), 4);
    browser = await launchChromium(executablePath ?? '');
  });
  afterAll(() => browser.close());

  /** Complaints of the browser, and whether anything of others ran. */
  async function open(path: string) {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('requestfailed', (request) => complaints.push(request.url()));
    await page.goto(pathToFileURL(path).href);
    await page.evaluate('document.fonts.ready');
    const pwned = await page.evaluate('window.pwned');
    return { page, complaints, pwned };
  }

  it('an evaluation’s page loads without complaint and shows its images', async () => {
    const results = await writeResults('one', (index) => index % 2 === 0);
    const scored = await medix(folder, 'eval', 'score', '--resume', results);
    expect(scored).toMatchObject({ code: 0 });
    const { page, complaints, pwned } = await open(join(results, 'report.html'));
    expect({ complaints, pwned }).toEqual({ complaints: [], pwned: undefined });
    expect(await page.locator('article.case').count()).toBe(8);
    const widths =
      'Array.from(document.images, (image) => image.decode().then(() => image.naturalWidth))';
    expect(await page.evaluate(`Promise.all(${widths})`)).toEqual(
      Array.from({ length: 8 }, () => 320),
    );
    const style = 'getComputedStyle(document.querySelector(".case")).borderTopStyle';
    expect(await page.evaluate(style)).toBe('solid');
  });

  it('a comparison’s page loads without complaint and draws its differences', async () => {
    const [one, two] = await Promise.all([
      writeResults('weak', (index) => index < 2),
      writeResults('strong', (index) => index < 7),
    ]);
    const out = join(folder, 'comparison');
    const compared = await medix(folder, 'eval', 'compare', one, two, '--out', out);
    expect(compared).toMatchObject({ code: 0 });
    const { page, complaints, pwned } = await open(join(out, 'comparison.html'));
    expect({ complaints, pwned }).toEqual({ complaints: [], pwned: undefined });
    expect(await page.locator('svg circle').count()).toBe(2);
  });
});
