/**
 * Whether only processes of this machine can reach the address.
 * @param host name or address as a URL or an option gives it; IPv6 with or without brackets.
 */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}
