/** Command lines of shell blocks, split into words as a shell would, placeholders left as they are. */

export type CommandLine = { readonly line: number; readonly words: readonly string[] };

/** @param line of the first line of the text. */
export function commandLines(text: string, line: number): CommandLine[] {
  const commands: CommandLine[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const first = i;
    let whole = lines[i] ?? '';
    while (whole.endsWith('\\') && i + 1 < lines.length) {
      i++;
      whole = `${whole.slice(0, -1)} ${lines[i]}`;
    }
    for (const words of splitCommands(whole)) commands.push({ line: line + first, words });
  }
  return commands;
}

/** Words of one line, a list for each command of it; what follows a `#` is left out. */
function splitCommands(line: string): string[][] {
  const commands: string[][] = [[]];
  const parts = line.matchAll(/(?:'[^']*'|"[^"]*"|<[^<>]*>|[^\s'"])+/g);
  for (const [part] of parts) {
    if (part.startsWith('#')) break;
    if (['&&', '||', '|', ';'].includes(part)) commands.push([]);
    else commands.at(-1)?.push(part.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
  }
  return commands.filter((words) => words.length > 0);
}
