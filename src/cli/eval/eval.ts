/** `medix eval`: evaluates models on medical benchmarks by comparing their answers with reference answers. */
import { addCommands, type SetUpCommand } from '../command.ts';

export const setUpEval: SetUpCommand = (group, context, isAsked) =>
  addCommands(
    group,
    [
      {
        name: 'tasks',
        usage: '[options] [tasks...]',
        description:
          'List the evaluation tasks: size, licence, access, and what is on this machine',
        load: async () => (await import('./tasks.ts')).setUpEvalTasks,
      },
      {
        name: 'samples',
        usage: '[options] <task>',
        description:
          'List the questions of a task as JSON lines {id, question}, without the reference answers',
        load: async () => (await import('./samples.ts')).setUpEvalSamples,
      },
      {
        name: 'forecast',
        usage: '[options] [config...]',
        description:
          'Estimate the calls, tokens, time and money of an evaluation by running a small part of it (a pilot)',
        load: async () => (await import('./forecast.ts')).setUpEvalForecast,
      },
      {
        name: 'generate',
        usage: '[options] [config...]',
        description: 'First stage: a model answers the questions of the tasks',
        load: async () => (await import('./run.ts')).setUpEvalGenerate,
      },
      {
        name: 'judge',
        usage: '[options] [config...]',
        description: 'Second stage: judges say which answers are right',
        load: async () => (await import('./run.ts')).setUpEvalJudge,
      },
      {
        name: 'score',
        usage: '[options] [config...]',
        description: 'Third stage: scores with intervals, tables and report files',
        load: async () => (await import('./run.ts')).setUpEvalScore,
      },
      {
        name: 'run',
        usage: '[options] [config...]',
        description: 'All three stages, one after the other',
        load: async () => (await import('./run.ts')).setUpEvalRun,
      },
      {
        name: 'compare',
        usage: '[options] <baseline> <candidates...>',
        description: 'Compare models on the same questions, judged by the same judges',
        load: async () => (await import('./compare.ts')).setUpEvalCompare,
      },
      {
        name: 'contamination',
        usage: '[options]',
        description: 'Report which questions and images of tasks also occur in training sets',
        load: async () => (await import('./contamination.ts')).setUpEvalContamination,
      },
      {
        name: 'submit',
        usage: '[options] <folder>',
        description: 'Pack a results folder for the leaderboard of the paper',
        load: async () => (await import('./submit.ts')).setUpEvalSubmit,
      },
    ],
    context,
    isAsked,
  );
