/** Where a server is: the root of its API, as a URL without secrets. */
import type { Problem } from '../core/errors.ts';

export type ServerAddress = {
  /** For messages. */
  readonly name: string;
  /** @param path Below the root, e.g. `chat/completions`. */
  readonly urlOf: (path: string) => URL;
};

/** A problem instead of an address where `url` is no plain HTTP address. */
export function parseAddress(
  url: string,
):
  | { readonly kind: 'address'; readonly address: ServerAddress }
  | { readonly kind: 'problem'; readonly problem: Problem } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    return problem(
      'an http:// or https:// address',
      JSON.stringify(url),
      'write the root of the API, e.g. http://localhost:8085/v1',
    );
  }
  if (parsed.username !== '' || parsed.password !== '') {
    return problem(
      'an address without user name and password',
      `credentials for ${parsed.host}`,
      'put the key into an environment variable and name it in apiKeyEnv',
    );
  }
  const root = parsed.pathname.replace(/\/+$/, '');
  return {
    kind: 'address',
    address: {
      name: `${parsed.origin}${root}`,
      urlOf: (path) => {
        // Some gateways take a version or tenant as query; it stays.
        const target = new URL(parsed);
        target.pathname = `${root}/${path}`;
        return target;
      },
    },
  };
}

function problem(expected: string, got: string, next: string) {
  return { kind: 'problem', problem: { where: 'url', expected, got, next } } as const;
}
