/** When a training run is told to be cheating rather than learning. */
import { z } from 'zod';

const share = z.number().min(0).max(1);

export const monitorSection = z
  .strictObject({
    pause: z
      .boolean()
      .default(false)
      .describe('Save a checkpoint and stop the run at its first alarm; false only tells of it'),
    window: z
      .int()
      .min(3)
      .default(10)
      .describe('Number of the last iterations over which signs of cheating are averaged'),
    correlation: share
      .default(0.5)
      .describe(
        'Rank correlation of the reward with length, hedges or copying of the question, within groups, from which it counts as paid for',
      ),
    masterKey: share
      .default(0.1)
      .describe(
        'Share of the answers that one text makes up which the judge takes for right on different questions, with nothing to confirm it, from which there is an alarm',
      ),
    judgeAlone: share
      .default(0.6)
      .describe(
        "Share of the judge's right verdicts that neither similarity nor rule confirms from which, where it has grown, it is told",
      ),
    commonest: share
      .default(0.4)
      .describe(
        'Share of all answers by which one answer is given more often than it is right from which there is an alarm',
      ),
    form: share
      .default(0.9)
      .describe('Share of the advantage that format and modality carry from which it is told'),
    zeroVariance: share
      .default(0.9)
      .describe('Share of groups whose rewards are all equal from which it is told'),
  })
  .prefault({});
