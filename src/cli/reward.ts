/** `medix reward`: the reward by itself, without training. */
import type { AddCommand } from './command.ts';
import { addRewardBridge } from './reward-bridge.ts';
import { addRewardExplain } from './reward-explain.ts';
import { addRewardReplay } from './reward-replay.ts';
import { addRewardScore } from './reward-score.ts';
import { addRewardServe } from './reward-serve.ts';

export const addRewardCommand: AddCommand = (program, context) => {
  const reward = program
    .command('reward')
    .description('Score responses: in files, in runs, or as a service for other trainers');
  addRewardScore(reward, context);
  addRewardReplay(reward, context);
  addRewardExplain(reward, context);
  addRewardServe(reward, context);
  addRewardBridge(reward, context);
};
