/**
 * Where the reader is and what is set: everything stands in the part of the address after `#`, so that a link shows
 * what its sender saw, from a server and from a file alike.
 */
import { useMemo, useSyncExternalStore } from 'react';

export type Settings = Readonly<Record<string, string | undefined>>;

export type Address = {
  /** Decoded parts of the path, e.g. `['runs', 'quickstart', 'groups']`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
};

const listeners = new Set<() => void>();
const tell = () => {
  for (const listener of listeners) listener();
};

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) window.addEventListener('hashchange', tell);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener('hashchange', tell);
  };
}

const hash = () => window.location.hash;

export function useAddress(): Address {
  const text = useSyncExternalStore(subscribe, hash);
  return useMemo(() => readAddress(text), [text]);
}

function readAddress(text: string): Address {
  const [path = '', query = ''] = text.replace(/^#/, '').split(/\?(.*)/s);
  return {
    path: path.split('/').filter(Boolean).map(decoded),
    query: new URLSearchParams(query),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** `#/…`, for `href`. Settings that are empty are left out. */
export function linkTo(path: readonly (string | number)[], settings: Settings = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(settings)) {
    if (value !== undefined && value !== '') query.set(name, value);
  }
  const text = query.toString();
  const place = path.map((part) => encodeURIComponent(part)).join('/');
  return `#/${place}${text === '' ? '' : `?${text}`}`;
}

/** The same place with other settings; an empty one is taken away. */
function withSettings(address: Address, changes: Settings): string {
  return linkTo(address.path, { ...Object.fromEntries(address.query), ...changes });
}

export function go(link: string): void {
  window.location.hash = link;
}

/** Changes settings in place: no entry in the history for every key that is pressed. */
export function setSettings(address: Address, changes: Settings): void {
  window.history.replaceState(null, '', withSettings(address, changes));
  tell();
}
