/** Questions to a server, each with an answer that was measured. None looks at what the server says of itself. */
import { defined, MedixError, messageOf } from '../../../core/errors.ts';
import { oneLine } from '../../../core/quoted.ts';
import type { Prompt } from '../../../model/prompt.ts';
import type { Datum, SampledSequence } from '../../../tinker/messages.ts';
import { type NormalisationName, normalisationFrom, probeSizes } from '../normalisation.ts';
import { type OwnLossName, ownLossNames } from '../own-losses.ts';
import {
  type Bench,
  type Gauge,
  largestDifference,
  meanDifference,
  meanExcess,
  type ProbePass,
  plainStep,
  plainTokens,
  probeDatum,
  sampled,
  stillStep,
  trainerLogprobs,
} from './bench.ts';
import type { ProbeOutcome } from './verdict.ts';

/** Mean nats above which a completion was not drawn from what is trained. */
const mostGap = 0.05;
/** Mean nats from which on it matters whether all differences have one sign. */
const leastBias = 1e-3;
/** Below this, logprobs that should differ are taken for the same. */
const sameTo = 1e-6;

type Answer = Exclude<ProbeOutcome, { readonly kind: 'not-tried' }>;

const passed = (found: string): Answer => ({ kind: 'passed', found });
const failed = (found: string): Answer => ({ kind: 'failed', found });
export const notTried = (why: string): ProbeOutcome => ({ kind: 'not-tried', why });

const nats = (value: number) => `${value.toPrecision(2)} nats`;

/** Independent draws that are all the same are this improbable before a sampler is taken for one that does not draw. */
const leastChance = 1e-3;

/**
 * Sampled logprobs against those of the trainer, at temperature 1: of completions that are asked for one by one, and of
 * some that are asked for together, which servers may draw in another way.
 */
export async function agreement(bench: Bench, prompt: Prompt): Promise<ProbeOutcome> {
  const sampler = await bench.policy.openSampler(bench.signal);
  const chunks = await bench.chunks.prompt(prompt);
  const settings = { temperature: 1, maxTokens: 12 };
  const alone = await sampled(bench, sampler, chunks, [1, 2, 3, 4], settings);
  const together = await sampled(bench, sampler, chunks, [5], { ...settings, samples: 4 });
  const one = await compared(bench, prompt, alone);
  const first =
    one.kind === 'passed' && isOneDraw(alone)
      ? failed(
          `${one.found}, but four seeds give the same completion, which is not probable by its logprobs: the sampler does not draw, it takes the most likely tokens`,
        )
      : one;
  const other = await compared(bench, prompt, together);
  const found = `asked for one by one, ${first.found}; asked for together, ${other.found}`;
  return first.kind === 'passed' && other.kind === 'passed' ? passed(found) : failed(found);
}

async function compared(
  bench: Bench,
  prompt: Prompt,
  drawn: readonly SampledSequence[],
): Promise<Answer> {
  const kept = drawn.filter(({ tokens }) => tokens.length > 0);
  if (kept.some(({ logprobs }) => logprobs === undefined)) {
    return failed('the sampler gives no logprobs');
  }
  const theirs = kept.map(({ logprobs }) => defined(logprobs, 'logprobs'));
  const ours = await trainerLogprobs(
    bench,
    prompt,
    kept.map(({ tokens }) => tokens),
  );
  const [mean, most] = [meanDifference(theirs, ours), largestDifference(theirs, ours)];
  const found = `logprobs differ by ${nats(mean)} on average, by ${nats(most)} at most`;
  // Rounding goes both ways; whoever draws from a part of the distribution gives every token more.
  const isOneSided = mean > leastBias && meanExcess(theirs, ours) > 0.9 * mean;
  if (!(mean <= mostGap) || isOneSided) {
    return failed(
      `${found}${isOneSided ? ', and the sampler gives every token more' : ''}: completions are not drawn from the policy that is trained, e.g. from its most likely tokens alone`,
    );
  }
  return passed(found);
}

/** Whether draws are the same, though that is next to impossible by the logprobs of the first. */
function isOneDraw([first, ...others]: readonly SampledSequence[]): boolean {
  const text = first?.tokens.join();
  if (first === undefined || others.some(({ tokens }) => tokens.join() !== text)) return false;
  const sum = (first.logprobs ?? new Float32Array()).reduce((a, b) => a + b, 0);
  return Math.exp(others.length * sum) < leastChance;
}

