/** `medix judge`: how far a judge and an embedder can be trusted. */
import { addCommands, type SetUpCommand } from '../command.ts';

export const setUpJudge: SetUpCommand = (group, context, isAsked) =>
  addCommands(
    group,
    [
      {
        name: 'certify',
        usage: '[options] [config...]',
        description: 'Measure a judge on labelled answers and write its certificate',
        load: async () => (await import('./certify.ts')).setUpJudgeCertify,
      },
      {
        name: 'calibrate',
        usage: '[config...]',
        description: 'Choose the similarity threshold of an embedder from labelled answers',
        load: async () => (await import('./calibrate.ts')).setUpJudgeCalibrate,
      },
      {
        name: 'labels',
        usage: '[options] <dir...>',
        description: 'Collect what you labelled in `medix view` as labelled answers for certify',
        load: async () => (await import('./labels.ts')).setUpJudgeLabels,
      },
    ],
    context,
    isAsked,
  );
