import { defined } from '../../core/errors.ts';
import type { Modality } from '../../core/modality.ts';
import { type Rng, rngFromKey } from '../../core/rng.ts';
import type { Sample } from '../../core/sample.ts';
import { formatDemonstration } from '../response.ts';
import { anatomies } from './anatomies.ts';
import type { Anatomy } from './anatomy.ts';
import { createCanvas, develop, imageSize, within } from './canvas.ts';
import { difficulty } from './difficulty.ts';
import { describe, type Findings } from './findings.ts';
import { encodePng } from './png.ts';
import { drawQuestion, type Question } from './questions.ts';

/** `readings` are for supervised fine-tuning before RL: see {@link demonstratedAnswer}. */
export const phantomSplits = ['readings', 'train', 'validation', 'test'] as const;
export type PhantomSplit = (typeof phantomSplits)[number];
export type PhantomKey = {
  readonly seed: number;
  readonly split: PhantomSplit;
  readonly index: number;
};

/** One synthetic study: an image drawn from its findings, and one question about it. */
export type PhantomStudy = {
  readonly id: string;
  readonly modality: Modality;
  /** [64, 64, channels] row-major; grey where the modality is. */
  readonly pixels: Uint8Array;
  readonly channels: 1 | 3;
  readonly findings: Findings;
  readonly question: Question;
  /** All findings, at most 15 words. */
  readonly reading: string;
};

/**
 * The study of a key; the same key always gives the same study. Modalities take turns by index, so any
 * run of studies is balanced. Keys of different splits seed different generators, and pixel noise alone
 * keeps any two images apart.
 */
export function phantomStudy({ seed, split, index }: PhantomKey): PhantomStudy {
  const id = `phantom/${seed}/${split}/${index}`;
  const rng = rngFromKey(id);
  const anatomy = defined(anatomies[index % anatomies.length], 'an anatomy');
  const { question, findings } = drawQuestion(rng, anatomy);
  return {
    id,
    modality: anatomy.modality,
    pixels: render(rng, anatomy, findings),
    channels: anatomy.channels,
    findings,
    question,
    reading: describe(anatomy, findings),
  };
}

/**
 * The study as a row of a data set. Its demonstration is the reading as thinking, then an answer; see
 * {@link demonstratedAnswer}.
 */
export function phantomSample(key: PhantomKey): Sample {
  const study = phantomStudy(key);
  const { id, modality, pixels, channels, question, reading } = study;
  const answer = demonstratedAnswer(study, key.split);
  return {
    id,
    source: 'phantoms (synthetic)',
    images: [{ bytes: encodePng(pixels, imageSize, imageSize, channels), name: `${id}.png` }],
    problem: question.problem,
    modality,
    referenceAnswer: question.referenceAnswer,
    accepted: question.accepted,
    reading,
    demonstration: formatDemonstration({ modality, thinking: reading, answer }),
  };
}

/** How often a demonstration of the `readings` recites all findings, whatever was asked. */
const recited = 0.6;

/**
 * The reference or, one time in four, another accepted wording of at most four words. Among the
 * `readings`, most answers recite all findings as a report does: a model that imitates them sees well and
 * answers about half of the questions, which leaves RL to teach it to answer what is asked.
 */
function demonstratedAnswer({ id, question, reading }: PhantomStudy, split: PhantomSplit): string {
  const rng = rngFromKey(`${id}/demonstration`);
  if (split === 'readings' && question.kind !== 'finding' && rng.next() < recited) return reading;
  const short = question.accepted.filter((wording) => wording.split(' ').length <= 4);
  return short.length > 0 && rng.next() < 0.25 ? rng.pick(short) : question.referenceAnswer;
}

/** `count` samples of a split, drawn as they are asked for. */
export function* phantomSamples(set: {
  readonly seed: number;
  readonly split: PhantomSplit;
  readonly count: number;
}): Generator<Sample> {
  for (let index = 0; index < set.count; index++) {
    yield phantomSample({ seed: set.seed, split: set.split, index });
  }
}

function render(rng: Rng, anatomy: Anatomy, findings: Findings): Uint8Array {
  const pose = {
    rotation: within(rng, difficulty.rotation),
    shiftX: within(rng, difficulty.shift),
    shiftY: within(rng, difficulty.shift),
    zoom: within(rng, difficulty.zoom),
  };
  const canvas = createCanvas(anatomy.channels, pose, anatomy.background);
  const scene = { canvas, rng, ...findings, contrast: within(rng, difficulty.findingContrast) };
  anatomy.paint(scene);
  findings.finding?.paint(scene);
  return develop(canvas, rng, {
    exposure: within(rng, difficulty.exposure),
    brightness: within(rng, difficulty.brightness),
    noise: within(rng, difficulty.noise),
  });
}
