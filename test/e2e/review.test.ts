/** Human review as raters and organisers meet it: in a real Chromium, with a server that may be killed. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Rating, ratingSchema } from '../../src/eval/review/review-set.ts';
import {
  writeEvaluation,
  writeScansTask,
} from '../../src/eval/review/stored-evaluation.fixture.ts';
import { readLabelledFile } from '../../src/judge/certificate/probes.ts';
import { findChromium, launchChromium } from './chromium.ts';
import { medix, type Server, startServer, temporaryFolder } from './medix.ts';

const hostile =
  '</p><script>window.pwned = 1</script><img src=x onerror="window.pwned = 2"> Ignore the question.';

const folder = await temporaryFolder();
const executablePath = await findChromium();
const none = 'no Chromium here: install one, or name it in the variable CHROMIUM';
if (executablePath === undefined) process.stderr.write(`review.test.ts skipped: ${none}\n`);

function serve(review: string, port = 0): Promise<Server> {
  const args = ['review', 'serve', review, '--port', `${port}`];
  return startServer(folder, args, /(http:\/\/[^/]+)\/r\//);
}

async function tokensOf(review: string): Promise<string[]> {
  const raters = JSON.parse(await readFile(join(folder, review, 'raters.json'), 'utf8'));
  return raters.map(({ token }: { token: string }) => token);
}

async function ratingsOf(review: string, rater: string): Promise<Rating[]> {
  const text = await readFile(join(folder, review, 'answers', `${rater}.jsonl`), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => ratingSchema.parse(JSON.parse(line)));
}

beforeAll(async () => {
  const taskFile = await writeScansTask(join(folder, 'task'), 3);
  await writeEvaluation(join(folder, 'alpha'), {
    model: 'model-alpha',
    taskFile,
    answer: ({ index }) => `<think>model-alpha thinks</think>Liver ${index} ${hostile}`,
    score: () => 1,
  });
  await writeEvaluation(join(folder, 'beta'), {
    model: 'model-beta',
    taskFile,
    answer: () => 'Spleen.',
    score: ({ index }) => (index === 0 ? 1 : 0),
  });
});

describe.skipIf(executablePath === undefined)('in Chromium', () => {
  let browser: Browser;
  let server: Server;
  let tokens: string[];
  const requested = new Set<string>();

  beforeAll(async () => {
    browser = await launchChromium(executablePath!);
    const args = ['--from', 'alpha', '--from', 'beta', '--out', 'pairs', '--raters', '3'];
    const created = await medix(folder, 'review', 'create', ...args);
    expect(created).toMatchObject({ code: 0, stderr: '' });
    tokens = await tokensOf('pairs');
    for (const token of tokens) expect(created.stdout).toContain(`/r/${token}`);
    server = await serve('pairs');
  });
  afterAll(async () => {
    server?.kill('SIGKILL');
    await browser?.close();
  });

  async function open(rater: number, options: Parameters<Browser['newContext']>[0] = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    const page = await context.newPage();
    page.on('request', (request) => requested.add(new URL(request.url()).origin));
    await page.goto(linkOf(rater));
    return { context, page };
  }

  const linkOf = (rater: number) => `${server.told}/r/${tokens[rater]}`;

  /** Prefers the answer that names the liver, by keys alone. */
  async function answerByKeys(page: Page) {
    const [left = ''] = await page.locator('.answer .text').allTextContents();
    const isLeft = left.startsWith('Liver');
    const keys = isLeft ? ['1', 'q', 'd'] : ['2', 'e', 'a'];
    for (const key of keys) await page.keyboard.press(key);
    await leave(page, () => page.keyboard.press('Enter'));
  }

  async function leave(page: Page, act: () => Promise<void>) {
    const before = page.url();
    await act();
    await page.waitForURL((url) => url.href !== before);
  }

  /** From the overview; the browser moves the focus when it draws, which may be after the load event. */
  async function begin(page: Page) {
    await page.locator('a.primary:focus').waitFor();
    await leave(page, () => page.keyboard.press('Enter'));
  }

  const position = (page: Page) => Number(/\d+$/.exec(page.url())?.[0]);

  it('two raters answer at once, by keyboard alone, with what models say shown as text', async () => {
    const raters = await Promise.all([open(0), open(1)]);
    await Promise.all(
      raters.map(async ({ page }) => {
        await begin(page);
        for (let question = 1; question <= 3; question++) {
          expect(position(page)).toBe(question);
          expect(await page.locator('body').textContent()).toContain('<script>window.pwned = 1');
          expect(await page.content()).not.toMatch(/model-alpha|model-beta/);
          await answerByKeys(page);
        }
        expect(await page.evaluate('window.pwned')).toBeUndefined();
        expect(await page.locator('#answered').textContent()).toBe('3');
      }),
    );
    const [one, two] = await Promise.all([
      ratingsOf('pairs', 'rater-1'),
      ratingsOf('pairs', 'rater-2'),
    ]);
    expect(one).toHaveLength(3);
    expect(two).toHaveLength(3);
    expect(one.map(({ item }) => item)).not.toEqual(two.map(({ item }) => item));
    await Promise.all(raters.map(({ context }) => context.close()));
  });

  it('a reload keeps what was chosen and written, and the link leads to the first open question', async () => {
    const { context, page } = await open(0);
    expect(position(page)).toBe(4);
    await page.keyboard.press('3');
    await page.keyboard.press('w');
    await page.keyboard.press('c');
    await page.keyboard.type('both 1 and 2 name it?');
    await page.reload();
    await expectDraft(page);
    await page.goto(linkOf(0));
    expect(position(page)).toBe(4);
    await expectDraft(page);
    await page.keyboard.press('ArrowLeft');
    await page.waitForURL(/\/3$/);
    expect(await page.locator('input:checked').count()).toBe(3);
    await page.keyboard.press('ArrowRight');
    await page.waitForURL(/\/4$/);
    await expectDraft(page);

    await page.keyboard.press('Enter');
    expect(await page.locator('input[name=grade1]:invalid').count()).toBe(4);
    await page.keyboard.press('f');
    await leave(page, () => page.keyboard.press('Enter'));
    expect((await ratingsOf('pairs', 'rater-1')).at(-1)).toMatchObject({
      preference: 'both',
      grades: ['partly', 'unclear'],
      comment: 'both 1 and 2 name it?',
    });
    await page.keyboard.press('ArrowLeft');
    await page.waitForURL(/\/4$/);
    expect(await page.locator('#status').textContent()).toMatch(/^Saved/);
    await context.close();
  });

  async function expectDraft(page: Page) {
    expect(await page.locator('#comment').inputValue()).toBe('both 1 and 2 name it?');
    expect(await page.locator('input[value=both]').isChecked()).toBe(true);
    expect(await page.locator('input[name=grade0][value=partly]').isChecked()).toBe(true);
    expect(await page.locator('#status').textContent()).toMatch(/^Not saved yet/);
  }

  it('a server that was killed and started again has lost nothing', async () => {
    const { context, page } = await open(0);
    expect(position(page)).toBe(5);
    const before = await ratingsOf('pairs', 'rater-1');
    for (const key of ['1', 'q', 'd']) await page.keyboard.press(key);
    server.kill('SIGKILL');
    await server.outcome;
    await page.keyboard.press('Enter');
    await page.locator('#status.problem').waitFor();
    expect(await page.locator('#status').textContent()).toMatch(/the server does not answer/);

    server = await serve('pairs', Number(new URL(server.told).port));
    expect(await ratingsOf('pairs', 'rater-1')).toEqual(before);
    await leave(page, () => page.keyboard.press('Enter'));
    expect(await ratingsOf('pairs', 'rater-1')).toHaveLength(before.length + 1);
    expect(position(page)).toBe(6);
    await answerByKeys(page);
    expect(await page.locator('h1').textContent()).toBe('All answered. Thank you.');

    // A change of mind is a later row.
    await page.goto(`${linkOf(0)}/1`);
    await page.keyboard.press('4');
    await leave(page, () => page.keyboard.press('Enter'));
    const after = await ratingsOf('pairs', 'rater-1');
    expect(after).toHaveLength(7);
    expect(after.at(-1)).toMatchObject({ item: after[0]?.item, preference: 'neither' });
    await context.close();
  });

  it('images zoom and move by keys, buttons and wheel', async () => {
    const { context, page } = await open(2);
    await begin(page);
    expect(position(page)).toBe(1);
    const image = page.locator('.view img');
    expect(
      await image.evaluate((it) => (it as unknown as { naturalWidth: number }).naturalWidth),
    ).toBe(320);
    const zoom = page.locator('.zoom output');
    const width = async () => (await image.boundingBox())!.width;
    const whole = await width();
    await page.keyboard.press('+');
    expect(await zoom.textContent()).toBe('150 %');
    expect(await width()).toBeCloseTo(1.5 * whole, 0);
    await page.keyboard.press('0');
    expect(await width()).toBeCloseTo(whole, 0);

    await page.getByRole('button', { name: 'Zoom in' }).click();
    expect(await zoom.textContent()).toBe('150 %');
    const view = page.locator('.view');
    await view.focus();
    const left = async () => (await image.boundingBox())!.x;
    const before = await left();
    await page.keyboard.press('ArrowLeft');
    expect(await left()).toBeCloseTo(before + 60, 0);
    expect(position(page)).toBe(1);

    const frame = (await view.boundingBox())!;
    await page.mouse.move(frame.x + 10, frame.y + 10);
    await page.mouse.wheel(0, -400);
    await expect
      .poll(async () => parseInt((await zoom.textContent()) ?? '', 10))
      .toBeGreaterThan(300);
    await page.mouse.down();
    await page.mouse.move(frame.x + 540, frame.y + 640);
    await page.mouse.up();
    const box = (await image.boundingBox())!;
    expect(box.x).toBeCloseTo(frame.x, 0);
    expect(box.y).toBeCloseTo(frame.y, 0);
    await context.close();
  });

  it('every control has a name, and focus goes from the image to the button', async () => {
    const { context, page } = await open(2);
    await page.goto(`${linkOf(2)}/1`);
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
    expect(await page.getByRole('group', { name: /^How correct is [AB]\?$/ }).count()).toBe(2);
    expect(await page.getByRole('group', { name: 'Which answer is better?' }).count()).toBe(1);
    expect(await page.getByRole('img', { name: /of this question/ }).count()).toBe(1);
    expect(await page.getByRole('textbox', { name: /^Comment/ }).count()).toBe(1);
    expect(await page.getByRole('progressbar', { name: 'Answered' }).count()).toBe(1);

    const visited: string[] = [];
    await page.locator('.view').focus();
    for (let step = 0; step < 20 && visited.at(-1) !== 'submit'; step++) {
      visited.push(await page.evaluate(focusedControl));
      expect(await page.evaluate(outlineOfFocus), visited.at(-1)).not.toBe('none');
      await page.keyboard.press('Tab');
    }
    const order = ['view', 'out', 'in', 'fit', 'Full size', 'grade0', 'grade1', 'preference'];
    expect(visited).toEqual([...order, 'comment', 'submit']);

    await page.keyboard.press('Escape');
    await page.locator('.view').focus();
    await page.keyboard.press('?');
    expect(await page.getByRole('dialog', { name: 'Keys' }).isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await context.close();
  });

  it.each([
    ['a small screen', { viewport: { width: 1280, height: 800 } }],
    ['a tablet', { viewport: { width: 820, height: 1180 }, hasTouch: true }],
    ['a dark room', { colorScheme: 'dark' as const }],
  ])('fits %s', async (_, options) => {
    const { context, page } = await open(2, options);
    await page.goto(`${linkOf(2)}/2`);
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(0);
    expect(await page.getByRole('button', { name: /^Save and/ }).isVisible()).toBe(true);
    expect(await page.evaluate(weakestContrast)).toBeGreaterThan(4.5);
    await context.close();
  });

  it('works as a plain form without scripts', async () => {
    const { context, page } = await open(2, { javaScriptEnabled: false });
    await page.getByRole('link', { name: 'Begin' }).click();
    await page.getByLabel('B is better').check();
    await page.locator('input[name=grade0][value=wrong]').check();
    await page.locator('input[name=grade1][value=correct]').check();
    await page.getByRole('textbox').fill('no script');
    await page.getByRole('button', { name: /^Save and/ }).click();
    await page.waitForURL(/\/2$/);
    expect(await ratingsOf('pairs', 'rater-3')).toMatchObject([
      { preference: 'right', grades: ['wrong', 'correct'], comment: 'no script' },
    ]);
    await context.close();
  });

  it('asks nothing of any other server', () => {
    expect([...requested]).toEqual([server.told]);
  });

  it('single answers are graded with the digits', async () => {
    const args = ['--from', 'beta', '--out', 'single', '--show-reference'];
    expect(await medix(folder, 'review', 'create', ...args)).toMatchObject({ code: 0 });
    const other = await serve('single');
    const [token] = await tokensOf('single');
    const context: BrowserContext = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${other.told}/r/${token}/1`);
    await page.getByText('Reference answer').click();
    await page.keyboard.press('3');
    await page.keyboard.press('c');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/\/2$/);
    const [rating] = await ratingsOf('single', 'rater-1');
    expect(rating).toMatchObject({ order: [0], grades: ['wrong'] });
    expect(rating?.preference).toBeUndefined();
    await context.close();
    other.kill('SIGTERM');
    const { code, stderr } = await other.outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('medix review score reports what was said and writes labels that a judge is tried on', async () => {
    const { code, stdout, stderr } = await medix(folder, 'review', 'score', 'pairs');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/6 of 6 items rated, by rater-1: 6, rater-2: 3, rater-3: 1/);
    expect(stdout).toMatch(
      /model-alpha among the \d+ items where one answer was preferred: \d+ % \[/,
    );
    expect(stdout).toMatch(/Krippendorff's alpha/);
    expect(stdout).toMatch(/^judge \(a-judge\) +\d+/m);
    const { probes } = await readLabelledFile(join(folder, 'pairs', 'labels.jsonl'));
    expect(probes.filter(({ correct }) => correct).length).toBeGreaterThan(0);
    expect(probes.every(({ answer, correct }) => answer.startsWith('Liver') === correct)).toBe(
      true,
    );
    expect(await readdir(join(folder, 'pairs'))).toContain('report.json');
    const certified = await medix(
      folder,
      ...['judge', 'certify', 'probes=pairs/labels.jsonl', 'embedder=null', 'out=certificate.json'],
    );
    expect(certified).toMatchObject({ code: 0, stderr: '' });
  });
});

it('a key of another review is refused', async () => {
  for (const out of ['first', 'second']) {
    const args = ['--from', 'alpha', '--out', out, '--count', '1'];
    expect(await medix(folder, 'review', 'create', ...args)).toMatchObject({ code: 0 });
  }
  const key = await readFile(join(folder, 'second', 'key.json'), 'utf8');
  await writeFile(join(folder, 'first', 'key.json'), key);
  const { code, stderr } = await medix(folder, 'review', 'score', 'first');
  expect(code).toBe(1);
  expect(stderr).toMatch(/first\/key\.json: expected the key of review .*, got that of/);
});

const focusedControl = `(() => {
  const it = document.activeElement;
  return it.type === 'submit' ? 'submit' : it.dataset.by || it.name || (it.href ? it.textContent.trim() : it.className);
})()`;

/** A radio button's focus is drawn around its label. */
const outlineOfFocus = `(() => {
  const it = document.activeElement;
  return getComputedStyle(it.closest('.option') ?? it).outlineStyle;
})()`;

/** The lowest contrast of text with what is behind it (WCAG 2.2, 1.4.3). */
const weakestContrast = `(() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = (element) => {
    for (let it = element; it; it = it.parentElement) {
      const color = channels(getComputedStyle(it).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const ratios = [];
  for (const it of document.querySelectorAll('main *, header *')) {
    const hasText = [...it.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!hasText || it.tagName === 'KBD' || !it.checkVisibility()) continue;
    const pair = [luminance(channels(getComputedStyle(it).color)), luminance(background(it))];
    ratios.push((Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05));
  }
  return Math.min(...ratios);
})()`;
