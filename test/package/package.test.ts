/**
 * The package as its users get it: packed, installed into an empty project from the npm registry, run and
 * imported from there.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, describe, expect, it } from 'vitest';
import { parseMarkdown } from '../docs/markdown.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const project = await mkdtemp(join(tmpdir(), 'medix-package-'));
const medix = join(project, 'node_modules', 'medix-r1');
afterAll(() => rm(project, { recursive: true, force: true }));

/** What programs print shall not depend on the terminal of who tests. */
const { FORCE_COLOR: _, ...environment } = process.env;
const env = { ...environment, NO_COLOR: '1' };

async function run(command: string, args: readonly string[], cwd = project): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], { cwd, env });
  return stdout;
}

async function pack(): Promise<string> {
  await run('npm', ['pack', '--pack-destination', project], root);
  const name = (await readdir(project)).find((file) => file.endsWith('.tgz'));
  if (name === undefined) throw new Error('npm pack made no tarball');
  return join(project, name);
}

/** @returns why there is nothing to test; undefined once the package is installed. */
async function install(tarball: string): Promise<string | undefined> {
  const emptyProject = { name: 'user', private: true, type: 'module' };
  await writeFile(join(project, 'package.json'), JSON.stringify(emptyProject));
  try {
    await run('npm', ['install', '--ignore-scripts', '--prefer-offline', tarball]);
    return undefined;
  } catch (error) {
    const text = String(error);
    const isUnreachable = /ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ENETUNREACH/;
    if (!isUnreachable.test(text)) throw error;
    return `the npm registry cannot be reached: ${text}`;
  }
}

const reason = await install(await pack());
if (reason !== undefined) process.stderr.write(`the package is not tested: ${reason}\n`);

describe.skipIf(reason !== undefined)('the package in an empty project', () => {
  it('has a manifest as Node, bundlers and TypeScript expect it', async () => {
    const { messages, pkg } = await publint({ pkgDir: medix, pack: false });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it('brings no build tools', async () => {
    const lock = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8'));
    const names = Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ''));
    expect(names).toContain('onnxruntime-node');
    for (const tool of ['tsx', 'esbuild', 'typescript', 'hyparquet-writer', 'vitest']) {
      expect(names).not.toContain(tool);
    }
  });

  it('has its documents and recipes, and no sources or source maps', async () => {
    const files = await readdir(medix, { recursive: true });
    for (const file of ['README.md', 'LICENSE', 'docs/library.md', 'recipes/quickstart/sft.yaml']) {
      expect(files).toContain(file);
    }
    const sources = /(?<!\.d)\.ts$|\.map$|\.(test|fixture)\./;
    expect(files.filter((file) => sources.test(file))).toEqual([]);
  });

  it('lets its entries be imported, and nothing else', async () => {
    const { exports: entries } = JSON.parse(await readFile(join(medix, 'package.json'), 'utf8'));
    const names = Object.keys(entries).filter((entry) => !entry.endsWith('.json'));
    expect(names.length).toBeGreaterThanOrEqual(6);
    const imports = names.map((name) => `await import('${join('medix-r1', name)}')`);
    await run('node', ['--input-type=module', '--eval', imports.join(';')]);
    for (const deep of [
      'dist/parts/errors.js',
      'dist/library/reward.js',
      'library/reward',
      'core',
    ]) {
      await expect(run('node', ['--eval', `import('medix-r1/${deep}')`])).rejects.toThrow(
        'ERR_PACKAGE_PATH_NOT_EXPORTED',
      );
    }
  });

  it('runs the quickstart', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect((await run('npx', ['medix', '--version'])).trim()).toBe(version);
    await run('npx', ['medix', 'quickstart', '--minutes', '0.2', '--seed', '0']);
    const summary = await readFile(join(project, 'runs', 'quickstart', 'summary.json'), 'utf8');
    expect(JSON.parse(summary)).toBeTypeOf('object');
  });

  it('does what docs/library.md shows, to the letter', async () => {
    const { files, programs } = await writeExamples();
    const strict = ['--strict', '--module', 'nodenext', '--target', 'es2023'];
    await run(join(root, 'node_modules', '.bin', 'tsc'), [...strict, ...files]);
    expect(programs.length).toBeGreaterThan(5);
    for (const { file, output } of programs) {
      expect(await run('node', [file.replace(/\.ts$/, '.js')]), file).toBe(output);
    }
  });

  it('tells how to get ONNX Runtime where npm has left it out, once something needs it', async () => {
    await rm(join(project, 'node_modules', 'onnxruntime-node'), { recursive: true });
    expect(await run('npx', ['medix', 'eval', 'tasks'])).toContain('medqa');
    await expect(run('npx', ['medix', 'quickstart', '--minutes', '0.2'])).rejects.toThrow(
      /onnxruntime-node: expected the package .*; install MediX as before, now with --ignore-scripts/,
    );
  });
});

/** A block with a name is that file; any other of TypeScript is a program, followed by what it prints. */
async function writeExamples() {
  const text = await readFile(join(root, 'docs', 'library.md'), 'utf8');
  const { fences } = parseMarkdown('docs/library.md', text);
  const programs: { readonly file: string; readonly output: string }[] = [];
  const files: string[] = [];
  for (const [index, { language, name, text }] of fences.entries()) {
    if (name === undefined && language !== 'ts') continue;
    const file = name ?? `example-${index}.ts`;
    await writeFile(join(project, file), text);
    if (language === 'ts') files.push(file);
    if (name !== undefined) continue;
    const output = fences[index + 1];
    if (output?.language !== 'text') throw new Error(`an example without its output:\n${text}`);
    programs.push({ file, output: `${output.text}\n` });
  }
  return { files, programs };
}
