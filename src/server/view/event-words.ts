/** What an event of a run means, in a sentence. */
import type { EventLine } from '../../run/records.ts';

export function eventInWords(line: EventLine): string {
  const sentence = sentences[line.kind];
  return sentence === undefined
    ? `Something happened that this version does not know: ${line.kind}.`
    : sentence(line);
}

const sentences: Readonly<Record<string, (line: EventLine) => string>> = {
  started: ({ iteration, model, parameters, iterations }) =>
    `Work began after iteration ${iteration} of ${iterations}: ${model}, ${parameters} parameters.`,
  'prompt-rejected': ({ sampleId, problem }) => `Sample ${sampleId} was passed over: ${problem}`,
  rescored: ({ unscored, stillUnscored }) =>
    `${unscored} rollouts had no reward and were scored once more; ${stillUnscored} still have none.`,
  'short-iteration': ({ groups, wanted }) =>
    `Filtering left ${groups} groups of ${wanted} wanted ones.`,
  'step-skipped': ({ reason }) =>
    reason === 'no-groups'
      ? 'No optimizer step: no group was left to learn from.'
      : 'An optimizer step was skipped: the gradient was not finite.',
  'sampler-gap': ({ gap, limit }) =>
    `Sampler and trainer differ by ${gap} nats a token on average, over ${limit}.`,
  'ended-early': ({ reason }) =>
    reason === 'time'
      ? 'The run ended before its last iteration: its time was used up.'
      : 'The run ended before its last iteration: validations no longer got better.',
  checkpoint: ({ reason }) => `A checkpoint was saved (${reason}).`,
  alarm: ({ inWords }) => String(inWords),
  paused: ({ alarm }) =>
    `The run paused itself, as the config says, because of the alarm ${alarm}.`,
  'observer-failed': ({ name, message }) => `${name} failed for the first time: ${message}`,
  'observer-failures': ({ name, times }) => `${name} failed ${times} times.`,
};
