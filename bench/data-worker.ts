/** Opens a data set as training does and draws from it; tells in one line of JSON what that took. */
import { openSampleSet } from '../src/data/open-sample-set.ts';
import { createSampleOrder } from '../src/train/sample-order.ts';
import type { DataFigures } from './data.ts';
import { seconds } from './timing.ts';

const draws = 2000;

async function main(path: string): Promise<DataFigures> {
  const [openSeconds, set] = await seconds(() => openSampleSet(path, { textOnly: true }));
  const rowOf = createSampleOrder(set, 1);
  const [drawSeconds] = await seconds(async () => {
    for (let draw = 0; draw < draws; draw++) {
      const { id } = await set.at(rowOf(draw));
      if (id !== `row ${rowOf(draw)}`) throw new Error(`draw ${draw}: ${id}`);
    }
  });
  return {
    rows: set.size,
    rowsPerSecond: set.size / openSeconds,
    secondsPerDraw: drawSeconds / draws,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}

console.log(JSON.stringify(await main(process.argv[2] ?? '')));
