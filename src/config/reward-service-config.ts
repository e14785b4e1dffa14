/** The config of `medix reward serve`. */
import { z } from 'zod';
import { rewardFields } from './judge-config.ts';
import { positiveInteger } from './sections.ts';

const limitsSection = z
  .strictObject({
    bodyBytes: positiveInteger
      .default(64 * 1024 * 1024)
      .describe(
        'Maximum size of one request in bytes, images included; all open requests together take at most twice as much, then trainers are told to wait (HTTP 429)',
      ),
    items: positiveInteger.default(1024).describe('Maximum number of items in one request'),
    itemsInWork: positiveInteger
      .default(8192)
      .describe(
        'Maximum number of items being scored at the same time, over all requests; above it trainers are told to wait (HTTP 429)',
      ),
    drainMs: positiveInteger
      .default(30_000)
      .describe(
        'Time in milliseconds that open requests have to finish when the service is told to stop',
      ),
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
      'Address to listen on; any address other than loopback needs a token in MEDIX_REWARD_TOKEN',
    ),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(8090)
    .describe('Port to listen on; 0 takes any free port'),
  journal: z
    .string()
    .min(1)
    .nullable()
    .default('reward-journal.jsonl')
    .describe(
      'File to which every scored request is appended, for `medix replay`; null writes none',
    ),
  limits: limitsSection.prefault({}),
});
export type RewardServiceConfig = z.output<typeof rewardServiceSchema>;
