/** Which host a request has to name. */
import type { Context } from 'hono';
import { isLoopback } from '../core/loopback.ts';

/**
 * Whether a request that came to an address of this machine names such an address as its host: a web page
 * may rebind its own name to 127.0.0.1, and would then read what is served here. Any name will do where
 * others can reach the address anyway.
 *
 * @param host address the service listens on.
 */
export function namesItsHost(c: Context, host: string): boolean {
  const named = (c.req.header('host') ?? '').replace(/:\d+$/, '');
  return !isLoopback(host) || isLoopback(named);
}
