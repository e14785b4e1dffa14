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

/** `readings` are studies to imitate before RL; the others ask all kinds of questions. */
export type PhantomSplit = 'readings' | 'train' | 'validation' | 'test';
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
  const { question, findings } = drawQuestion(
    rng,
    anatomy,
    split === 'readings' ? 'readings' : 'questions',
  );
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
 * The study as a row of a data set. Its demonstration is the reading as thinking, then the reference
 * answer or, one time in four, another accepted wording of at most four words.
 */
export function phantomSample(key: PhantomKey): Sample {
  const { id, modality, pixels, channels, question, reading } = phantomStudy(key);
  const { problem, reference, accepted } = question;
  const rng = rngFromKey(`${id}/demonstration`);
  const short = accepted.filter((wording) => wording.split(' ').length <= 4);
  const answer = short.length > 0 && rng.next() < 0.25 ? rng.pick(short) : reference;
  return {
    id,
    source: 'phantoms (synthetic)',
    images: [{ bytes: encodePng(pixels, imageSize, imageSize, channels), name: `${id}.png` }],
    problem,
    modality,
    reference,
    accepted,
    demonstration: formatDemonstration({ modality, thinking: reading, answer }),
  };
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
