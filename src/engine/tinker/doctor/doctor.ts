/**
 * Examines a Tinker server before it is trusted with a training. Servers of the same protocol differ silently: in what
 * they average over, in whether an image reaches the model, in what distribution they sample from. Everything is
 * measured on a model of its own, which is thrown away.
 */
import { type Clock, systemClock, type WallClock } from '../../../core/async/clock.ts';
import type { TinkerClient } from '../../../tinker/client.ts';
import type { NormalisationName } from '../normalisation.ts';
import type { OwnLossName } from '../own-losses.ts';
import { type Examined, openGauge, setUp } from './bench.ts';
import {
  agreement,
  checkpoints,
  clipping,
  idempotency,
  imagesReachSampler,
  imagesReachTrainer,
  latency,
  losses,
  normalisation,
  notTried,
  ownLosses,
  seeds,
  stopping,
  tried,
  updateReachesSampler,
} from './probes.ts';
import type { Probe, ProbeOutcome, Verdict } from './verdict.ts';

export type ExamineOptions = Examined & {
  /** Only what training depends on. @default false */
  readonly onlyMusts?: boolean;
  /** Hears each answer as it comes. @default nobody */
  readonly onProbe?: (probe: Probe) => void;
  /** @default the system's */
  readonly clock?: Clock;
  /** @default the system's */
  readonly wallClock?: WallClock;
};

const compressions: Readonly<Record<TinkerClient['compression'], string>> = {
  none: '',
  zstd: ', compressed by zstd',
  unavailable: ', not compressed as the server would have it: zstd needs Node 22.15',
};

const untold = notTried('the size of gradients could not be told');

/** @throws MedixError 'engine' where no model can be made on the server */
export async function examine(options: ExamineOptions, signal: AbortSignal): Promise<Verdict> {
  const { client, baseModel, rank, onlyMusts = false, onProbe = () => {} } = options;
  const { clock = systemClock, wallClock = () => Date.now() } = options;
  const probes: Probe[] = [];
  const bench = await setUp(options, signal);
  const note = async (
    level: Probe['level'],
    name: string,
    asks: string,
    probe: () => Promise<ProbeOutcome>,
  ): Promise<ProbeOutcome> => {
    const isLeftOut = level === 'may' && onlyMusts;
    const outcome = isLeftOut
      ? notTried('only what training depends on was asked')
      : await tried(probe, signal);
    const answer: Probe = { name, asks, level, outcome };
    probes.push(answer);
    onProbe(answer);
    return outcome;
  };
  try {
    await note('must', 'model', 'Does it train the model?', async () => ({
      kind: 'passed',
      found: `${baseModel} with rank ${rank}, requests in ${client.codec}${compressions[client.compression]}`,
    }));
    await note(
      'must',
      'sampler and trainer agree',
      'Does the sampler draw from the policy that is trained?',
      () => agreement(bench, bench.text),
    );
    const blind: string[] = [];
    const pictured = async (
      name: string,
      asks: string,
      probe: (pictures: NonNullable<typeof bench.pictures>) => Promise<ProbeOutcome>,
    ) => {
      const { pictures } = bench;
      const outcome = await note('must', name, asks, async () =>
        pictures === undefined ? notTried('the model reads text alone') : probe(pictures),
      );
      if (outcome.kind === 'failed') blind.push(outcome.found);
      return outcome;
    };
    await pictured('images reach the sampler', 'Does another image change what is sampled?', (it) =>
      imagesReachSampler(bench, it),
    );
    await pictured(
      'images reach the trainer',
      'Does another image change the logprobs of the trainer?',
      (it) => imagesReachTrainer(bench, it),
    );
    await pictured(
      'sampler and trainer agree on images',
      'Do both read an image in the same way?',
      ([it]) => agreement(bench, it),
    );
    let divisor: NormalisationName | undefined;
    let gauge: Awaited<ReturnType<typeof openGauge>> | undefined;
    await note('must', 'normalisation', 'What is a loss divided by?', async () => {
      gauge = await openGauge(bench);
      const found = await normalisation(bench, gauge);
      divisor = found.name;
      return found.outcome;
    });
    let own: readonly OwnLossName[] = [];
    await note('use', 'losses of its own', 'Which losses are as they are defined?', async () => {
      if (gauge === undefined || divisor === undefined) return untold;
      const found = await ownLosses(bench, gauge);
      own = found.names;
      return found.outcome;
    });
    await note(
      'must',
      'requests count once',
      'Is a request that comes twice carried out once?',
      async () => (gauge === undefined ? untold : idempotency(bench, gauge)),
    );
    await note(
      'must',
      'updates reach the sampler',
      'Does the sampler follow an optimizer step?',
      () => updateReachesSampler(bench),
    );
    await note('must', 'stop tokens', 'Does a completion end with its stop token?', () =>
      stopping(bench),
    );
    await note('must', 'checkpoints', 'Are weights that were saved found again?', () =>
      checkpoints(bench),
    );
    await note('may', 'seeds', 'Does a seed give the same tokens again?', () => seeds(bench));
    await note('may', 'clipping', 'Is the limit of the gradient norm kept?', () => clipping(bench));
    await note('may', 'latency', 'How long does an answer take?', () => latency(bench, clock));
    await note('may', 'losses', 'Which losses does it accept?', async () => {
      const accepted = await losses(bench);
      return { kind: 'passed', found: accepted.join(', ') || 'none' };
    });
    return {
      server: client.server,
      baseModel,
      rank,
      at: wallClock(),
      probes,
      normalisation: divisor ?? null,
      losses: own,
      blind: blind[0] ?? null,
    };
  } finally {
    await bench.policy.unload(AbortSignal.timeout(5_000)).catch(() => {});
  }
}
