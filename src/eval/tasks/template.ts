/** Jinja templates of questions and choices: compiled once, checked for names that nobody sets. */
import { messageOf } from '../../core/errors.ts';
import { compileJinja, type JinjaTemplate } from '../../core/jinja.ts';
import { oneLine } from '../../core/quoted.ts';
import type { Fields } from '../../data/field.ts';
import { type Choice, RowProblem } from './sample.ts';
import type { Task } from './task-schema.ts';

type Compiled = { readonly template: JinjaTemplate; readonly variables: readonly string[] };

const compiled = new Map<string, Compiled>();

/** The same text is compiled once. Throws where it is no valid Jinja. */
function compile(source: string): Compiled {
  const known = compiled.get(source);
  if (known) return known;
  const template = compileJinja(source);
  const result = { template, variables: freeVariables(template) };
  compiled.set(source, result);
  return result;
}

/** The variables that a template takes from outside. Throws where it is no valid Jinja. */
export function variablesOf(source: string): readonly string[] {
  return compile(source).variables;
}

/**
 * A row's question, without its choices. The template sees the columns that it names, and all of them as
 * `row`; never image bytes, which Jinja would copy byte by byte.
 *
 * @throws RowProblem where it shows a value that is neither text nor a number, or cannot be rendered
 */
export function renderStem(source: string, fields: Fields): string {
  const { template, variables } = compile(source);
  const columns = Object.entries(fields).flatMap(([name, value]) =>
    variables.includes(name) || variables.includes('row') ? [[name, showable(value)] as const] : [],
  );
  const row = Object.fromEntries(columns);
  return rendering(() => template.render({ ...row, row }, { onOddValue: failOdd })).trim();
}

/** What Jinja calls the values that a question must not show: they would read as JSON. */
const oddTypes: Readonly<Record<string, string>> = {
  ObjectValue: 'an object',
  ArrayValue: 'a list',
  BooleanValue: 'true or false',
  FloatValue: 'NaN or infinity',
};

function failOdd(type: string): never {
  const shown = oddTypes[type] ?? type;
  throw new RowProblem('malformed', `the question shows ${shown}, neither text nor a number`);
}

function rendering(render: () => string): string {
  try {
    return render();
  } catch (error) {
    if (error instanceof RowProblem) throw error;
    return failUnrendered(messageOf(error));
  }
}

function failUnrendered(message: string): never {
  throw new RowProblem('malformed', `the template cannot be rendered: ${oneLine(message)}`);
}

/** Integers beyond 2^53, which Jinja has not, become texts of their digits. */
function showable(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (Array.isArray(value)) return value.map(showable);
  if (value instanceof Uint8Array) return undefined;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, showable(item)]));
}

/**
 * The question as a model is asked it: the stem, then the choices under their letters in the task's
 * choice template. Without choices it is the stem.
 */
export function renderQuestion(
  task: Pick<Task, 'choiceTemplate'>,
  stem: string,
  choices: readonly Choice[],
): string {
  if (choices.length === 0) return stem;
  const { template } = compile(task.choiceTemplate);
  return rendering(() => template.render({ question: stem, choices: [...choices] })).trim();
}

type SyntaxNode = Readonly<Record<string, unknown>> & { readonly type: string };

/** Where a node holds a mere name, of a filter, test, argument or operator, that would pass for a variable. */
const nameFields: Readonly<Record<string, string>> = {
  FilterExpression: 'filter',
  FilterStatement: 'filter',
  TestExpression: 'test',
  KeywordArgumentExpression: 'key',
  BinaryExpression: 'operator',
  UnaryExpression: 'operator',
};

/** Where a node makes variables of its own. */
const bindingFields: Readonly<Record<string, readonly string[]>> = {
  For: ['loopvar'],
  Set: ['assignee'],
  Macro: ['name', 'args'],
  CallStatement: ['callerArgs'],
};

function freeVariables(template: JinjaTemplate): string[] {
  const used = new Set<string>();
  const own = new Set<string>(['loop', 'range', 'true', 'false', 'none', 'namespace']);
  visit(template.parsed, (node) => {
    if (node.type === 'Identifier') used.add(String(node['value']));
    for (const field of bindingFields[node.type] ?? []) {
      visit(node[field], (bound) => {
        if (bound.type === 'Identifier') own.add(String(bound['value']));
      });
    }
  });
  return [...used].filter((name) => !own.has(name));
}

/** Every node below a part of a syntax tree but mere names. */
function visit(part: unknown, see: (node: SyntaxNode) => void): void {
  if (Array.isArray(part)) for (const item of part) visit(item, see);
  else if (part instanceof Map) visit([...part].flat(), see);
  else if (isSyntaxNode(part)) {
    see(part);
    for (const [field, value] of Object.entries(part)) {
      if (!isMereName(part, field)) visit(value, see);
      // The arguments of a filter, as in `join(separator)`, are variables again.
      else if (isSyntaxNode(value)) visit(value['args'], see);
    }
  }
}

function isMereName(node: SyntaxNode, field: string): boolean {
  if (node.type === 'MemberExpression') return field === 'property' && node['computed'] !== true;
  return nameFields[node.type] === field;
}

function isSyntaxNode(part: unknown): part is SyntaxNode {
  return typeof part === 'object' && part !== null && 'type' in part;
}
