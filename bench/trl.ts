/** The same iteration of W by TRL, where `MEDIX_TRL_PYTHON` names a Python that has it; test/parity/trl_workload.py. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const modes = ['fp32', 'bf16', 'compiled'] as const;

export type TrlFigures = Readonly<
  Record<(typeof modes)[number], { readonly seconds: number; readonly peakGiB: number }>
>;

/**
 * @param between is run before each mode, so that TRL and what it is compared with meet the same machine
 * @returns the fastest iteration of each mode; undefined where there is no TRL
 */
export async function benchTrl(between: () => Promise<void>): Promise<TrlFigures | undefined> {
  const python = process.env['MEDIX_TRL_PYTHON'];
  if (!python) return undefined;
  const figures: Partial<Record<(typeof modes)[number], TrlFigures['fp32']>> = {};
  for (const mode of modes) {
    await between();
    const { stdout } = await promisify(execFile)(
      python,
      ['test/parity/trl_workload.py', mode, '--iterations', '3'],
      { maxBuffer: 1 << 24 },
    );
    const { seconds, peakGiB } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      readonly seconds: readonly number[];
      readonly peakGiB: number;
    };
    figures[mode] = { seconds: Math.min(...seconds), peakGiB };
  }
  return figures as TrlFigures;
}
