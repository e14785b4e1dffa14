/**
 * What is at a path that was given as a model. Users hand over what they have (an id of the hub, a GGUF file,
 * an adapter); to be told that `config.json` is missing would not help them.
 */
import { basename } from 'node:path';
import { fail } from '../../core/errors.ts';
import { foundAt, foundNames } from '../../core/files.ts';
import { refusalOf } from '../../core/reading.ts';
import { give, type Identity, identifyFolder, layout, other } from './identify-folder.ts';
import { readStart } from './read-start.ts';

export type { Identity } from './identify-folder.ts';

/** Never throws: what cannot be read is told by whoever opens it. */
export async function identify(path: string): Promise<Identity> {
  try {
    const found = await foundAt(path);
    if (found === 'missing') return await missing(path);
    if (found === 'folder') return await identifyFolder(path);
    return found === 'file' ? await identifyFile(path) : other(foundNames.other, give);
  } catch (error) {
    return other(refusalOf(error) ?? 'what cannot be read', `correct the path, or ${give}`);
  }
}

/** `owner/name`, as a link or with what tools append for a revision or a quantisation. */
const hubId =
  /^(?:https?:\/\/(?:huggingface\.co|hf\.co)\/|hf:\/\/|hf\.co\/)?([\w-][\w.-]*\/[\w-][\w.-]*)(?:[@:/].*)?$/;
const hubLink = /^(https?:\/\/(huggingface\.co|hf\.co)\/|hf:\/\/|hf\.co\/)/;

async function missing(path: string): Promise<Identity> {
  const id = hubId.exec(path)?.[1];
  const owner = id?.split('/')[0] ?? '';
  // A path below a folder that is there is a path with a wrong end.
  const isPath = !hubLink.test(path) && (await foundAt(owner)) !== 'missing';
  if (id === undefined || isPath || (path.split('/').length > 2 && !hubLink.test(path))) {
    return other('no such file or folder', `correct the path, or ${give}`);
  }
  return other(
    `no such folder; it looks like the id of a model on the Hugging Face hub (${id})`,
    `give ${id}, or ${id}@revision, to have it downloaded`,
  );
}

async function identifyFile(path: string): Promise<Identity> {
  const start = await readStart(path);
  if (start.startsWith('GGUF')) return { kind: 'gguf' };
  if (start.startsWith('version https://git-lfs')) {
    return other('a pointer of Git LFS to a file that was not fetched', 'run git lfs pull');
  }
  const name = basename(path).toLowerCase();
  if (/\.(safetensors|json|jinja)$/.test(name)) {
    return other('a single file of a model', 'give the folder it is in');
  }
  if (/\.onnx$/.test(name)) return other('an ONNX graph', give);
  if (/\.(bin|pt|pth|ckpt|h5|msgpack|pkl)$/.test(name)) {
    return other('weights in a format of another framework', give);
  }
  if (/\.(zip|tar|gz|tgz|zst|xz|7z)$/.test(name)) {
    return other('an archive', 'unpack it and give the folder inside');
  }
  return other('a file of an unknown kind', give);
}

/** @throws MedixError 'model' that says what is there instead of a model's folder */
export async function requireModelFolder(path: string): Promise<void> {
  const identity = await identify(path);
  if (identity.kind === 'model-folder') return;
  fail('model', {
    where: path,
    expected: layout,
    ...(identity.kind === 'gguf'
      ? {
          got: 'a GGUF file (for llama.cpp)',
          next: `${give}; a GGUF file can be a judge (judge.kind=gguf), or be served by llama.cpp and evaluated with model.kind=openai`,
        }
      : identity.kind === 'adapter'
        ? {
            got: identity.what,
            next: `${give}, with the adapter merged into it (medix export --merge)`,
          }
        : { got: identity.what, next: identity.next }),
  });
}
