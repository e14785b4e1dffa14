/**
 * A language model as judge, by independent votes: each is a conversation of its own, so that no vote
 * leans on another. From vote to vote the answers change places, and options come in another order, as
 * judges favour what stands first (arXiv 2305.17926).
 */
import type { ChatRequest } from '../../chat/chat-model.ts';
import { digestOf } from '../../core/digest.ts';
import { rngFromKey } from '../../core/rng.ts';
import { combine } from './combine.ts';
import { createGradeAsker, type GradeAskerParts } from './grade-asker.ts';
import type { Grader, GraderItem } from './grader.ts';
import type { VotePrompts } from './prompts.ts';
import { correctForm, rubricForm } from './read-grade.ts';
import { outcomeOf, userMessage } from './vote.ts';

export type VoteGraderOptions = GradeAskerParts & {
  readonly prompts: VotePrompts;
  /** At least 1. */
  readonly votes: number;
  readonly showImages: boolean;
  /** Longest reply in tokens. @default what the form needs, for a model that does not think aloud */
  readonly maxTokens: number | null;
};

/** One vote is greedy. Several are drawn, as a model that is asked again the same way says the same. */
const votingTemperature = 0.7;

const replyTokens = { answer: 24, report: 48 };

/** Closes the model, and the store where there is one, with itself. */
export function createVoteGrader(options: VoteGraderOptions): Grader {
  const { model, store, prompts, votes, showImages, maxTokens } = options;
  const ask = createGradeAsker(options);
  const digest = digestOf([
    'votes',
    model.describe.digest,
    prompts.digest,
    [correctForm.version, rubricForm.version],
    votes,
    showImages,
    maxTokens,
  ]);

  const requestOf = (item: GraderItem, key: string, vote: number): ChatRequest => {
    const images = showImages ? item.sample.images : [];
    const text = prompts.render(item, { ...showingOf(item, key, vote), imageCount: images.length });
    const usual = item.sample.kind === 'report' ? replyTokens.report : replyTokens.answer;
    return {
      messages: [userMessage(text, images)],
      maxTokens: maxTokens ?? usual,
      temperature: votes === 1 ? 0 : votingTemperature,
      topP: 1,
      ...(votes === 1 ? {} : { seed: rngFromKey(`seed/${vote}/${key}`).integer(2 ** 31) }),
    };
  };

  return {
    describe: { id: model.describe.id, kind: model.describe.kind, digest },
    seesImages: showImages,
    gradesReports: true,
    grade: async (item, signal) => {
      const key = keyOf(item);
      const form = item.sample.kind === 'report' ? rubricForm : correctForm;
      const asked = await Promise.all(
        Array.from({ length: votes }, (_, vote) => ask(requestOf(item, key, vote), form, signal)),
      );
      const cast = asked.map(({ outcome }) => ({ judge: model.describe.id, outcome }));
      return {
        votes: cast,
        outcome: combine(item.sample.kind, cast.map(outcomeOf)),
        latencyMs: Math.max(...asked.map(({ latencyMs }) => latencyMs)),
      };
    },
    probe: (signal) => model.probe(signal),
    close: async () => {
      await model.close();
      await store?.close();
    },
  };
}

/** By content and not by id, so that the same question and answer are shown the same way everywhere. */
function keyOf({ sample, answer }: GraderItem): string {
  const { problem, choices, referenceAnswer, accepted } = sample;
  const options = choices.map(({ text }) => text);
  return digestOf([problem, options, referenceAnswer, accepted, answer]);
}

/**
 * Which answer stands first is drawn for the first vote and alternates from there, so that both orders
 * come equally often. To close its own fence, an answer would have to contain 96 bits of the SHA-256 of a
 * text that contains it; so the line needs no secret, and requests are the same in every run.
 */
function showingOf({ sample }: GraderItem, key: string, vote: number) {
  const first = rngFromKey(`order/${key}`).integer(2);
  return {
    delimiter: `=== ${key.slice(0, 24)} ===`,
    expertFirst: (first + vote) % 2 === 0,
    choices: rngFromKey(`options/${vote}/${key}`).shuffle(sample.choices),
  };
}