/** The same draw about two images. */
export async function imagesReachSampler(bench: Bench, [one, other]: readonly [Prompt, Prompt]) {
  const sampler = await bench.policy.openSampler(bench.signal);
  const draws = await Promise.all(
    [one, other].map(async (prompt) => {
      const chunks = await bench.chunks.prompt(prompt);
      return sampled(bench, sampler, chunks, [1, 2], { temperature: 1, maxTokens: 6 });
    }),
  );
  const [a = [], b = []] = draws;
  const isSame = a.every(
    ({ tokens, logprobs }, i) =>
      tokens.join() === b[i]?.tokens.join() &&
      largestDifference([logprobs ?? new Float32Array()], [b[i]?.logprobs ?? new Float32Array()]) <=
        sameTo,
  );
  return isSame
    ? failed(
        'two images give the same completions with the same logprobs: the sampler drops images',
      )
    : passed('another image gives other logprobs');
}

/** The same completion about two images. */
export async function imagesReachTrainer(bench: Bench, [one, other]: readonly [Prompt, Prompt]) {
  const completion = plainTokens(bench, 6);
  const a = await trainerLogprobs(bench, one, [completion]);
  const b = await trainerLogprobs(bench, other, [completion]);
  const most = largestDifference(a, b);
  return most > sameTo
    ? passed(`another image moves logprobs by up to ${nats(most)}`)
    : failed('two images give the same logprobs: the trainer drops images');
}

/** A large step, and samples before and after it. */
export async function updateReachesSampler(bench: Bench): Promise<ProbeOutcome> {
  const { policy, signal, text } = bench;
  const completion = plainTokens(bench, probeSizes.own);
  const chunks = await bench.chunks.prompt(text);
  const draw = async () => {
    const sampler = await policy.openSampler(signal);
    const drawn = await sampled(bench, sampler, chunks, [5, 6], { temperature: 1, maxTokens: 4 });
    return drawn.map(({ tokens, logprobs }) => `${tokens.join()}/${logprobs?.join()}`);
  };
  const [before, trained] = [await draw(), await trainerLogprobs(bench, text, [completion])];
  await policy.forwardBackward(
    [await probeDatum(bench, {})],
    { name: 'importance_sampling' },
    signal,
  );
  const adam = { ...plainStep(1e-2), epsilon: 1e-8 };
  await policy.optimStep(adam, signal);
  const moved = meanDifference(trained, await trainerLogprobs(bench, text, [completion]));
  if (!(moved > sameTo)) return failed('an optimizer step changes no logprob of the trainer');
  const after = await draw();
  return before.join() === after.join()
    ? failed('the sampler answers as before an optimizer step: it keeps the old weights')
    : passed(`one step moves logprobs by ${nats(moved)}, and the sampler follows`);
}

export async function normalisation(
  bench: Bench,
  gauge: Gauge,
): Promise<{ readonly outcome: ProbeOutcome; readonly name: NormalisationName | undefined }> {
  const one = await probeDatum(bench, {});
  const long = await probeDatum(bench, { added: probeSizes.added });
  const other = await probeDatum(bench, { own: 0, added: probeSizes.other });
  const alone = await gauge.size([{ data: [one] }]);
  const ratios = {
    twice: (await gauge.size([{ data: [one, one] }])) / alone,
    twoRequests: (await gauge.size([{ data: [one] }, { data: [one] }])) / alone,
    longer: (await gauge.size([{ data: [long] }])) / alone,
    beside: (await gauge.size([{ data: [one, other] }])) / alone,
  };
  const name = normalisationFrom(ratios);
  const shown = Object.entries(ratios).map(([key, value]) => `${key} ${value.toFixed(3)}`);
  return {
    name,
    outcome:
      name === undefined
        ? failed(`no known way of averaging gives these ratios of gradients: ${shown.join(', ')}`)
        : passed(name),
  };
}

/** The same request twice under one number, as after a lost answer. */
export async function idempotency(bench: Bench, gauge: Gauge): Promise<ProbeOutcome> {
  const one = await probeDatum(bench, {});
  const once = await gauge.size([{ data: [one] }]);
  let refused = false;
  const again = await gauge.size([{ data: [one] }], async () => {
    refused = (await bench.policy.resend(bench.signal)).outcome === 'refused';
  });
  const ratio = again / once;
  if (Math.abs(ratio - 1) < 0.2) {
    return passed(
      refused
        ? 'a request that comes again is refused'
        : 'a request that comes again is carried out once',
    );
  }
  return failed(
    `a request that comes again under its number is carried out again: the gradient is ${ratio.toFixed(2)} times as large`,
  );
}

/** Of a gradient that should be nothing, beside the one that it is compared with. */
const mostRest = 0.05;

/**
 * Whether losses of the server have the gradients that they should: each is added to its opposite by importance sampling,
 * after which nothing may be left, where ratios lie within the bounds, above and below them.
 */
