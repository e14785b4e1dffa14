/**
 * Jinja templates with bounds. A chat template comes with a stranger's model and a question template with a
 * stranger's task: neither may keep the program busy or fill its memory. Every step of rendering passes
 * `evaluate` of the interpreter, which is where steps and lengths are counted; what a filter could make
 * longer at one stroke is measured before.
 */
import { Environment, Interpreter, Template } from '@huggingface/jinja';

export type JinjaTemplate = {
  /** The syntax tree, for those who look for variables. */
  readonly parsed: Template['parsed'];
  /** @throws where a variable cannot be used so, or a bound is passed */
  render(variables: Readonly<Record<string, unknown>>, options?: RenderOptions): string;
};

type RenderOptions = {
  /**
   * Hears the type of every value that is printed and neither text nor a number, such as an object, which
   * would come out as JSON. @default prints it
   */
  readonly onOddValue?: (type: string) => void;
};

/** Steps of the interpreter; 16 characters or 2 items of a list that are made count as one more. */
const maxWork = 2_000_000;
/** Characters of a text, or of all that a list or object holds, of which each item counts as 8 more. */
const maxLength = 2 ** 20;

/** @throws where the source is no valid Jinja */
export function compileJinja(source: string): JinjaTemplate {
  const { parsed } = new Template(source);
  return { parsed, render: (variables, options = {}) => render(parsed, variables, options) };
}

type Value = {
  readonly type: string;
  readonly value: unknown;
  readonly builtins: Map<string, Value>;
};
type Call = (args: readonly Value[], scope: Environment) => Value;
type SyntaxNode = Readonly<Record<string, unknown>> & {
  readonly type: string;
  readonly iterable?: unknown;
};

/** The parts of the interpreter that it calls through itself. */
type Steps = {
  evaluate(node: SyntaxNode | undefined, scope: Environment): Value;
  evaluateBlock(nodes: readonly SyntaxNode[], scope: Environment): Value;
  evaluateArguments(nodes: unknown, scope: Environment): [Value[], Map<string, Value>];
  applyFilter(operand: Value, filter: SyntaxNode, scope: Environment): Value;
  run(program: unknown): { readonly value: string };
};

function render(
  parsed: Template['parsed'],
  variables: Readonly<Record<string, unknown>>,
  { onOddValue }: RenderOptions,
): string {
  const scope = new Environment();
  // The one name that is there before: a column may be called so.
  if (Object.hasOwn(variables, 'namespace')) scope.variables.delete('namespace');
  for (const [name, value] of Object.entries({ ...globals, ...variables })) scope.set(name, value);
  const steps = new Interpreter(scope) as unknown as Steps;
  bound(steps);
  if (onOddValue) listen(steps, onOddValue);
  return steps.run(parsed).value;
}

function bound(steps: Steps): void {
  const { evaluate, applyFilter } = steps;
  const lengths = new WeakMap<Value, number>();
  const guarded = new WeakSet<Value>();
  let work = 0;
  /** Characters that a value would print as, roughly: each value is looked through once. */
  const lengthOf = (value: Value): number => {
    const content = value.value;
    if (typeof content === 'string') return content.length;
    if (!Array.isArray(content) && !(content instanceof Map)) return 1;
    const known = lengths.get(value);
    if (known !== undefined) return known;
    let length = 8;
    for (const inner of content.values() as Iterable<Value>) {
      // What a namespace holds can change, itself included, so that nothing else may hold one.
      length += inner.type === 'NamespaceValue' ? Number.POSITIVE_INFINITY : 8 + lengthOf(inner);
    }
    work += length / 16;
    if (value.type !== 'NamespaceValue') lengths.set(value, length);
    return length;
  };
  const checked = (value: Value): Value => {
    const length = lengthOf(value);
    if (length > maxLength) throw new Error(`a value of more than ${maxLength} characters`);
    work += 1 + (value.type === 'StringValue' ? length / 16 : 0);
    if (work > maxWork) throw new Error(`more than ${maxWork} steps`);
    return value;
  };
  const guard = (value: Value): void => {
    if (value.type !== 'StringValue' || guarded.has(value)) return;
    guarded.add(value);
    boundReplace(value);
  };
  const looped = new WeakSet<SyntaxNode>();
  const receivers = new WeakSet<SyntaxNode>();
  steps.evaluate = (node, scope) => {
    if (node?.type === 'For') looped.add(iterableOf(node));
    if (node?.type === 'MemberExpression') receivers.add(node['object'] as SyntaxNode);
    const value = checked(evaluate.call(steps, node, scope));
    if (node && looped.has(node)) work += workOfRound * sizeOf(value);
    if (node && receivers.has(node)) guard(value);
    return value;
  };
  steps.applyFilter = (operand, filter, scope) => {
    const length = lengthOf(checked(operand));
    guard(operand);
    requireLength(length * spreadOf(steps, filter, scope));
    return applyFilter.call(steps, operand, filter, scope);
  };
}

