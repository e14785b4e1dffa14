/**
 * Configs that `medix launch easyr1` makes, read by EasyR1's own config classes. MEDIX_EASYR1 names a checkout of
 * https://github.com/hiyouga/EasyR1, MEDIX_EASYR1_PYTHON a Python with omegaconf 2.3 (2.4 refuses a default of EasyR1
 * itself), numpy, PyYAML and codetiming.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { medix, temporaryFolder } from '../e2e/medix.ts';

const { MEDIX_EASYR1: checkout, MEDIX_EASYR1_PYTHON: python } = process.env;
const script = fileURLToPath(new URL('easyr1_config.py', import.meta.url));
const recipes = fileURLToPath(new URL('../../recipes/medix-r1/', import.meta.url));

describe.skipIf(checkout === undefined || python === undefined)(
  'a config for EasyR1 (else: MEDIX_EASYR1 and MEDIX_EASYR1_PYTHON name none)',
  async () => {
    const folder = await temporaryFolder();

    async function readByEasyR1(recipe: string) {
      const bundle = join(folder, recipe);
      const argv = ['launch', 'easyr1', '--dry-run', '--bundle', bundle];
      const made = await medix(folder, ...argv, join(recipes, `${recipe}.yaml`));
      expect(made).toMatchObject({ code: 0, stderr: '' });
      const { stdout } = await promisify(execFile)(python ?? '', [script, checkout ?? '', bundle]);
      return JSON.parse(stdout)[0];
    }

    it('is accepted for the 8B run, and says there what the recipe says', async () => {
      expect(await readByEasyR1('8b-dapo')).toMatchObject({
        data: { rollout_batch_size: 512, max_response_length: 4096 },
        algorithm: { adv_estimator: 'grpo', disable_kl: true, online_filtering: true },
        worker: {
          actor: {
            global_batch_size: 128,
            clip_ratio_low: 0.2,
            clip_ratio_high: 0.28,
            loss_avg_mode: 'token',
            optim: { lr: 1e-6 },
          },
          rollout: { n: 5 },
        },
      });
    });

    it.each(['2b-dapo', '8b-grpo', '7b-gspo', '30b-dapo'])('is accepted for %s', async (recipe) => {
      expect(await readByEasyR1(recipe)).toHaveProperty('worker.actor.model.model_path');
    });
  },
);
