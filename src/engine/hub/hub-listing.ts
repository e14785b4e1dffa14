/** What a hub says about a model at a revision: its commit and its files. */
import { z } from 'zod';
import { fail } from '../../core/errors.ts';
import { listed, oneLine } from '../../core/quoted.ts';
import type { Site, SiteFailure } from '../../http/site.ts';
import { type HubName, isCommit } from './hub-name.ts';

export type HubFile = {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** SHA-256 of the content of large files, git's digest of a blob of small ones. */
  readonly digest: { readonly kind: 'sha256' | 'git'; readonly hex: string };
};

export type HubListing = {
  readonly commit: string;
  /** Of all files, for messages. */
  readonly names: readonly string[];
  /** Those whose size and digest the hub tells. */
  readonly files: readonly HubFile[];
};

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

const replySchema = z.object({
  sha: hex(40),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().nonnegative().nullish(),
      blobId: hex(40).nullish(),
      lfs: z.object({ sha256: hex(64), size: z.int().nonnegative() }).nullish(),
    }),
  ),
});

/** @throws MedixError 'model' where the hub cannot be reached, refuses, or answers what cannot be */
export async function askListing(
  site: Site,
  { id, revision }: HubName,
  signal: AbortSignal,
): Promise<HubListing | SiteFailure> {
  const path = `api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const reply = await site.json(path, replySchema, signal);
  if (reply.kind === 'failed') return reply;
  const { sha, siblings } = reply.value;
  const names = siblings.map(({ rfilename }) => rfilename);
  const where = `${id}@${revision}`;
  if (isCommit(revision) && sha !== revision) failWrong(where, `the commit ${revision}`, sha);
  const outside = names.filter((name) => !isInside(name));
  if (outside.length > 0) failWrong(where, 'names of files within the model', listed(outside));
  return { commit: sha, names, files: siblings.flatMap(fileOf) };
}

type Sibling = z.infer<typeof replySchema>['siblings'][number];

function fileOf({ rfilename, size, blobId, lfs }: Sibling): HubFile[] {
  if (lfs)
    return [{ name: rfilename, size: lfs.size, digest: { kind: 'sha256', hex: lfs.sha256 } }];
  if (!blobId || typeof size !== 'number') return [];
  return [{ name: rfilename, size, digest: { kind: 'git', hex: blobId } }];
}

/** Names come from a server: none may lead out of the folder that it is put into. */
function isInside(name: string): boolean {
  const parts = name.split('/');
  return !/[\\\0]|^[A-Za-z]:/.test(name) && !parts.some((part) => ['', '.', '..'].includes(part));
}

function failWrong(where: string, expected: string, got: string): never {
  fail('model', { where, expected, got, next: 'check HF_ENDPOINT' });
}

/** What a person can do about a hub that did not give what it was asked for. */
export type Refusal = {
  /** As it was given. */
  readonly name: HubName;
  /** Address of the hub. */
  readonly endpoint: string;
  /** Left out of messages, where the hub repeats it. */
  readonly token: string | undefined;
  /** Commits of this model that open without the hub. */
  readonly kept: readonly string[];
};

/** @throws MedixError 'model' */
export function failRefused(failure: SiteFailure, refusal: Refusal): never {
  const { name, endpoint, kept } = refusal;
  const where = `${name.id}@${name.revision}`;
  const { status, headers } = failure;
  const whole = [headers['x-error-message'] ?? ''].flat().join(' ');
  const said = oneLine(refusal.token ? whole.replaceAll(refusal.token, '[HF_TOKEN]') : whole, 300);
  const code = [headers['x-error-code'] ?? ''].flat().join();
  if (status === 401 || status === 403 || status === 404) {
    return fail('model', { where, ...deniedAs(status, code, said, refusal) });
  }
  const known = kept.map((commit) => `${name.id}@${commit}`);
  const offline = known.length === 0 ? '' : `; without the hub, ${listed(known)} can be opened`;
  return fail('model', {
    where,
    expected: `an answer from the hub at ${endpoint}`,
    got: oneLine(failure.message, 300),
    next: `check the network and HF_ENDPOINT${offline}`,
  });
}

function deniedAs(status: number, code: string, said: string, { name, token, ...hub }: Refusal) {
  const hasToken = token !== undefined;
  const quote = said === '' ? '' : `: ${said}`;
  if (code === 'GatedRepo' || status === 403 || /gated|restricted/i.test(said)) {
    const account = hasToken ? 'the account of HF_TOKEN' : 'an account';
    return {
      expected: 'a model that may be downloaded',
      got: `one that is given only to those who accept its conditions${quote}`,
      next: `accept them at ${hub.endpoint}/${name.id} with ${account}${hasToken ? '' : ', and set HF_TOKEN to a token of it'}`,
    };
  }
  if (code === 'RevisionNotFound') {
    return {
      expected: 'a commit, branch or tag of this model after @',
      got: `no such revision: ${name.revision}`,
      next: `see ${hub.endpoint}/${name.id}/commits/main`,
    };
  }
  if (code === 'EntryNotFound') {
    return {
      expected: 'the files that the hub lists',
      got: `not all of them${quote}`,
      next: 'run the command again, and check HF_ENDPOINT',
    };
  }
  // Without a token, 401 is also what the hub says of models that do not exist.
  if (status === 401 && hasToken && code !== 'RepoNotFound') {
    return {
      expected: 'a token that the hub knows',
      got: `another one in HF_TOKEN${quote}`,
      next: 'correct HF_TOKEN, or unset it for a public model',
    };
  }
  const access = hasToken ? 'check that the account of HF_TOKEN may read it' : 'set HF_TOKEN';
  return {
    expected: 'a model of the hub, or a folder of this name',
    got: `no such model, or a private one (the hub does not tell which: ${status})`,
    next: `correct the name; for a private model ${access}`,
  };
}