export async function ownLosses(
  bench: Bench,
  gauge: Gauge,
): Promise<{ readonly outcome: ProbeOutcome; readonly names: readonly OwnLossName[] }> {
  const one = await probeDatum(bench, {});
  const given = (advantage: number, ratio: number): Datum => {
    const scaled = (name: string, change: (value: number) => number) =>
      defined(one.lossInputs[name], name).map(change);
    return {
      ...one,
      lossInputs: {
        ...one.lossInputs,
        advantages: scaled('advantages', (value) => value * advantage),
        logprobs: scaled('logprobs', (value) => value - Math.log(ratio)),
      },
    };
  };
  const plain = (advantage: number, ratio: number): ProbePass => ({
    data: [given(advantage, ratio)],
  });
  const bounded = (
    name: string,
    [low, high]: readonly [number, number],
    advantage: number,
    ratio: number,
  ): ProbePass => ({
    data: [given(advantage, ratio)],
    loss: { name, settings: { clip_low_threshold: low, clip_high_threshold: high } },
  });
  /** Passes that should come to nothing, by loss. */
  const cancelling: Readonly<Record<OwnLossName, readonly (readonly ProbePass[])[]>> = {
    ppo: [
      [bounded('ppo', [0.8, 1.28], 1, 1.1), plain(-1, 1.1)],
      [bounded('ppo', [0.8, 1.28], 1, 0.7), plain(-1, 0.7)],
      [bounded('ppo', [0.8, 1.28], 1, 1.4)],
      [bounded('ppo', [0.8, 1.28], -1, 0.7)],
    ],
    cispo: [
      [bounded('cispo', [0.8, 1.28], 1, 1.1), plain(-1, 1.1)],
      [bounded('cispo', [0.8, 1.28], 1, 0.6), plain(-0.8, 1)],
      [bounded('cispo', [1, 1], 1, 1e20), plain(-1, 1)],
    ],
  };
  const names: OwnLossName[] = [];
  const said: string[] = [];
  const whole = await gauge.size([plain(1, 1)]);
  for (const name of ownLossNames) {
    try {
      const rests: number[] = [];
      for (const passes of cancelling[name]) {
        rests.push(Math.abs((await gauge.size(passes)) / whole));
      }
      const most = Math.max(...rests);
      if (most < mostRest) names.push(name);
      else said.push(`${name} is off by ${(100 * most).toFixed(0)} % of a gradient`);
    } catch (error) {
      if (!(error instanceof MedixError) || error.boundary !== 'engine') throw error;
      said.push(`${name} is refused`);
      // What came before a refusal must not reach the next question; the step may be refused too.
      await bench.policy.optimStep(stillStep, bench.signal).catch(() => undefined);
    }
  }
  const found = [...names.map((name) => `${name} is as defined`), ...said].join(', ');
  return { names, outcome: names.length > 0 ? passed(found) : failed(found) };
}

const knownLosses = {
  cross_entropy: {},
  importance_sampling: {},
  ppo: { clip_low_threshold: 0.8, clip_high_threshold: 1.28 },
  cispo: { clip_low_threshold: 0.8, clip_high_threshold: 1.28 },
  gspo: { clip_low_threshold: 0.9997, clip_high_threshold: 1.0004 },
  dppo: { delta_low: 0.2, delta_high: 0.2 },
  dro: { beta: 0.05 },
} as const;

/** @returns the losses that are accepted; a server may know a name and compute something else by it */
export async function losses(bench: Bench): Promise<readonly string[]> {
  const datum = await probeDatum(bench, {});
  const accepted: string[] = [];
  for (const [name, settings] of Object.entries(knownLosses)) {
    const loss = Object.keys(settings).length > 0 ? { name, settings } : { name };
    const { advantages, logprobs, weights } = datum.lossInputs;
    const needed =
      name === 'cross_entropy'
        ? { weights: defined(weights, 'weights') }
        : {
            weights: defined(weights, 'weights'),
            advantages: defined(advantages, 'advantages'),
            logprobs: defined(logprobs, 'logprobs'),
          };
    try {
      await bench.policy.forwardBackward([{ ...datum, lossInputs: needed }], loss, bench.signal);
      accepted.push(name);
    } catch (error) {
      if (!(error instanceof MedixError) || error.boundary !== 'engine') throw error;
    }
    // What a loss left behind must not reach the next question; after a refusal the step may be refused too.
    await bench.policy.optimStep(stillStep, bench.signal).catch(() => undefined);
  }
  return accepted;
}

