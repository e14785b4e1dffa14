/** The only reader of environment variables. Secrets pass as arguments and are never stored. */
import { MedixError, type Problem } from '../core/errors.ts';
import { judgesOf, type RewardConfig } from './judge-config.ts';
import type { TrackConfig } from './track-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How to reach a Hugging Face hub; left out, the public one without a token. */
export type HubAccess = {
  /** `HF_TOKEN`. */
  readonly token?: string;
  /** `HF_ENDPOINT`, a mirror of the Hugging Face hub. */
  readonly endpoint?: string;
  /** Absent where no proxy is named. */
  readonly proxies?: Proxies;
};

/** Proxies as the usual variables name them, in small letters or capitals. */
export type Proxies = {
  /** `HTTP_PROXY`: address of the proxy for http:// addresses. */
  readonly http?: string;
  /** `HTTPS_PROXY`: address of the proxy for https:// addresses. */
  readonly https?: string;
  /** `NO_PROXY`: hosts that are reached without a proxy, separated by commas. */
  readonly none?: string;
};

export type Secrets = {
  /** One for each judge of the config, in order; undefined for those without. */
  readonly judgeApiKeys?: readonly (string | undefined)[];
  readonly embedderApiKey?: string;
};

export function readHubAccess(environment: Environment = process.env): HubAccess {
  return {
    ...(environment['HF_TOKEN'] ? { token: environment['HF_TOKEN'] } : {}),
    ...(environment['HF_ENDPOINT'] ? { endpoint: environment['HF_ENDPOINT'] } : {}),
    ...readProxies(environment),
  };
}

/** @throws MedixError 'config' where a proxy is no http:// address */
function readProxies(environment: Environment): { readonly proxies?: Proxies } {
  const given = (name: string) => environment[name.toLowerCase()] || environment[name];
  const problems: Problem[] = [];
  const addressOf = (name: string) => {
    const text = given(name);
    if (!text) return undefined;
    const address = text.includes('://') ? text : `http://${text}`;
    if (URL.canParse(address) && new URL(address).protocol === 'http:') return address;
    // It may hold a password.
    const problem = {
      where: name,
      expected: 'the address of an HTTP proxy, e.g. http://proxy.local:3128',
      got: 'another text (not shown)',
      next: 'correct the variable, or unset it',
    };
    problems.push(problem);
    return undefined;
  };
  const [http, https, none] = [
    addressOf('HTTP_PROXY'),
    addressOf('HTTPS_PROXY'),
    given('NO_PROXY'),
  ];
  if (problems.length > 0) throw new MedixError('config', problems);
  if (http === undefined && https === undefined) return {};
  return {
    proxies: {
      ...(http === undefined ? {} : { http }),
      ...(https === undefined ? {} : { https }),
      ...(none ? { none } : {}),
    },
  };
}

/** How to reach a Tinker server, where nothing else says it. */
export type TinkerAccess = {
  /** `TINKER_BASE_URL`: root of the server. */
  readonly url?: string;
  /** `TINKER_API_KEY`: sent as X-API-Key. */
  readonly apiKey?: string;
};

/** Empty variables count as absent. */
export function readTinkerAccess(environment: Environment = process.env): TinkerAccess {
  const { TINKER_BASE_URL: url, TINKER_API_KEY: apiKey } = environment;
  return { ...(url ? { url } : {}), ...(apiKey ? { apiKey } : {}) };
}

/** `MEDIX_ENGINE_TOKEN`: what clients show to the engine service. Empty counts as absent. */
export function readEngineToken(environment: Environment = process.env): string | undefined {
  return environment['MEDIX_ENGINE_TOKEN'] || undefined;
}

/** `MEDIX_REWARD_TOKEN`: what trainers show to the reward service. Empty counts as absent. */
export function readRewardToken(environment: Environment = process.env): string | undefined {
  return environment['MEDIX_REWARD_TOKEN'] || undefined;
}

