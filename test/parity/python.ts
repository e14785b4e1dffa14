/** The Python with the original libraries, as CONTRIBUTING.md says how to make it. */
import { spawnSync } from 'node:child_process';

export const python = '/opt/parity-venv/bin/python';

/** False without that Python, and where its packages were not all installed. */
export const hasTransformers =
  spawnSync(python, ['-c', 'import torch, transformers, peft']).status === 0;
