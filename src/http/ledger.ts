/**
 * What models behind servers were asked, what it cost, and when to stop. Counted by kind of use: `judge`,
 * `embedder`, `model`, … Prices and cap apply to the use that they are given for; the others are only counted.
 */
import type { SharedUsage } from '../cache/shared-usage.ts';
import type { LedgerSummary, TokenUsage, UseSummary } from '../core/usage.ts';

type Prices = {
  /** Price of a million input tokens, in the currency of `cap.money`. */
  readonly input: number;
  /** Price of a million output tokens. */
  readonly output: number;
};

/** The most that may be used; null, or left out, does not limit. */
type Cap = {
  readonly calls?: number | null;
  /** Input and output together. */
  readonly tokens?: number | null;
  readonly money?: number | null;
};

/** One use's side of the ledger, handed to whoever sends its requests. */
export type Meter = {
  /** Why nothing more may be sent; undefined while there is room. */
  barred(): string | undefined;
  /**
   * Where usage is shared with other processes: counts a request for all of them, or says why there is no room.
   * Absent where nothing is shared, or no cap is set.
   */
  readonly reserve?: () => Promise<string | undefined>;
  requested(): void;
  failed(): void;
  /** @param tokens Left out where the server does not report them. */
  answered(tokens?: TokenUsage): void;
};

export type Ledger = {
  meter(use: string): Meter;
  /** An answer was reused. @param tokens What it took when it was asked for, where known. */
  reused(use: string, tokens?: TokenUsage): void;
  /** Which cap is reached, how much was used, and how to resume; undefined while there is room. */
  capReached(): string | undefined;
  summary(): LedgerSummary;
  /** Adds what an earlier process of the same run used, so that its cap also counts it. */
  merge(earlier: LedgerSummary): void;
};

type Account = { -readonly [K in keyof UseSummary]: UseSummary[K] };

type Charge = { readonly prices?: Prices | null; readonly cap?: Cap };

/** A judge of a panel: what it uses is summed up under a name of its own. */
export function ledgerOfUse(ledger: Ledger, use: string, name: string): Ledger {
  const named = (one: string) => (one === use ? name : one);
  return {
    ...ledger,
    meter: (one) => ledger.meter(named(one)),
    reused: (one, tokens) => ledger.reused(named(one), tokens),
  };
}

/**
 * @param options.charged The use that prices and cap speak of. @default 'judge'
 * @param options.charges Prices and cap by use, where several have some.
 *
 * Requests in flight when a cap on tokens or money is reached still come in and count: usage may pass
 * the cap by as many answers as were in flight. A cap on calls is exact.
 */
export function createLedger(
  options: Charge & {
    readonly charged?: string;
    readonly charges?: Readonly<Record<string, Charge>>;
    /** Usage of other processes under the same caps. @default none: caps are of this process alone */
    readonly shared?: SharedUsage;
  } = {},
): Ledger {
  const { charges = { [options.charged ?? 'judge']: options }, shared } = options;
  const pricesOf = (use: string) => charges[use]?.prices ?? null;
  const accounts = new Map<string, Account>();
  const accountOf = (use: string): Account => {
    const known = accounts.get(use);
    if (known !== undefined) return known;
    const account = emptyAccount(pricesOf(use) === null ? null : 0);
    accounts.set(use, account);
    return account;
  };
  const capOf = (use: string) => reachedCap(accountOf(use), use, charges[use]?.cap ?? {});

  const reservingFor = (use: string): Pick<Meter, 'reserve'> => {
    const cap = charges[use]?.cap;
    if (shared === undefined || cap === undefined) return {};
    return {
      reserve: async () => {
        const reached = await shared.reserve(use, cap);
        if (reached === undefined) return undefined;
        return `the ${use}'s cap.${reached} of ${cap[reached]} is reached by all processes that share it; raise cap.${reached} and resume`;
      },
    };
  };
  const shareTokens = (use: string, { prompt, completion }: TokenUsage) => {
    if (shared === undefined || charges[use]?.cap === undefined) return;
    const prices = pricesOf(use);
    const money = prices === null ? 0 : (prompt * prices.input + completion * prices.output) / 1e6;
    shared.add(use, { tokens: prompt + completion, money });
  };

  return {
    capReached: () =>
      Object.keys(charges)
        .map(capOf)
        .find((one) => one !== undefined),
    meter: (use) => {
      const account = accountOf(use);
      return {
        barred: () => (charges[use] === undefined ? undefined : capOf(use)),
        ...reservingFor(use),
        requested: () => {
          account.requests++;
        },
        failed: () => {
          account.failed++;
        },
        answered: (tokens) => {
          if (tokens === undefined) account.unmetered++;
          else {
            addTokens(account, tokens, pricesOf(use));
            shareTokens(use, tokens);
          }
        },
      };
    },
    reused: (use, tokens) => {
      const account = accountOf(use);
      account.reused++;
      if (tokens !== undefined) account.tokensSaved += tokens.prompt + tokens.completion;
    },
    summary: () => Object.fromEntries([...accounts].map(([use, sums]) => [use, { ...sums }])),
    merge: (earlier) => {
      for (const [use, sums] of Object.entries(earlier)) addAccount(accountOf(use), sums);
    },
  };
}

function emptyAccount(money: number | null): Account {
  return {
    requests: 0,
    failed: 0,
    inputTokens: 0,
    outputTokens: 0,
    unmetered: 0,
    money,
    reused: 0,
    tokensSaved: 0,
  };
}

function addTokens(account: Account, tokens: TokenUsage, prices: Prices | null): void {
  account.inputTokens += tokens.prompt;
  account.outputTokens += tokens.completion;
  if (account.money === null || prices === null) return;
  account.money += (tokens.prompt * prices.input + tokens.completion * prices.output) / 1e6;
}

function addAccount(account: Account, earlier: UseSummary): void {
  const { money, ...counts } = earlier;
  for (const [name, value] of Object.entries(counts) as [keyof typeof counts, number][]) {
    account[name] += value;
  }
  if (money !== null) account.money = (account.money ?? 0) + money;
}

function reachedCap(account: Account, use: string, cap: Cap): string | undefined {
  const tokens = account.inputTokens + account.outputTokens;
  const used = { calls: account.requests, tokens, money: account.money ?? 0 };
  for (const name of ['calls', 'tokens', 'money'] as const) {
    const most = cap[name];
    if (most === undefined || most === null) continue;
    if (name !== 'calls' && account.unmetered > 0) {
      return `the ${use}'s cap.${name} cannot be kept: its server does not report token usage; cap calls instead`;
    }
    if (used[name] < most) continue;
    return `the ${use}'s cap.${name} of ${most} is reached (used: ${shownAmount(used[name])}); raise cap.${name} and resume`;
  }
  return undefined;
}

function shownAmount(amount: number): string {
  return Number.isInteger(amount) ? String(amount) : amount.toPrecision(4);
}
