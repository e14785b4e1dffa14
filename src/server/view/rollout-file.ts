/**
 * One file of rollouts as columns: where each line stands and what filters ask of it. Texts stay in the file. What is
 * appended later is read from where the last reading ended; a line that is not whole yet waits.
 */
import type { FileHandle } from 'node:fs/promises';
import { openRegular, piecesOf, readInto } from '../../core/files.ts';
import { linesIn } from '../../core/lines.ts';
import { isMissing } from '../../core/reading.ts';
import { type RolloutLine, rolloutLineSchema } from '../../run/records.ts';
import { filterCauseOf } from '../../train/filter-cause.ts';
import { agreementsOf } from '../../train/monitor/agreement.ts';
import { recordedOutcomes } from '../../train/monitor/recorded-outcome.ts';
import { Codes, Column, hashOf } from './columns.ts';
import { type Agreement, type Use, uses } from './wire.ts';

export const agreements = ['none', 'right', 'wrong'] as const satisfies readonly Agreement[];

/** Texts that the files of a run have in common. */
export type RunCodes = {
  readonly causes: Codes;
  readonly tags: Codes;
  readonly sources: Codes;
  readonly components: Codes;
  readonly uses: Set<Use>;
};

export function createRunCodes(): RunCodes {
  return {
    causes: new Codes(),
    tags: new Codes(),
    sources: new Codes(),
    components: new Codes(),
    uses: new Set(),
  };
}

/** Completions of one prompt; of a validation, all answers to one sample. */
export type IndexedGroup = {
  readonly attempt: number;
  readonly key: string;
  /** Places of its rollouts in the file's columns. */
  readonly rows: number[];
  cause: number;
};

export type Part = 'training' | 'validation';

export class RolloutFile {
  readonly part: Part;
  readonly iteration: number;
  readonly path: string;
  readonly codes: RunCodes;
  offset = new Column(Float64Array);
  bytes = new Column(Uint32Array);
  group = new Column(Uint32Array);
  attempt = new Column(Uint32Array);
  reward = new Column(Float32Array);
  advantage = new Column(Float32Array);
  tokens = new Column(Uint32Array);
  use = new Column(Uint8Array);
  isCutOff = new Column(Uint8Array);
  verdict = new Column(Uint8Array);
  similarity = new Column(Uint8Array);
  rule = new Column(Uint8Array);
  cause = new Column(Uint16Array);
  tag = new Column(Uint16Array);
  source = new Column(Uint16Array);
  keyHash = new Column(Uint32Array);
  groups: IndexedGroup[] = [];
  #groupOf = new Map<string, number>();
  #read = 0;
  #inode: number | undefined;
  #size = -1;
  #changedAt = -1;

  constructor(part: Part, iteration: number, path: string, codes: RunCodes) {
    this.part = part;
    this.iteration = iteration;
    this.path = path;
    this.codes = codes;
  }

  get length(): number {
    return this.offset.length;
  }

  get isUnread(): boolean {
    return this.#inode === undefined;
  }

  /** Bytes of whole lines that were read. */
  get readBytes(): number {
    return this.#read;
  }

  /** Reads what is new. @returns whether there was anything */
  async refresh(): Promise<boolean> {
    let file: FileHandle;
    try {
      file = await openRegular(this.path, 'refused');
    } catch (error) {
      if (!isMissing(error)) throw error;
      const had = this.length > 0;
      this.#clear();
      return had;
    }
    try {
      const { size, ino, mtimeMs } = await file.stat();
      if (ino === this.#inode && size === this.#size && mtimeMs === this.#changedAt) return false;
      if (ino !== this.#inode || size < this.#read) this.#clear();
      [this.#inode, this.#size, this.#changedAt] = [ino, size, mtimeMs];
      await this.#readLines(file, size);
      return true;
    } finally {
      await file.close();
    }
  }

  async #readLines(file: FileHandle, size: number): Promise<void> {
    const start = this.#read;
    const fresh = new Map<number, RolloutLine[]>();
    for await (const line of linesIn(piecesOf(file, start, size))) {
      if (!line.isWhole) break;
      const rollout = line.bytes === undefined ? undefined : parseRollout(line.bytes.toString());
      if (rollout !== undefined) {
        const group = this.#add(rollout, start + line.offset, line.length);
        fresh.set(group, [...(fresh.get(group) ?? []), rollout]);
      }
      this.#read = start + line.offset + line.length + 1;
    }
    for (const [place, rollouts] of fresh) {
      const group = this.groups[place];
      if (group === undefined || !rollouts.some(({ use }) => use === 'filtered')) continue;
      group.cause = this.codes.causes.codeOf(filterCauseOf(recordedOutcomes(rollouts)));
    }
    if (this.#groupOf.size > 0 && this.part === 'training') this.#forgetKeys();
  }

  /** A training's groups are written whole, so that no later line belongs to one of them. */
  #forgetKeys(): void {
    const last = this.groups.at(-1);
    this.#groupOf = new Map(
      last === undefined ? [] : [[`${last.attempt} ${last.key}`, this.groups.length - 1]],
    );
  }

  #add(line: RolloutLine, offset: number, bytes: number): number {
    const key = this.part === 'validation' ? line.sampleId : groupKeyOf(line.key);
    const name = `${line.attempt} ${key}`;
    let group = this.#groupOf.get(name);
    const { causes, tags, sources, components } = this.codes;
    const cause = causes.codeOf(unscoredCause(line));
    if (group === undefined) {
      group = this.groups.length;
      this.groups.push({ attempt: line.attempt, key, rows: [], cause });
      this.#groupOf.set(name, group);
    }
    this.groups[group]?.rows.push(this.length);
    const { judge, similarity, rule } = agreementsOf(line);
    this.offset.push(offset);
    this.bytes.push(bytes);
    this.group.push(group);
    this.attempt.push(line.attempt);
    this.reward.push(line.reward ?? Number.NaN);
    this.advantage.push(line.advantage ?? Number.NaN);
    this.tokens.push(line.completionTokens);
    this.codes.uses.add(line.use);
    this.use.push(uses.indexOf(line.use));
    this.isCutOff.push(line.stopReason === 'length' ? 1 : 0);
    this.verdict.push(agreements.indexOf(judge));
    this.similarity.push(agreements.indexOf(similarity));
    this.rule.push(agreements.indexOf(rule));
    this.cause.push(cause);
    this.tag.push(tags.codeOf(line.modality));
    this.source.push(sources.codeOf(line.source));
    this.keyHash.push(hashOf(line.key));
    for (const component of Object.keys(line.components)) components.codeOf(component);
    return group;
  }

