/** `medix reward`: the reward by itself, without training. */
import type { AddCommand } from '../command.ts';
import { addRewardBridge } from './bridge.ts';
import { addRewardExplain } from './explain.ts';
import { addRewardReplay } from './replay.ts';
import { addRewardScore } from './score.ts';
import { addRewardServe } from './serve.ts';

export const addRewardCommand: AddCommand = (program, context) => {
  const reward = program
    .command('reward')
    .description(
      'Compute rewards of responses: in files, in runs, or as a service for other trainers',
    );
  addRewardScore(reward, context);
  addRewardReplay(reward, context);
  addRewardExplain(reward, context);
  addRewardServe(reward, context);
  addRewardBridge(reward, context);
};
