/** The site of a Hugging Face hub, as the environment names it. */
import type { HubAccess } from '../config/environment.ts';
import type { Clock } from '../core/async/clock.ts';
import { type ErrorBoundary, fail, MedixError } from '../core/errors.ts';
import { rngFromKey } from '../core/rng.ts';
import { parseAddress } from './address.ts';
import { openSite, type Site } from './site.ts';

const publicHub = 'https://huggingface.co';
/** A hub that sends nothing for so long is asked again. */
const idleMs = 60_000;
const attempts = 5;

/** Address of the hub, without a slash at its end. */
export function hubEndpoint({ endpoint = publicHub }: HubAccess): string {
  return endpoint.replace(/\/+$/, '');
}

/** @throws MedixError of the boundary where HF_ENDPOINT is no address or HF_TOKEN cannot be one */
export function openHubSite(hub: HubAccess, boundary: ErrorBoundary, clock: Clock): Site {
  const { endpoint = publicHub, token, proxies } = hub;
  const parsed = parseAddress(endpoint);
  if (parsed.kind === 'problem') {
    const next = 'correct HF_ENDPOINT, or unset it for the public hub';
    throw new MedixError(boundary, [{ ...parsed.problem, where: 'HF_ENDPOINT', next }]);
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    fail(boundary, {
      where: 'HF_TOKEN',
      expected: 'printable ASCII characters without spaces',
      got: 'other characters (not shown)',
      next: 'check it, e.g. for a line break at its end',
    });
  }
  const options = {
    ...(token === undefined ? {} : { token }),
    ...(proxies === undefined ? {} : { proxies }),
    idleMs,
    attempts,
  };
  return openSite(parsed.address, options, { rng: rngFromKey('hub'), clock });
}