export async function seeds(bench: Bench): Promise<ProbeOutcome> {
  const sampler = await bench.policy.openSampler(bench.signal);
  const chunks = await bench.chunks.prompt(bench.text);
  const settings = { temperature: 1, maxTokens: 12 };
  const draw = async (seed: number) =>
    (await sampled(bench, sampler, chunks, [seed], settings))[0]?.tokens.join();
  const [first, again] = [await draw(7), await draw(7)];
  const others = await Promise.all([8, 9, 10].map(draw));
  if (others.every((tokens) => tokens === first)) return failed('every seed gives the same tokens');
  return first === again
    ? passed('a seed gives the same tokens again')
    : failed(
        'the same seed gives other tokens: a resumed run samples other completions than an undisturbed one',
      );
}

export async function stopping(bench: Bench): Promise<ProbeOutcome> {
  const sampler = await bench.policy.openSampler(bench.signal);
  const chunks = await bench.chunks.prompt(bench.text);
  const settings = { temperature: 0, maxTokens: 8 };
  const [free] = await sampled(bench, sampler, chunks, [1], settings);
  const tokens = [...(free?.tokens ?? [])];
  // The last one that did not occur before: there is something to be left out after it.
  const place = tokens.findLastIndex(
    (token, i) => tokens.indexOf(token) === i && i < tokens.length - 1,
  );
  const stop = tokens[place];
  if (stop === undefined) return notTried('a greedy completion has too few tokens to stop in');
  const [ended] = await sampled(bench, sampler, chunks, [1], { ...settings, stop: [stop] });
  const got = [...(ended?.tokens ?? [])];
  if (got.join() === tokens.slice(0, place + 1).join() && ended?.stopReason === 'stop') {
    return passed('a completion ends with its stop token');
  }
  return got.join() === tokens.slice(0, place).join()
    ? failed('a completion ends before its stop token, so that a policy cannot learn to stop')
    : failed(`after a stop token a completion goes on, or says "${ended?.stopReason}" of its end`);
}

/** Weights saved, and read into another model. */
export async function checkpoints(bench: Bench): Promise<ProbeOutcome> {
  const { policy, client, baseModel, rank, text, signal } = bench;
  const completion = [plainTokens(bench, 6)];
  const path = await policy.save(`doctor-${client.sessionId.slice(-8)}`, signal);
  const saved = await trainerLogprobs(bench, text, completion);
  const copy = await client.createModel({ baseModel, rank, checkpoint: path }, signal);
  try {
    const read = await trainerLogprobs({ ...bench, policy: copy }, text, completion);
    const most = largestDifference(saved, read);
    // Weights that were lost are further away: a step before this question moved them.
    return most < mostGap
      ? passed(`weights that are saved and loaded give the same logprobs to ${nats(most)}`)
      : failed(`weights that were saved give other logprobs when they are loaded: ${nats(most)}`);
  } finally {
    await copy.unload(signal).catch(() => {});
  }
}

/** Whether a small limit makes a step smaller. */
export async function clipping(bench: Bench): Promise<ProbeOutcome> {
  const { policy, signal, text } = bench;
  const completion = [plainTokens(bench, probeSizes.own)];
  const moved = async (rate: number, maxGradNorm: number) => {
    const before = await trainerLogprobs(bench, text, completion);
    const datum = await probeDatum(bench, {});
    await policy.forwardBackward([datum], { name: 'importance_sampling' }, signal);
    await policy.optimStep(plainStep(rate, maxGradNorm), signal);
    return meanDifference(before, await trainerLogprobs(bench, text, completion));
  };
  let rate = 1e-5;
  let free = 0;
  while (rate < 3 && free < 5e-4) {
    rate *= 3;
    free = await moved(rate, 0);
  }
  const limited = await moved(rate, 1e-6);
  return limited < free / 10
    ? passed('a limit of the gradient norm is kept')
    : failed('grad_clip_norm changes nothing: optimizer.maxGradNorm has no effect on this server');
}

export async function latency(bench: Bench, clock: { now(): number }): Promise<ProbeOutcome> {
  const sampler = await bench.policy.openSampler(bench.signal);
  const chunks = await bench.chunks.prompt(bench.text);
  const timed = async (work: () => Promise<unknown>) => {
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const startedAt = clock.now();
      await work();
      times.push(clock.now() - startedAt);
    }
    return Math.round(defined(times.toSorted((a, b) => a - b)[1], 'time'));
  };
  const token = await timed(() =>
    sampled(bench, sampler, chunks, [1], { temperature: 1, maxTokens: 1 }),
  );
  const pass = await timed(() => trainerLogprobs(bench, bench.text, [plainTokens(bench, 4)]));
  return passed(`one sampled token takes ${token} ms, one forward pass ${pass} ms`);
}

/** What a probe found, or what kept it from finding it. */
export async function tried(
  probe: () => Promise<ProbeOutcome>,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  try {
    return await probe();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof MedixError) || error.boundary !== 'engine') throw error;
    return failed(`the server does not do it: ${oneLine(messageOf(error), 400)}`);
  }
}
