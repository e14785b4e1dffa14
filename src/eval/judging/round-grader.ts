/**
 * A language model as judge, as in the paper (arXiv 2602.23363): three rounds of one conversation, in
 * which the second and third ask to evaluate once more. An answer is right where at least two rounds say
 * so; a report has the mean of three scores. The rounds are no independent votes, and are kept for
 * comparison with the paper's numbers.
 *
 * Deviations: the prompts are worded anew; a reply without the JSON that was asked for fails the answer,
 * where the paper's code asks for ever; so does a report's score that is no number from 0 to 5.
 */
import { digestOf } from '../../core/digest.ts';
import type { Message } from '../../core/message.ts';
import type { Vote } from '../results/records.ts';
import { combine } from './combine.ts';
import { createGradeAsker, type GradeAskerParts } from './grade-asker.ts';
import type { Grader } from './grader.ts';
import type { RoundPrompts } from './prompts.ts';
import { referenceReportForm, referenceScoreForm } from './read-grade.ts';
import { outcomeOf, userMessage } from './vote.ts';

export type RoundGraderOptions = GradeAskerParts & {
  readonly prompts: RoundPrompts;
  /** Longest reply in tokens. @default 512, the paper's */
  readonly maxTokens: number | null;
};

const rounds = 3;
const paperMaxTokens = 512;

/** Closes the model, and the store where there is one, with itself. */
export function createRoundGrader(options: RoundGraderOptions): Grader {
  const { model, store, prompts } = options;
  const maxTokens = options.maxTokens ?? paperMaxTokens;
  const ask = createGradeAsker(options);
  const { id, kind } = model.describe;
  const versions = [referenceScoreForm.version, referenceReportForm.version];
  const digest = digestOf(['rounds', model.describe.digest, prompts.digest, versions, maxTokens]);

  return {
    describe: { id, kind, digest },
    seesImages: false,
    gradesReports: true,
    grade: async (item, signal) => {
      const form = item.sample.kind === 'report' ? referenceReportForm : referenceScoreForm;
      const votes: Vote[] = [];
      let latencyMs = 0;
      let messages: readonly Message[] = [userMessage(prompts.render(item))];
      while (votes.length < rounds) {
        const request = { messages, maxTokens, temperature: 0, topP: 1 };
        const asked = await ask(request, form, signal);
        const { outcome } = asked;
        latencyMs = Math.max(latencyMs, asked.latencyMs);
        votes.push({ judge: id, outcome });
        // What comes after would be another conversation.
        if (outcome.kind === 'failed') return { votes, outcome, latencyMs };
        messages = [...messages, assistantMessage(outcome.reply), userMessage(prompts.again)];
      }
      // Of three rounds that all gave a score, more than half are at least two.
      return { votes, outcome: combine(item.sample.kind, votes.map(outcomeOf)), latencyMs };
    },
    probe: (signal) => model.probe(signal),
    close: async () => {
      await model.close();
      await store?.close();
    },
  };
}

function assistantMessage(text: string): Message {
  return { role: 'assistant', content: [{ type: 'text', text }] };
}
