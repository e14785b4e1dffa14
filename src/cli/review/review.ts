/** `medix review`: people rate stored answers without knowing which model gave them. */
import { addCommands, type SetUpCommand } from '../command.ts';

export const setUpReview: SetUpCommand = (group, context, isAsked) =>
  addCommands(
    group,
    [
      {
        name: 'create',
        usage: '[options]',
        description: 'Draw a blinded, randomised set of answers, the same number from each task',
        load: async () => (await import('./create.ts')).setUpReviewCreate,
      },
      {
        name: 'serve',
        usage: '[options] <dir>',
        description:
          'Serve a review to its raters until stopped; their ratings are saved in its folder',
        load: async () => (await import('./serve.ts')).setUpReviewServe,
      },
      {
        name: 'score',
        usage: '<dir>',
        description: 'Summarise the ratings; writes report.json and labels.jsonl into the folder',
        load: async () => (await import('./score.ts')).setUpReviewScore,
      },
    ],
    context,
    isAsked,
  );
