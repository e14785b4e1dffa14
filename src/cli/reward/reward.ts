/** `medix reward`: the reward by itself, without training. */
import { addCommands, type SetUpCommand } from '../command.ts';

export const setUpReward: SetUpCommand = (group, context, isAsked) =>
  addCommands(
    group,
    [
      {
        name: 'score',
        usage: '[options] <file> [changes...]',
        description: 'Score a file of responses',
        load: async () => (await import('./score.ts')).setUpRewardScore,
      },
      {
        name: 'explain',
        usage: '[options] [words...]',
        description: 'Explain step by step how one reward was computed',
        load: async () => (await import('./explain.ts')).setUpRewardExplain,
      },
      {
        name: 'serve',
        usage: '[config...]',
        description: 'Serve rewards to other trainers over HTTP until stopped',
        load: async () => (await import('./serve.ts')).setUpRewardServe,
      },
      {
        name: 'bridge',
        usage: '[options] <trainer>',
        description: 'Write the Python file through which another trainer uses the reward service',
        load: async () => (await import('./bridge.ts')).setUpRewardBridge,
      },
    ],
    context,
    isAsked,
  );
