/** Opens a link in the user's browser. */
import { spawn } from 'node:child_process';
import { platform } from 'node:os';

/** Nothing happens where there is no browser: the link is printed all the same. */
export function openBrowser(link: string): void {
  const [command, ...words] = commands[platform()] ?? ['xdg-open'];
  if (command === undefined) return;
  const child = spawn(command, [...words, link], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

const commands: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};