  #clear(): void {
    for (const name of ['bytes', 'group', 'attempt', 'tokens', 'keyHash'] as const) {
      this[name] = new Column(Uint32Array);
    }
    for (const name of ['use', 'isCutOff', 'verdict', 'similarity', 'rule'] as const) {
      this[name] = new Column(Uint8Array);
    }
    for (const name of ['cause', 'tag', 'source'] as const) this[name] = new Column(Uint16Array);
    this.offset = new Column(Float64Array);
    this.reward = new Column(Float32Array);
    this.advantage = new Column(Float32Array);
    this.groups = [];
    this.#groupOf = new Map();
    this.#read = 0;
    this.#inode = undefined;
  }

  useOf(row: number): Use {
    return uses[this.use.at(row)] ?? 'unscored';
  }

  /** Lines at these rows, undefined for those that are no longer there. */
  async lines(rows: readonly number[]): Promise<(RolloutLine | undefined)[]> {
    if (rows.length === 0) return [];
    const file = await openRegular(this.path, 'refused').catch(() => undefined);
    if (file === undefined) return rows.map(() => undefined);
    try {
      return await Promise.all(
        rows.map(async (row) => {
          const bytes = Buffer.alloc(this.bytes.at(row));
          const read = await readInto(file, bytes, this.offset.at(row));
          return read < bytes.length ? undefined : parseRollout(bytes.toString());
        }),
      );
    } finally {
      await file.close();
    }
  }
}

function parseRollout(text: string): RolloutLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRollout(value) ? value : rolloutLineSchema.safeParse(value).data;
  } catch {
    return undefined;
  }
}

/** The schema in the few looks that a million lines allow; what is odd is left to the schema itself. */
function isRollout(value: unknown): value is RolloutLine {
  if (typeof value !== 'object' || value === null) return false;
  const line = value as Partial<Record<keyof RolloutLine, unknown>>;
  return (
    typeof line.attempt === 'number' &&
    typeof line.key === 'string' &&
    typeof line.sampleId === 'string' &&
    typeof line.question === 'string' &&
    typeof line.reference === 'string' &&
    typeof line.completion === 'string' &&
    typeof line.completionTokens === 'number' &&
    typeof line.components === 'object' &&
    line.components !== null &&
    (line.reward === null || typeof line.reward === 'number') &&
    (line.advantage === null || typeof line.advantage === 'number') &&
    (line.stopReason === 'stop' || line.stopReason === 'length') &&
    uses.includes(line.use as Use) &&
    areTexts(line.accepted) &&
    areImageNames(line.images)
  );
}

function areTexts(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((x) => typeof x === 'string'));
}

function areImageNames(value: unknown): boolean {
  return areTexts(value) && !(value as string[] | undefined)?.some((name) => !imageName.test(name));
}

export const imageName = /^[0-9a-f]{64}\.[a-z0-9]+$/;

/** `<seed>/<iteration>/<draw>/<sampleId>` of a rollout's key, without its index. */
function groupKeyOf(key: string): string {
  return key.replace(/(\/greedy)?\/\d+$/, '');
}

function unscoredCause({ components, reward }: RolloutLine): string | undefined {
  if (reward !== null) return undefined;
  for (const score of Object.values(components)) {
    const { kind, cause } = (score ?? {}) as { kind?: unknown; cause?: unknown };
    if (kind === 'unscored' && typeof cause === 'string') return cause;
  }
  return undefined;
}
