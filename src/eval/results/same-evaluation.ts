/** Whether a results folder can be resumed: only by the same evaluation, and a judging only by the same judges. */
import { fail, type Problem } from '../../core/errors.ts';
import { unfinishedPrefix } from '../../core/write-aside.ts';
import type { EvalManifest, EvaluationFacts, JudgingFacts, JudgingManifest } from './records.ts';

/** @throws MedixError 'run' where the folder holds other files */
export function requireEmpty(folder: string, names: readonly string[]): void {
  const foreign = names.filter((name) => name !== 'attempts' && !name.startsWith(unfinishedPrefix));
  if (foreign.length === 0) return;
  fail('run', {
    where: folder,
    expected: 'a new or empty folder, or the results of an evaluation',
    got: `${foreign.length} other files or folders`,
    next: 'give another folder with out=',
  });
}

/**
 * Everything in which the two evaluations differ: answers of another model, or to other questions, must not
 * be mixed with the answers in the folder.
 */
export function differencesFrom(
  folder: string,
  before: EvalManifest,
  facts: EvaluationFacts,
): Problem[] {
  const next =
    'give another folder with out=, or use the settings that the folder was started with';
  const pairs: [what: string, then: unknown, now: unknown][] = [
    ['model', before.model, facts.model],
    ['template', before.template, facts.template],
    ['sampling', withoutEpochs(before.config['sampling']), withoutEpochs(facts.config['sampling'])],
    ['limit', before.config['limit'], facts.config['limit']],
    ...Object.entries(facts.tasks).flatMap(([id, { digest, revision }]): typeof pairs => {
      const known = before.tasks[id];
      if (known === undefined) return [];
      const then = { digest: known.digest, revision: known.revision };
      return [[`task ${id}`, then, { digest, revision }]];
    }),
  ];
  return pairs
    .filter(([, then, now]) => shown(then) !== shown(now))
    .map(([what, then, now]): Problem => {
      return { where: `${folder}: ${what}`, expected: shown(then), got: shown(now), next };
    });
}

/** Undefined where the judging of this name was made by the same judges. */
export function differenceOfJudges(
  where: string,
  name: string,
  before: JudgingManifest,
  { mode, votes, judges }: JudgingFacts,
): Problem | undefined {
  const now = { ...before, mode, votes, judges };
  const asked = (one: JudgingFacts) =>
    shown({ mode: one.mode, votes: one.votes, judges: one.judges.map(({ id }) => ({ id })) });
  const digests = (one: JudgingFacts) => one.judges.map(({ digest }) => digest);
  if (asked(before) !== asked(now)) {
    const next = `set judging.name to another name than ${name}, or use the judges of that judging`;
    return { where, expected: asked(before), got: asked(now), next };
  }
  const changed = judges.filter(({ digest }, index) => digest !== digests(before)[index]);
  if (changed.length === 0) return undefined;
  const ids = changed.map(({ id }) => id).join(', ');
  return {
    where,
    expected: `${ids} as it judged when this judging began`,
    got: `${ids} with another model file, setting, prompt or rule; rules change between versions of MediX`,
    next: `add judging.name=${name}-2 to judge all answers again, or use the version and settings that began it (versions are in manifest.json)`,
  };
}

/** More epochs are more answers of the same kind. */
function withoutEpochs(sampling: unknown): unknown {
  if (typeof sampling !== 'object' || sampling === null) return sampling;
  return Object.fromEntries(Object.entries(sampling).filter(([name]) => name !== 'epochs'));
}

/** JSON with sorted keys: equal texts for equal values. */
function shown(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
