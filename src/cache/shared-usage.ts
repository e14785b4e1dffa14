/** What several processes have used of a server together, so that a cap holds for all of them. */
import { connectRedis } from './redis-connection.ts';

export type UsageCap = {
  readonly calls?: number | null;
  readonly tokens?: number | null;
  readonly money?: number | null;
};

export type SharedUsage = {
  /**
   * Counts a call, unless a cap is reached: then which one. Exact over all processes for calls. Where the store is
   * gone, no cap is known to be reached.
   */
  reserve(use: string, cap: UsageCap): Promise<keyof UsageCap | undefined>;
  add(use: string, used: { readonly tokens: number; readonly money: number }): void;
  close(): Promise<void>;
};

const names = ['calls', 'tokens', 'money'] as const;

const reserveScript = `
for i, name in ipairs({'calls', 'tokens', 'money'}) do
  if ARGV[i] ~= '' then
    local used = tonumber(redis.call('hget', KEYS[1], name) or '0')
    if used >= tonumber(ARGV[i]) then return i end
  end
end
redis.call('hincrby', KEYS[1], 'calls', 1)
return 0`;

/**
 * @param name Under which the use is summed up; processes that share caps share it.
 * @throws MedixError 'config' where the address is none.
 */
export function openSharedUsage(url: string, name: string, password?: string): SharedUsage {
  const redis = connectRedis(url, password);
  const keyOf = (use: string) => `medix:usage:${name}:${use}`;
  return {
    reserve: async (use, cap) => {
      const limits = names.map((one) => String(cap[one] ?? ''));
      const reached = await redis.send(['EVAL', reserveScript, '1', keyOf(use), ...limits]);
      return typeof reached === 'number' && reached > 0 ? names[reached - 1] : undefined;
    },
    add: (use, { tokens, money }) => {
      void redis.send(['HINCRBYFLOAT', keyOf(use), 'tokens', String(tokens)]);
      if (money > 0) void redis.send(['HINCRBYFLOAT', keyOf(use), 'money', String(money)]);
    },
    close: () => redis.close(),
  };
}
