/** A rollout as lines for people. */
import { componentsSchema } from '../../reward/score.ts';
import type { RolloutLine } from '../../run/records.ts';
import type { StoredRollout } from './stored-rollouts.ts';

export function describeRollout(rollout: StoredRollout): string[] {
  const { line, cause, spread } = rollout;
  const { question, reference, accepted = [], completion, images = [] } = line;
  const facts = [
    line.reward === null ? 'no reward' : `reward ${shown(line.reward)}`,
    rollout.verdict === 'none' ? undefined : rollout.verdict,
    cause === null ? line.use : `${line.use} (${cause})`,
    line.advantage === null ? undefined : `advantage ${shown(line.advantage)}`,
    spread === null ? undefined : `group spread ${shown(spread)}`,
    `${line.completionTokens} tokens${line.stopReason === 'length' ? ', cut off' : ''}`,
  ];
  return [
    `iteration ${line.iteration}  ${line.key}`,
    `  ${facts.filter((fact) => fact !== undefined).join(', ')}`,
    ...describeComponents(line),
    ...(question === undefined ? [] : field('question', question)),
    ...(images.length === 0 ? [] : field('images', images.join(' '))),
    ...(reference === undefined ? [] : field('right', [reference, ...accepted].join(' | '))),
    ...field('response', completion),
    '',
  ];
}

function describeComponents({ components }: RolloutLine): string[] {
  const parsed = componentsSchema.safeParse(components).data;
  if (parsed === undefined) return [];
  return Object.entries(parsed).map(([name, score]) => {
    const value = score.kind === 'scored' ? shown(score.value) : `unscored, ${score.cause}`;
    const why = score.kind === 'scored' ? score.detail : score.message;
    return `  ${name.padEnd(labelWidth)} ${value}${why === undefined ? '' : `  ${why.replaceAll(/\s+/g, ' ')}`}`;
  });
}

const labelWidth = 10;

/** Further lines stand below the first. */
function field(label: string, text: string): string[] {
  const [first = '', ...others] = text.split('\n');
  const indent = ' '.repeat(labelWidth + 3);
  return [`  ${label.padEnd(labelWidth)} ${first}`, ...others.map((line) => `${indent}${line}`)];
}

function shown(value: number): string {
  return String(Number(value.toFixed(3)));
}
