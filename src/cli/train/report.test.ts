import { describe, expect, it } from 'vitest';
import { createTerminal } from '../terminal.ts';
import { terminalObserver } from './report.ts';

/** Lines of warnings, by the iteration after which they came. */
async function warningsOf(rewards: readonly (number | null)[], truncated = 0) {
  let output = '';
  const write = (text: string) => {
    output += text;
    return true;
  };
  const observer = terminalObserver(createTerminal({ isTTY: false, columns: 80, write }, () => 0));
  const warnings: Record<number, string> = {};
  for (const [index, reward] of rewards.entries()) {
    output = '';
    const values = { 'reward/mean': reward, 'rollout/truncated': truncated };
    await observer.iteration?.({ iteration: index + 1, iterations: rewards.length, values });
    const warning = output.split('\n').find((line) => line.startsWith('warning'));
    if (warning) warnings[index + 1] = warning;
  }
  return warnings;
}

const zeros = (count: number) => Array.from({ length: count }, () => 0);

describe('a training run whose reward stays 0', () => {
  it('says after ten iterations what to look at, once', async () => {
    expect(await warningsOf(zeros(30))).toEqual({
      10: expect.stringMatching(
        /no completion had a reward in the last 10 iterations.* Read a few/,
      ),
    });
  });

  it('names the length first where completions are cut off', async () => {
    expect((await warningsOf(zeros(10), 0.8))[10]).toMatch(
      /80 % of the completions are cut off: raise rollout\.maxCompletionTokens/,
    );
  });

  it('is told anew after it had a reward, and not where it has some now and then', async () => {
    expect(Object.keys(await warningsOf([...zeros(10), 0.1, ...zeros(10)]))).toEqual(['10', '21']);
    expect(await warningsOf([...zeros(9), 0.1, ...zeros(9), 0.1])).toEqual({});
    expect(await warningsOf(Array.from({ length: 20 }, () => null))).toEqual({});
  });
});
