/** What contradicts itself in the algorithm of a training config. */

import { given } from '../core/given.ts';
import type { AlgorithmConfig } from './algorithm-config.ts';
import { algorithmPresets } from './algorithm-presets.ts';

type LossConfig = AlgorithmConfig['loss'];
type LossKind = NonNullable<LossConfig['kind']>;

type Contradiction = {
  /** Of the config. */
  readonly path: readonly string[];
  readonly expected: string;
};

const clips = ['clipLow', 'clipHigh'] as const;
const temperatures = ['temperaturePositive', 'temperatureNegative'] as const;
const ownSettings = [...clips, 'clipDual', ...temperatures] as const;

/** Of the settings that not every kind of loss uses, those that one uses. */
const usedSettings: Readonly<Record<LossKind, readonly (typeof ownSettings)[number][]>> = {
  clip: [...clips, 'clipDual'],
  gspo: [...clips, 'clipDual'],
  luspo: [...clips, 'clipDual'],
  cispo: clips,
  reinforce: [],
  sapo: temperatures,
  'dppo-tv': clips,
  'dppo-kl': clips,
};

/**
 * @param groupSize completions of a prompt
 * @returns all contradictions between what is given and what it is given for, by the config or its preset
 */
export function algorithmContradictions(
  algorithm: AlgorithmConfig,
  groupSize: number,
): Contradiction[] {
  return [
    ...groupContradictions(algorithm, groupSize),
    ...passAtKContradictions(algorithm, groupSize),
    ...lossContradictions(algorithm),
    ...klContradictions(algorithm),
  ];
}

function groupContradictions(algorithm: AlgorithmConfig, groupSize: number): Contradiction[] {
  const { advantage, filter } = { ...algorithmPresets[algorithm.preset], ...given(algorithm) };
  if (groupSize > 1) return [];
  if (advantage !== 'reinforce++' && advantage !== 'remax') {
    const expected = `a number of at least 2 with the advantage "${advantage}"`;
    return [{ path: ['rollout', 'groupSize'], expected }];
  }
  const expected = '"none", since a group of one completion has no variance';
  return typeof filter === 'string' && filter !== 'none'
    ? [{ path: ['algorithm', 'filter'], expected }]
    : [];
}

function passAtKContradictions(algorithm: AlgorithmConfig, groupSize: number): Contradiction[] {
  const advantage = algorithm.advantage ?? algorithmPresets[algorithm.preset].advantage;
  const path = ['algorithm', 'passAtK'];
  const { passAtK } = algorithm;
  if (advantage !== 'pass@k') {
    return passAtK === undefined ? [] : [{ path, expected: notUsed(`advantage "${advantage}"`) }];
  }
  if (passAtK !== undefined && passAtK < groupSize) return [];
  return [{ path, expected: `a number from 2 to ${groupSize - 1}, below rollout.groupSize` }];
}

function lossContradictions({ preset, loss }: AlgorithmConfig): Contradiction[] {
  const { kind, lossAverage } = { ...algorithmPresets[preset].loss, ...given(loss) };
  const found = ownSettings
    .filter((name) => loss[name] !== undefined && !usedSettings[kind].includes(name))
    .map((name) => inLoss(name, notUsed(`loss "${kind}"`)));
  if (kind === 'luspo' && lossAverage !== 'sequence') {
    found.push(inLoss('lossAverage', '"sequence", since the loss "luspo" itself weighs by length'));
  }
  if (kind === 'dppo-tv' || kind === 'dppo-kl') {
    const missing = clips.filter((name) => loss[name] === undefined);
    const expected = `a divergence for the loss "${kind}", since the value of the preset is for ratios`;
    found.push(...missing.map((name) => inLoss(name, expected)));
  }
  return found;
}

function klContradictions({ preset, loss }: AlgorithmConfig): Contradiction[] {
  const { klCoefficient, klIn, klUnbiased } = { ...algorithmPresets[preset].loss, ...given(loss) };
  if (klCoefficient === 0) {
    return (['klIn', 'klUnbiased', 'klTarget'] as const)
      .filter((name) => loss[name] !== undefined)
      .map((name) => inLoss(name, 'nothing, since klCoefficient is 0'));
  }
  const expected = 'false where the KL penalty is taken off the reward, which has no gradient';
  return klIn === 'reward' && klUnbiased ? [inLoss('klUnbiased', expected)] : [];
}

function inLoss(name: keyof LossConfig, expected: string): Contradiction {
  return { path: ['algorithm', 'loss', name], expected };
}

function notUsed(by: string): string {
  return `nothing, since the ${by} does not use it`;
}
