/** Spans that name something in the code or in a config: fields, identifiers, environment variables. */
import { areChanges, changesProblems, isField, settingProblem } from './config-keys.ts';
import type { Repository } from './repository.ts';
import { commandLines } from './shell.ts';

/** Undefined where nothing is wrong, or where a span is nothing of the kind. */
export function codeNameProblem(text: string, { source, words }: Repository): string | undefined {
  const changes = commandLines(text, 0).flatMap((command) => command.words);
  if (areChanges(changes)) return changesProblems(changes)[0];
  if (/^[a-zA-Z]+: ./.test(text)) return settingProblem(text);
  const name = text.replace(/\(.*\)$/, '');
  if (/^[A-Z][a-z]\w*\.\w+$/.test(name)) {
    return name.split('.').every((part) => words.has(part)) ? undefined : `no code has ${name}`;
  }
  if (/^[a-z]\w*(\.[a-z]\w*)*\.([a-z]\w*|\*)$/i.test(name)) {
    if (isField(name) || source.includes(name)) return undefined;
    return `${name} is neither a config field nor in the source`;
  }
  const isIdentifier = /^([a-z]+[A-Z]\w*|[A-Z]+(_[A-Z]+)+)$/.test(name);
  return isIdentifier && !words.has(name) ? `${name} does not occur in the source` : undefined;
}
