/**
 * Learning from the reference answer where no rollout of a group is rewarded for anything, and advantages are 0:
 * the policy, shown the reference answer, is the teacher of the policy that was not (SDFT, arXiv 2601.19897).
 * The rollouts are the student's own. Each token has the advantage
 *
 *     weight · (ln P_teacher(token) − ln P_student(token))
 *
 * so that the policy gradient descends the reverse KL from student to teacher, by one sample a token.
 *
 * Deviations: only in groups without reward; the teacher is the present policy, where the publication has a slow
 * average of it; it is shown the reference answer and no demonstration; the KL is over sampled tokens
 * and not over the vocabulary; a difference counts at most ±5, or one token would decide a step.
 */
import { rewardNoise } from '../advantage/estimators.ts';
import { defined } from '../core/errors.ts';
import type { Message } from '../core/message.ts';
import { type Metrics, meanOf, mergeMetrics } from '../core/metrics.ts';
import type { Sample } from '../core/sample.ts';
import type { Engine } from '../engine/engine.ts';
import type { Prompt } from '../model/prompt.ts';
import type { PreparePrompt } from '../rollout/prepare-prompts.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { TrainingRollout } from './advantages.ts';
import type { SelfDistillation } from './algorithm.ts';
import type { CollectedGroup } from './collect-groups.ts';

const largestDifference = 5;

/** The messages of a sample with its reference answer told at their end: the teacher's prompt. */
export function withReference(messages: readonly Message[], sample: Sample): Message[] {
  const text = `\n\nThe right answer is known: ${sample.referenceAnswer}\nReason as you would without knowing it, keep to the form that is asked for, and give this answer.`;
  return messages.map((message, index) =>
    index === messages.length - 1
      ? { ...message, content: [...message.content, { type: 'text', text }] }
      : message,
  );
}

/**
 * @param trained The groups of `groups` that train by their rewards, in their order.
 * @param mostGroups Distilled groups at most, the first ones: filtered groups are drawn again and again, and may
 *   be many.
 * @param prepareTeacher A group whose teacher's prompt is rejected, for its length say, is not distilled.
 * @returns All groups that train, in the order of `groups`; `rollout/groupsDistilled`, the share of groups that
 *   are distilled, and over their tokens `rollout/teacherGap`, the mean of ln P_teacher − ln P_student.
 */
export async function distillZeroGroups(
  engine: Engine,
  groups: readonly CollectedGroup[],
  trained: readonly (readonly TrainingRollout[])[],
  { weight, mostGroups }: SelfDistillation & { readonly mostGroups: number },
  prepareTeacher: PreparePrompt,
  signal: AbortSignal,
): Promise<{ readonly groups: TrainingRollout[][]; readonly metrics: Metrics }> {
  const zeros = groups.filter(isWithoutReward).slice(0, mostGroups);
  const lessons = await Promise.all(
    groups.map((group) => (zeros.includes(group) ? lessonOf(group, prepareTeacher) : noLesson)),
  );
  const sequences = lessons.flatMap(({ students, teacher }) =>
    students.map(({ completion }) => ({ prompt: defined(teacher, 'teacher'), completion })),
  );
  const taught = sequences.length > 0 ? await engine.logprobs(sequences, 'policy', signal) : [];
  const queue = [...trained];
  const metrics: Metrics[] = [];
  let next = 0;
  const training = groups.map((group, g) => {
    const byReward = group.use === 'trained' ? defined(queue.shift(), 'trained group') : [];
    const { students } = defined(lessons[g], 'lesson');
    metrics.push({ 'rollout/groupsDistilled': meanOf(students.length > 0 ? 1 : 0) });
    if (students.length === 0) return [...byReward];
    const advantages = new Map(byReward.map(({ key, advantage }) => [key, advantage]));
    return students.map((rollout) => {
      const differences = differencesOf(defined(taught[next++], "teacher's logprobs"), rollout);
      metrics.push({ 'rollout/teacherGap': meanOf(...differences) });
      const advantage = advantages.get(rollout.key) ?? 0;
      const tokenAdvantages = differences.map((one) => advantage + weight * bounded(one));
      return { ...rollout, advantage, tokenAdvantages };
    });
  });
  return { groups: training.filter(({ length }) => length > 0), metrics: mergeMetrics(metrics) };
}

/** Students are the scored rollouts. */
type Lesson = { readonly students: readonly Rollout[]; readonly teacher?: Prompt };

const noLesson: Lesson = { students: [] };

async function lessonOf(group: CollectedGroup, prepareTeacher: PreparePrompt): Promise<Lesson> {
  const students = scoredOf(group).map(({ rollout }) => rollout);
  const teacher = await prepareTeacher(defined(students[0], 'scored rollout').sample);
  return teacher.kind === 'rejected' ? noLesson : { students, teacher: teacher.prompt };
}

/** No scored rollout is rewarded for anything, and there are some. */
function isWithoutReward(group: CollectedGroup): boolean {
  const scored = scoredOf(group);
  return scored.length > 0 && scored.every(({ reward }) => reward <= rewardNoise);
}

function scoredOf({ rollouts }: CollectedGroup) {
  return rollouts.flatMap(({ rollout, outcome }) =>
    outcome.kind === 'scored' ? [{ rollout, reward: outcome.reward }] : [],
  );
}

function differencesOf(teacherLogprobs: Float32Array, { samplerLogprobs }: Rollout): Float32Array {
  return samplerLogprobs.map((logprob, t) => (teacherLogprobs[t] ?? 0) - logprob);
}

function bounded(difference: number): number {
  return Math.min(largestDifference, Math.max(-largestDifference, difference));
}