/** A scope and the variable `loop` are made for every round. */
const workOfRound = 16;

/** What a loop goes through, without its condition. */
function iterableOf({ iterable }: SyntaxNode): SyntaxNode {
  const node = iterable as SyntaxNode;
  return node.type === 'SelectExpression' ? (node['lhs'] as SyntaxNode) : node;
}

function sizeOf({ value }: Value): number {
  if (Array.isArray(value)) return value.length;
  return value instanceof Map ? value.size : 0;
}

/** `'aaa'.replace('a', b)` multiplies two lengths. */
function boundReplace(text: Value): void {
  const replace = text.builtins.get('replace');
  if (replace === undefined) return;
  const call = replace.value as Call;
  const guarded: Call = (args, scope) => {
    const [from, to] = args.map(({ value }) => (typeof value === 'string' ? value : ''));
    const places = (text.value as string).length / Math.max(1, from?.length ?? 1) + 1;
    requireLength(places * (to?.length ?? 0));
    return call(args, scope);
  };
  text.builtins.set('replace', Object.create(replace, { value: { value: guarded } }));
}

/** Filters that put a text of any length between or before parts. */
const spreading: ReadonlySet<unknown> = new Set(['join', 'indent', 'tojson']);

/** The length of what a filter puts between or before the parts of its operand; 1 where it does not. */
function spreadOf(steps: Steps, filter: SyntaxNode, scope: Environment): number {
  const name = (filter['callee'] as SyntaxNode | undefined)?.['value'];
  if (!spreading.has(name)) return 1;
  const [args, named] = steps.evaluateArguments(filter['args'], scope);
  return [...args, ...named.values()].reduce((most, { value }) => {
    const length = typeof value === 'string' ? value.length : Math.abs(Number(value));
    return Math.max(most, Number.isFinite(length) ? length : 0);
  }, 1);
}

/** Sixteen times what may stay, since this is only an upper bound of what comes out. */
function requireLength(length: number): void {
  if (length > 16 * maxLength) throw new Error(`a text of more than ${maxLength} characters`);
}

const plainTypes: ReadonlySet<string> = new Set([
  'StringValue',
  'IntegerValue',
  'NullValue',
  'UndefinedValue',
]);

/** A block prints the value of each of its nodes. */
function listen(steps: Steps, onOddValue: (type: string) => void): void {
  const { evaluate, evaluateBlock } = steps;
  let printed: readonly SyntaxNode[] = [];
  steps.evaluateBlock = (nodes, scope) => {
    const outer = printed;
    printed = nodes;
    try {
      return evaluateBlock.call(steps, nodes, scope);
    } finally {
      printed = outer;
    }
  };
  steps.evaluate = (node, scope) => {
    const value = evaluate.call(steps, node, scope);
    const isPrinted = node !== undefined && printed.includes(node);
    if (isPrinted && !plainTypes.has(value.type) && !isFiniteNumber(value)) onOddValue(value.type);
    return value;
  };
}

function isFiniteNumber({ type, value }: Value): boolean {
  return type === 'FloatValue' && Number.isFinite(value);
}

/** As the library sets them for its own templates, but for the length of a range. */
const globals: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
  range: (first: number, end?: number, step = 1) => {
    const [from, to] = end === undefined ? [0, first] : [first, end];
    const count = Math.ceil((to - from) / step);
    if (!Number.isFinite(count)) throw new Error('a range without end');
    if (count > maxRange) throw new Error(`a range of more than ${maxRange} numbers`);
    return Array.from({ length: Math.max(0, count) }, (_, i) => from + i * step);
  },
  strftime_now: (format: string) => formatTime(new Date(), format),
};

const maxRange = 100_000;

/** The day and the time of day, as chat templates name them. */
function formatTime(date: Date, format: string): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const month = (style: 'short' | 'long') =>
    new Intl.DateTimeFormat(undefined, { month: style }).format(date);
  const parts: Readonly<Record<string, () => string>> = {
    '%Y': () => String(date.getFullYear()),
    '%m': () => two(date.getMonth() + 1),
    '%d': () => two(date.getDate()),
    '%b': () => month('short'),
    '%B': () => month('long'),
    '%H': () => two(date.getHours()),
    '%M': () => two(date.getMinutes()),
    '%%': () => '%',
  };
  return format.replace(/%[YmdbBHM%]/g, (token) => parts[token]?.() ?? token);
}
