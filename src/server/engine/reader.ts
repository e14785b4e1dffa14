/** One engine for weights that no live model has now: it loads whatever is sampled from. */
import type { CheckpointHandle, Engine } from '../../engine/engine.ts';

export type OpenModelEngine = (
  /** Width of the factors; 0 trains every weight. */
  spec: { readonly rank: number; readonly seed: number },
  signal: AbortSignal,
) => Promise<Engine>;

/** Weights on disk; undefined for those that every engine begins with. */
export type Stored =
  | { readonly rank: number; readonly handle: CheckpointHandle; readonly folder: string }
  | undefined;

export type WeightsReader = {
  /** @param key equal keys are equal weights */
  engineWith(key: string, stored: Stored): Promise<Engine>;
  close(): Promise<void>;
};

export function createReader(open: OpenModelEngine, signal: AbortSignal): WeightsReader {
  let held: { readonly engine: Engine; readonly rank: number; key: string } | undefined;
  const close = async () => {
    const before = held;
    held = undefined;
    await before?.engine.close();
  };
  return {
    close,
    engineWith: async (key, stored) => {
      if (held?.key === key) return held.engine;
      if (held === undefined || stored === undefined || stored.rank !== held.rank) {
        await close();
        const rank = stored?.rank ?? 0;
        held = { engine: await open({ rank, seed: 0 }, signal), rank, key: 'base' };
      }
      if (stored !== undefined) {
        // Whatever a failed load leaves behind is nobody's weights.
        held.key = '';
        await held.engine.load(stored.handle, stored.folder, 'weights');
      }
      held.key = key;
      return held.engine;
    },
  };
}