/** `MEDIX_REDIS_PASSWORD`: of the shared store of answers. Empty counts as absent. */
export function readRedisPassword(environment: Environment = process.env): string | undefined {
  return environment['MEDIX_REDIS_PASSWORD'] || undefined;
}

/** `RAY_AUTH_TOKEN`: what is shown to the head of a Ray cluster. Empty counts as absent. */
export function readRayToken(environment: Environment = process.env): string | undefined {
  return environment['RAY_AUTH_TOKEN'] || undefined;
}

/**
 * Variables for a job: `NAME=value`, or `NAME` for the value that it has here.
 * @throws MedixError 'config' naming every one that is neither.
 */
export function readJobVariables(
  words: readonly string[],
  environment: Environment = process.env,
): Record<string, string> {
  const problems: Problem[] = [];
  const variables: Record<string, string> = {};
  for (const word of words) {
    const [, name, , given] = /^([A-Za-z_]\w*)(=([\s\S]*))?$/.exec(word) ?? [];
    const value = given ?? (name === undefined ? undefined : environment[name]);
    if (name !== undefined && value !== undefined) {
      variables[name] = value;
      continue;
    }
    problems.push({
      where: `--env ${name ?? '...'}`,
      expected: 'NAME=value, or the name of a variable that is set here',
      got: name === undefined ? 'another text (not shown)' : 'a variable that is not set',
      next: 'correct the option, or export the variable',
    });
  }
  if (problems.length > 0) throw new MedixError('config', problems);
  return variables;
}

/** `MEDIX_PEERS`: a folder whose node_modules holds optional packages. Empty counts as absent. */
export function readPeersFolder(environment: Environment = process.env): string | undefined {
  return environment['MEDIX_PEERS'] || undefined;
}

/**
 * The API keys that a reward's config names.
 * @throws MedixError 'config' naming every variable that is not set.
 */
export function readSecrets(
  reward: Pick<RewardConfig, 'judge' | 'embedder'>,
  environment: Environment = process.env,
): Secrets {
  const { judge, embedder } = reward;
  const judges = judgesOf(judge).map((one, index) => ({
    where: `reward.judge.${judge.kind === 'panel' ? `judges.${index}.` : ''}apiKeyEnv`,
    variable: one.kind === 'openai' ? one.apiKeyEnv : null,
  }));
  const variable = embedder.kind === 'openai' ? embedder.apiKeyEnv : null;
  const wanted = [...judges, { where: 'reward.embedder.apiKeyEnv', variable }];
  const keys = readApiKeys(wanted, environment);
  const embedderApiKey = keys.at(-1);
  return { judgeApiKeys: keys.slice(0, -1), ...(embedderApiKey ? { embedderApiKey } : {}) };
}

/**
 * The token of the MLflow server that a run is told to.
 * @throws MedixError 'config' where its variable is not set.
 */
export function readTrackerKey(
  { mlflow }: TrackConfig,
  environment: Environment = process.env,
): string | undefined {
  const variable = mlflow?.apiKeyEnv ?? null;
  const [key] = readApiKeys([{ where: 'track.mlflow.apiKeyEnv', variable }], environment);
  return key;
}

/**
 * The API keys that the named variables hold, in the order of `wanted`; undefined where none is needed.
 * @param wanted `where` is the config field that names the variable; null names none
 * @throws MedixError 'config' naming every variable that is not set.
 */
export function readApiKeys(
  wanted: readonly { readonly where: string; readonly variable: string | null }[],
  environment: Environment = process.env,
): readonly (string | undefined)[] {
  const problems: Problem[] = [];
  const keys = wanted.map(({ where, variable }) => {
    if (variable === null) return undefined;
    const value = environment[variable];
    if (!value) {
      problems.push({
        where,
        expected: `an API key in the environment variable ${variable}`,
        got: value === undefined ? 'no such variable' : 'an empty one',
        next: `export ${variable}, or set this field to null if the server needs no key`,
      });
    }
    return value;
  });
  if (problems.length > 0) throw new MedixError('config', problems);
  return keys;
}
