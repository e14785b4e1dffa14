/**
 * Pictures of the page of `medix view` for docs/images/, from runs and evaluations of yours:
 *
 *   npx tsx test/e2e/view-screenshots.ts LINK NAME=PLACE…
 *
 * LINK is what `medix view` prints, PLACE an address of the page from `#` on, e.g. `view-run=#/runs/runs~quickstart`.
 * A NAME that ends in `-dark` or `-phone` is taken so.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { findChromium, launchChromium } from './chromium.ts';

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const [link = '', ...shots] = process.argv.slice(2);
const executablePath = await findChromium();
if (executablePath === undefined) throw new Error('no Chromium here');
await mkdir(folder, { recursive: true });
const browser = await launchChromium(executablePath);
for (const shot of shots) {
  const [name = '', place = ''] = shot.split(/=(.*)/s);
  const viewport = name.endsWith('-phone')
    ? { width: 380, height: 800 }
    : { width: 1280, height: 860 };
  const page = await browser.newPage({
    viewport,
    colorScheme: name.endsWith('-dark') ? 'dark' : 'light',
  });
  await page.goto(link);
  await page.goto(new URL(place, link.split('?')[0]).href);
  await page.getByRole('main').getByRole('heading').first().waitFor();
  await page.getByText('Reading …').waitFor({ state: 'detached' });
  await page.getByText('Still reading this run').waitFor({ state: 'detached', timeout: 120_000 });
  await page.waitForLoadState('networkidle', { timeout: 2_000 }).catch(() => undefined);
  const picture = sharp(await page.screenshot()).webp({ quality: 82 });
  const { size } = await picture.toFile(join(folder, `${name}.webp`));
  process.stdout.write(`${name}.webp ${Math.round(size / 1024)} kB\n`);
  await page.close();
}
await browser.close();
