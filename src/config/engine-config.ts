/** Where the policy lives: which engine samples from it and trains it. */
import { z } from 'zod';
import { moduleField } from './sections.ts';

/** Schema of {@link EngineConfig}; its fields carry their own documentation. */
export const engineSection = z
  .discriminatedUnion(
    'kind',
    [
      z.strictObject({
        kind: z.literal('local').describe('in this process, by ONNX Runtime'),
      }),
      z.strictObject({
        kind: z.literal('module').describe('an engine of your own'),
        module: moduleField,
      }),
    ],
    { error: 'one of "local", "module"' },
  )
  .prefault({ kind: 'local' });
export type EngineConfig = z.output<typeof engineSection>;

/** For commands without a config. */
export const localEngine: EngineConfig = { kind: 'local' };
