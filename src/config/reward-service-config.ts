/** The config of `medix reward serve`. */
import { z } from 'zod';
import { rewardFields } from './judge-config.ts';
import { positiveInteger } from './sections.ts';

const limitsSection = z
  .strictObject({
    bodyBytes: positiveInteger
      .default(64 * 1024 * 1024)
      .describe('Bytes of one request at most, images included'),
    items: positiveInteger.default(1024).describe('Items of one request at most'),
    itemsInWork: positiveInteger
      .default(8192)
      .describe(
        'Items in work at most, over all requests; beyond them trainers are told to wait (429)',
      ),
    drainMs: positiveInteger
      .default(30_000)
      .describe('Milliseconds that open requests are given when the service is told to stop'),
  })
  .refine(({ items, itemsInWork }) => items <= itemsInWork, {
    path: ['itemsInWork'],
    message: 'at least limits.items',
  });

/** Schema of {@link RewardServiceConfig}; its fields carry their own documentation. */
export const rewardServiceSchema = z.strictObject({
  reward: z.strictObject(rewardFields).prefault({}),
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe(
      'Address to listen on; any but a loopback address needs a token in MEDIX_REWARD_TOKEN',
    ),
  port: z.int().min(0).max(65_535).default(8090).describe('Port to listen on; 0 takes a free one'),
  journal: z
    .string()
    .min(1)
    .nullable()
    .default('reward-journal.jsonl')
    .describe(
      'File that every scored request is added to, for medix reward replay; null keeps none',
    ),
  limits: limitsSection.prefault({}),
});
export type RewardServiceConfig = z.output<typeof rewardServiceSchema>;
