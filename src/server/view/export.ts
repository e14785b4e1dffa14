/** A copy of the page with the server's answers inside: one file that opens from disk, without a server. */
import { Buffer } from 'node:buffer';
import type { PageFile } from './page-files.ts';
import { createViewApi } from './view-app.ts';
import type { ViewData } from './view-data.ts';
import type {
  EvaluationAnswer,
  GroupsAnswer,
  RunsAnswer,
  SampleRowView,
  SamplesAnswer,
} from './wire.ts';

export type ExportOptions = {
  readonly images: boolean;
  /** Also samples of tasks that are not public. */
  readonly restricted: boolean;
};

export type Exported = {
  readonly html: string;
  /** What was left out, in words. */
  readonly leftOut: readonly string[];
};

/** Of each run; the newest are kept. */
const mostGroups = 2000;
const pageSize = 500;

/** @throws what reading throws: a copy with gaps that nobody knows of would mislead */
export async function exportView(
  data: ViewData,
  page: ReadonlyMap<string, PageFile>,
  options: ExportOptions,
): Promise<Exported> {
  const copy = new Copy(data, options);
  await copy.takeAll();
  return { html: pageWith(page, copy.answers), leftOut: copy.leftOut };
}

class Copy {
  readonly answers: Record<string, unknown> = {};
  readonly leftOut: string[] = [];
  readonly #data: ViewData;
  readonly #api: ReturnType<typeof createViewApi>;
  readonly #options: ExportOptions;

  constructor(data: ViewData, options: ExportOptions) {
    this.#data = data;
    this.#api = createViewApi(data);
    this.#options = options;
  }

  async takeAll(): Promise<void> {
    const all: RunsAnswer = { ...(await this.#data.runs()), isExport: true };
    this.answers['/api/runs'] = all;
    for (const { id } of all.runs) await this.#takeRun(`/api/runs/${id}`);
    for (const { id } of all.evaluations) await this.#takeEvaluation(`/api/evaluations/${id}`);
  }

  /** Keeps what the address answers, and gives it back; undefined where it answers nothing. */
  async #take<T>(address: string, query = '', key = address): Promise<T | undefined> {
    const answer = await this.#ask<T>(address, query);
    if (answer !== undefined) this.answers[key] = answer;
    return answer;
  }

  async #ask<T>(address: string, query: string): Promise<T | undefined> {
    const response = await this.#api.request(`http://export${encodeURI(address)}${query}`);
    return response.ok ? ((await response.json()) as T) : undefined;
  }

