/**
 * A connection to a store that speaks Redis' protocol. Nothing depends on it: a command that fails, or takes too
 * long, gives `undefined`, and that the store is gone is told once.
 */
import { createClient, RESP_TYPES } from '@redis/client';
import { fail, messageOf } from '../core/errors.ts';

export type RedisConnection = {
  /** Address without password, for messages. */
  readonly name: string;
  /** The reply: bytes, a number, null or a list of these; undefined where there is none. */
  send(command: readonly (string | Buffer)[]): Promise<unknown>;
  close(): Promise<void>;
};

/** A command that takes longer is given up: asking a model is a matter of seconds, too. */
const deadlineMs = 2000;

/** How long after a failure commands fail at once. */
const restMs = 1000;

export function isRedisUrl(text: string): boolean {
  return /^rediss?:\/\//.test(text);
}

/**
 * Connects in the background, and again whenever the connection is lost.
 * @param password Where the store asks for one; an address that holds one is refused.
 * @throws MedixError 'config' where the address is none.
 */
export function connectRedis(url: string, password?: string): RedisConnection {
  const name = checkUrl(url);
  const client = createClient({
    url,
    ...(password === undefined ? {} : { password }),
    disableOfflineQueue: true,
    socket: {
      connectTimeout: deadlineMs,
      reconnectStrategy: (retries) => Math.min(100 * 2 ** retries, 5000),
    },
  });
  let isTold = false;
  let restUntil = 0;
  const tell = (error: unknown) => {
    if (isTold) return;
    isTold = true;
    process.emitWarning(
      `the shared store ${name} cannot be used (${messageOf(error)}): what it would share is asked again and counted here alone`,
      'MedixWarning',
    );
  };
  client.on('error', tell);
  client.on('ready', () => {
    isTold = false;
    restUntil = 0;
  });
  const ready = client.connect().then(
    () => undefined,
    () => undefined,
  );
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  return {
    name,
    send: async (command) => {
      if (Date.now() < restUntil) return undefined;
      try {
        return await within(
          deadlineMs,
          ready.then(() => bytes.sendCommand([...command])),
        );
      } catch (error) {
        restUntil = Date.now() + restMs;
        tell(error);
        return undefined;
      }
    },
    close: async () => {
      client.destroy();
    },
  };
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no reply within ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const hasPassword = url !== undefined && url.password !== '';
  if (url !== undefined && isRedisUrl(text) && url.hostname !== '' && !hasPassword) return url.href;
  return fail('config', {
    where: 'cache',
    expected: 'an address like redis://host:6379/0 without a password',
    got: hasPassword ? 'one with a password' : JSON.stringify(text),
    next: 'correct it; a password belongs into the environment variable MEDIX_REDIS_PASSWORD',
  });
}
