/** Prompts as a run would make them: how long they are, and what the first of them say. */
import type { TrainConfig } from '../../../config/train-config.ts';
import type { Sample } from '../../../core/sample.ts';
import { createProcessor } from '../../../model/processor.ts';
import type { Processor } from '../../../model/prompt.ts';
import { createPromptPreparation, type PreparedPrompt } from '../../../rollout/prepare-prompts.ts';
import { quantile } from '../../../statistics/quantile.ts';
import type { OpenedData } from '../../../train/open-training.ts';
import type { KnownModel } from './inspect-model.ts';
import { createPromptView } from './shown-prompt.ts';

/** At most; those of the first rows that the run draws. */
const promptsMade = 500;
const rowsShown = 5;

type Spread = { readonly median: number; readonly p95: number; readonly max: number };

/** Lengths are in tokens. */
type PromptFacts = {
  readonly made: number;
  readonly tokens: Spread;
  readonly imageTokens: Spread;
  /** Prompts that are too long, or whose images cannot be read, and the first of them. */
  readonly rejected: number;
  readonly rejectedExamples: readonly string[];
};

type ShownRow = {
  readonly id: string;
  /** Null without a tokenizer. */
  readonly prompt: string | null;
  readonly imageTokens: number | null;
  readonly reference: string;
  readonly modality: string | null;
};

export type MadePrompts = {
  /** Null without a tokenizer. */
  readonly prompts: PromptFacts | null;
  readonly shown: readonly ShownRow[];
};

/**
 * @param drawn the n-th sample that the run draws
 * @param model undefined where it is not known
 */
export async function makePrompts(
  config: TrainConfig,
  { samples, render }: OpenedData,
  model: KnownModel | undefined,
  drawn: (draw: number) => Promise<Sample>,
  signal: AbortSignal,
): Promise<MadePrompts> {
  const { maxCompletionTokens } = config.rollout;
  const contextLength = model?.config.text.maxPositions ?? 0;
  if (model?.files === undefined || contextLength <= maxCompletionTokens) {
    const first = await Promise.all(
      Array.from({ length: Math.min(rowsShown, samples.size) }, (_, draw) => drawn(draw)),
    );
    return { prompts: null, shown: first.map((sample) => shownRow(sample)) };
  }
  const processor = createProcessor(model.files, model.config);
  const description = { id: config.model, contextLength, parameters: 0, processor };
  // Each is made once, so that none is kept.
  const prepare = createPromptPreparation(description, render, maxCompletionTokens, 0);
  const viewOf = createPromptView(model.files);
  const imageTokensOf = imageTokenCounter(processor);
  const lengths: { readonly tokens: number; readonly image: number }[] = [];
  const problems: string[] = [];
  const shown: ShownRow[] = [];
  const count = Math.min(promptsMade, samples.size);
  for (let draw = 0; draw < count; draw++) {
    signal.throwIfAborted();
    const outcome = await prepare(await drawn(draw));
    if (outcome.kind === 'rejected') {
      problems.push(`${outcome.problem.where}: ${outcome.problem.got}`);
      continue;
    }
    const { tokens } = outcome.prompt;
    lengths.push({ tokens: tokens.length, image: imageTokensOf(tokens) });
    if (shown.length < rowsShown)
      shown.push(shownRow(outcome.sample, outcome, viewOf, imageTokensOf));
  }
  return {
    shown,
    prompts: {
      made: count,
      tokens: spreadOf(lengths.map(({ tokens }) => tokens)),
      imageTokens: spreadOf(lengths.map(({ image }) => image)),
      rejected: problems.length,
      rejectedExamples: problems.slice(0, rowsShown),
    },
  };
}

function imageTokenCounter({ bannedTokens }: Processor): (tokens: Int32Array) => number {
  const placeholders = new Set(bannedTokens);
  return (tokens) => tokens.reduce((sum, token) => sum + (placeholders.has(token) ? 1 : 0), 0);
}

function shownRow(
  { id, referenceAnswer, modality }: Sample,
  prepared?: PreparedPrompt,
  viewOf?: (tokens: Int32Array) => string,
  imageTokensOf?: (tokens: Int32Array) => number,
): ShownRow {
  const tokens = prepared?.prompt.tokens;
  return {
    id,
    prompt: (tokens && viewOf?.(tokens)) ?? null,
    imageTokens: (tokens && imageTokensOf?.(tokens)) ?? null,
    reference: referenceAnswer,
    modality: modality ?? null,
  };
}

function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { median: 0, p95: 0, max: 0 };
  const ascending = Float64Array.from(values).sort();
  const at = (share: number) => Math.round(quantile(ascending, share));
  return { median: at(0.5), p95: at(0.95), max: at(1) };
}