  async #takeRun(address: string): Promise<void> {
    await this.#take(address);
    await this.#take(`${address}/metrics`);
    await this.#takeSettled(`${address}/cheating`);
    const groups: GroupsAnswer['groups'][number][] = [];
    let answer = await this.#takeSettled<GroupsAnswer>(`${address}/groups`, `?limit=${pageSize}`);
    while (answer && groups.length < Math.min(answer.total, mostGroups)) {
      groups.push(...answer.groups);
      const query = `?limit=${pageSize}&offset=${groups.length}`;
      if (answer.groups.length === 0) break;
      answer = await this.#take<GroupsAnswer>(`${address}/groups`, query);
    }
    if (answer === undefined) return;
    if (answer.total > groups.length) {
      this.leftOut.push(
        `${address}: all but the newest ${groups.length} of ${answer.total} groups`,
      );
    }
    this.answers[`${address}/groups`] = { ...answer, offset: 0, total: groups.length, groups };
    for (const { part, iteration, group } of groups) {
      const path = `${address}/groups/${iteration}/${group}`;
      await this.#take(path, `?part=${part}`, `${address}/groups/${part}/${iteration}/${group}`);
    }
    await this.#takeImages(
      groups.flatMap(({ images }) => images.map((one) => `${address}/images/${one}`)),
    );
  }

  /** Asks again until the index of the run is whole. */
  async #takeSettled<T extends { readonly index: GroupsAnswer['index'] }>(
    address: string,
    query = '',
  ): Promise<T | undefined> {
    for (;;) {
      const answer = await this.#take<T>(address, query);
      if (answer === undefined || answer.index.filesDone >= answer.index.files) return answer;
    }
  }

  async #takeEvaluation(address: string): Promise<void> {
    const answer = await this.#take<EvaluationAnswer>(address);
    const closed = answer?.tasks.filter(({ access }) => access !== 'public') ?? [];
    const isUnknown = answer?.report === null;
    if (!this.#options.restricted && (closed.length > 0 || isUnknown)) {
      const why = isUnknown
        ? 'samples of an evaluation without a report'
        : 'samples of tasks that are not public';
      this.leftOut.push(`${address}: ${why}`);
      return;
    }
    const variants = new Set(['original', ...(answer?.tasks.map(({ variant }) => variant) ?? [])]);
    const judgings = answer?.evaluation.judgings ?? [];
    for (const variant of variants) {
      for (const judging of judgings.length === 0 ? [''] : judgings) {
        const list = `${address}/samples?variant=${variant}&judging=${judging}`;
        this.answers[list] = await this.#allSamples(`${address}/samples`, variant, judging);
      }
    }
    const samples = await this.#allSamples(`${address}/samples`, 'original', '');
    for (const { task, sampleId } of samples) {
      await this.#take(`${address}/samples/${task}/${encodeURIComponent(sampleId)}`);
    }
    await this.#takeImages(
      samples.flatMap(({ task, images }) =>
        images.map((one) => `${address}/images/${task}/${one}`),
      ),
    );
  }

  async #allSamples(address: string, variant: string, judging: string): Promise<SampleRowView[]> {
    const samples: SampleRowView[] = [];
    for (;;) {
      const query = `variant=${variant}&judging=${judging}&limit=${pageSize}&offset=${samples.length}`;
      const found = await this.#ask<SamplesAnswer>(address, `?${query}`);
      samples.push(...(found?.samples ?? []));
      if (!found?.samples.length || samples.length >= found.total) return samples;
    }
  }

  async #takeImages(addresses: readonly string[]): Promise<void> {
    if (!this.#options.images) return;
    for (const address of new Set(addresses)) {
      const response = await this.#api.request(`http://export${address}`);
      if (!response.ok) continue;
      const bytes = Buffer.from(await response.arrayBuffer()).toString('base64');
      this.answers[address] = `data:${response.headers.get('content-type')};base64,${bytes}`;
    }
  }
}

/** Browsers load no module from disk: script and style go into the page, and a policy lets nothing else in. */
function pageWith(
  page: ReadonlyMap<string, PageFile>,
  answers: Readonly<Record<string, unknown>>,
): string {
  const text = (path: string) => Buffer.from(page.get(path)?.bytes ?? []).toString();
  const scripts: string[] = [];
  const html = text('/index.html')
    .replaceAll(/<script[^>]*\ssrc="([^"]+)"[^>]*><\/script>/g, (_, source: string) => {
      scripts.push(text(source));
      return '';
    })
    .replaceAll(/<link[^>]*rel="stylesheet"[^>]*href="([^"]+)"[^>]*>/g, (_, source: string) => {
      return `<style>${text(source).replaceAll('</style', '<\\/style')}</style>`;
    });
  const json = JSON.stringify(answers).replaceAll('<', '\\u003c');
  const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`;
  const inside = [
    `<script type="application/json" id="medix-export">${json}</script>`,
    ...scripts.map(
      (one) => `<script type="module">${one.replaceAll('</script', '<\\/script')}</script>`,
    ),
  ].join('\n');
  // Functions, since a text that is put in may hold what `replace` reads as a pattern.
  return html
    .replace('<head>', () => `<head>${policy}`)
    .replace('</body>', () => `${inside}</body>`);
}
