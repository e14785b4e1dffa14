/** Weights that a server lets go: the archive of a checkpoint, unpacked into a folder. */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { fail, invariant } from '../../core/errors.ts';
import { makeFolder } from '../../core/make-folder.ts';
import type { TinkerClient } from '../../tinker/client.ts';
import type { TrainingModel } from '../../tinker/training-model.ts';

/**
 * Saves the policy for sampling, and fetches it: of LoRA an adapter as `peft` has it.
 * @throws MedixError 'engine' where the server offers no archive; it says where the weights are
 */
export async function exportFrom(
  client: TinkerClient,
  model: TrainingModel,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const path = await model.saveForSampler('final', signal);
  const archive = await client.archive(path, signal);
  if (archive === undefined) {
    return fail('engine', {
      where: directory,
      expected: `the weights from ${client.server}`,
      got: `no archive of them: they stay on the server as ${path}`,
      next: 'copy them from the server (docs/remote-engines.md says where), or train on with engine.checkpoint',
    });
  }
  const files = filesIn(archive[0] === 0x1f && archive[1] === 0x8b ? gunzipSync(archive) : archive);
  if (files.length === 0) {
    fail('engine', {
      where: `${client.server}: archive of ${path}`,
      expected: 'a tar file with weights',
      got: `${archive.length} bytes without a file`,
      next: 'copy the weights from the server (docs/remote-engines.md says where)',
    });
  }
  for (const { name, content } of files) {
    const place = join(directory, name);
    await makeFolder(dirname(place));
    await writeFile(place, content);
  }
}

type ArchivedFile = { readonly name: string; readonly content: Buffer };

const blockBytes = 512;

/** Regular files of a tar archive (ustar); a name that leads out of the folder is an error. */
export function filesIn(tar: Buffer): readonly ArchivedFile[] {
  const files: ArchivedFile[] = [];
  for (let place = 0; place + blockBytes <= tar.length; ) {
    const header = tar.subarray(place, place + blockBytes);
    if (header.every((byte) => byte === 0)) break;
    const size = Number.parseInt(textIn(header, 124, 12), 8);
    invariant(Number.isInteger(size) && size >= 0, 'an entry of a tar archive has a size');
    const prefix = textIn(header, 345, 155);
    const name = (prefix === '' ? '' : `${prefix}/`) + textIn(header, 0, 100);
    const type = textIn(header, 156, 1);
    const begin = place + blockBytes;
    if (type === '' || type === '0') {
      files.push({ name: safeName(name), content: tar.subarray(begin, begin + size) });
    }
    place = begin + Math.ceil(size / blockBytes) * blockBytes;
  }
  return files;
}

function textIn(header: Buffer, start: number, length: number): string {
  return header
    .subarray(start, start + length)
    .toString('utf8')
    .replace(/\0.*$/s, '')
    .trim();
}

function safeName(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (!parts.includes('..') && !name.includes('\\') && parts.length > 0) return parts.join('/');
  return fail('engine', {
    where: 'archive of a checkpoint',
    expected: 'names of files below a folder',
    got: JSON.stringify(name),
    next: 'do not trust this server',
  });
}
