/** All that a document says which is not so. */
import { codeNameProblem } from './code-names.ts';
import type { CommandCheck } from './commands.ts';
import { settingsProblems } from './config-keys.ts';
import type { Document, Fence, Problem, Span } from './markdown.ts';
import { exists, isPathLike, pathProblems } from './paths.ts';
import type { Repository } from './repository.ts';
import { commandLines } from './shell.ts';

export type Checks = {
  readonly repository: Repository;
  /** Of the metrics that runs write. */
  readonly metricKeys: ReadonlySet<string>;
  readonly checkCommand: CommandCheck;
};

export async function checkDocument(
  document: Document,
  others: readonly Document[],
  { repository, metricKeys, checkCommand }: Checks,
): Promise<Problem[]> {
  const problems = [...pathProblems(document, others, repository, metricKeys)];
  for (const span of document.spans) {
    problems.push(...(await spanProblems(span, repository, checkCommand)));
  }
  for (const fence of document.fences) {
    problems.push(...(await fenceProblems(fence, repository, checkCommand)));
  }
  return problems.toSorted((a, b) => a.line - b.line);
}

async function spanProblems(
  { line, text }: Span,
  repository: Repository,
  checkCommand: CommandCheck,
): Promise<Problem[]> {
  if (/^(medix|npm|npx) /.test(text)) {
    const [command] = commandLines(text, line);
    return (await checkCommand(command?.words ?? [])).map((message) => ({ line, message }));
  }
  if (isPathLike(text)) return [];
  const message = codeNameProblem(text, repository);
  return message === undefined ? [] : [{ line, message }];
}

async function fenceProblems(
  { line, language, text }: Fence,
  repository: Repository,
  checkCommand: CommandCheck,
): Promise<Problem[]> {
  if (language === 'yaml') {
    return settingsProblems(text).map((message) => ({ line, message }));
  }
  if (language !== 'sh' && language !== '') return [];
  const problems: Problem[] = [];
  for (const command of commandLines(text, line)) {
    const messages = await checkCommand(command.words);
    const lost = command.words.filter(
      (word) => /^(src|test|docs|assets|recipes|bench)\//.test(word) && !exists(word, repository),
    );
    messages.push(...lost.map((word) => `${word} does not exist`));
    problems.push(...[...new Set(messages)].map((message) => ({ line: command.line, message })));
  }
  return problems;
}
