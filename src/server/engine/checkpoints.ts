/** Saved weights by their `tinker://` names, each a folder that appears whole. */
import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { entriesBelow, entriesOf, foundAt, lengthOf, readText } from '../../core/files.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { readingAs } from '../../core/reading.ts';
import { unfinishedPrefix } from '../../core/write-aside.ts';
import type { CheckpointHandle } from '../../engine/engine.ts';
import { Refusal } from './refusal.ts';

type CheckpointKind = 'weights' | 'sampler_weights';

const recordSchema = z.object({
  model: z.string(),
  kind: z.enum(['weights', 'sampler_weights']),
  name: z.string(),
  /** Request that saved it. */
  seq: z.int(),
  base: z.string(),
  rank: z.int(),
  time: z.string(),
  handle: z.looseObject({ engine: z.string() }),
});
export type CheckpointRecord = z.output<typeof recordSchema>;

export type Checkpoint = CheckpointRecord & { readonly folder: string; readonly bytes: number };

const recordFile = 'checkpoint.json';

export function tinkerPath({
  model,
  kind,
  name,
}: Pick<CheckpointRecord, 'model' | 'kind' | 'name'>) {
  return `tinker://${model}/${kind}/${name}`;
}

/** Model ids have colons, which some file systems do not take. */
export function folderName(model: string): string {
  return model.replaceAll(':', '.');
}

export type Checkpoints = {
  /** @throws Refusal 404 where there is none of that name */
  find(path: string): Promise<Checkpoint>;
  list(model?: string): Promise<readonly Checkpoint[]>;
  /**
   * A request that is done again after a crash finds what it saved.
   * @throws Refusal 409 where another request saved under that name, unless it may be written over
   */
  save(
    record: Omit<CheckpointRecord, 'handle'>,
    mayReplace: boolean,
    write: (folder: string) => Promise<CheckpointHandle>,
  ): Promise<string>;
  remove(path: string): Promise<void>;
};

const pathPattern = /^tinker:\/\/([\w:-]+)\/(weights|sampler_weights)\/(\w[\w.-]{0,127})$/;

export function openCheckpoints(root: string): Checkpoints {
  const folderOf = ({ model, kind, name }: Pick<CheckpointRecord, 'model' | 'kind' | 'name'>) =>
    join(root, folderName(model), kind, name);
  const read = async (folder: string): Promise<Checkpoint> => {
    const path = join(folder, recordFile);
    const record = await readingAs(
      {
        boundary: 'engine',
        where: path,
        expected: 'a checkpoint of the engine service',
        next: 'move its folder away',
      },
      () => readText(path),
      (text) => recordSchema.parse(JSON.parse(text)),
    );
    const files = (await entriesBelow(folder)).filter((entry) => entry.isFile());
    const sizes = await Promise.all(
      files.map((file) => lengthOf(join(file.parentPath, file.name))),
    );
    return { ...record, folder, bytes: sizes.reduce((a, b) => a + b, 0) };
  };
  const find = async (path: string) => {
    const [, model, kind, name] = pathPattern.exec(path) ?? [];
    if (model === undefined || kind === undefined || name === undefined) {
      throw new Refusal(400, 'expected tinker://MODEL/weights/NAME or …/sampler_weights/NAME');
    }
    const folder = folderOf({ model, kind: kind as CheckpointKind, name });
    if ((await foundAt(join(folder, recordFile))) === 'missing') {
      throw new Refusal(
        404,
        `no checkpoint ${path}; GET /api/v1/checkpoints lists those there are`,
      );
    }
    return read(folder);
  };
  const foldersIn = async (folder: string) =>
    (await foundAt(folder)) === 'missing'
      ? []
      : (await entriesOf(folder))
          .filter((entry) => entry.isDirectory() && !entry.name.startsWith(unfinishedPrefix))
          .map(({ name }) => join(folder, name));

  return {
    find,
    list: async (model) => {
      const models = model === undefined ? await foldersIn(root) : [join(root, folderName(model))];
      const found: Checkpoint[] = [];
      for (const folder of models) {
        for (const kind of ['weights', 'sampler_weights']) {
          for (const one of await foldersIn(join(folder, kind))) found.push(await read(one));
        }
      }
      return found.sort((a, b) => b.time.localeCompare(a.time));
    },
    save: async (record, mayReplace, write) => {
      const path = tinkerPath(record);
      const folder = folderOf(record);
      if ((await foundAt(folder)) !== 'missing') {
        const there = await read(folder);
        if (there.seq === record.seq) return path;
        if (!mayReplace) {
          throw new Refusal(
            409,
            `${path} is there already; save under another name, or with overwrite`,
          );
        }
      }
      const parent = join(folder, '..');
      await makeFolder(parent);
      const aside = join(parent, `${unfinishedPrefix}${randomUUID()}`);
      try {
        const handle = await write(aside);
        await writeFile(join(aside, recordFile), JSON.stringify({ ...record, handle }));
        await rm(folder, { recursive: true, force: true });
        await rename(aside, folder);
      } catch (error) {
        await rm(aside, { recursive: true, force: true });
        throw error;
      }
      return path;
    },
    remove: async (path) => {
      const { folder } = await find(path);
      await rm(folder, { recursive: true });
    },
  };
}
