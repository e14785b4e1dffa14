/** What a task's schema cannot say field by field: how its parts must fit together. */
import { messageOf } from '../../core/errors.ts';
import { columnOf } from '../../data/field.ts';
import { type Layout, type TaskFile, taskFields } from './task-schema.ts';
import { variablesOf } from './template.ts';

type TaskProblem = { readonly path: readonly (string | number)[]; readonly message: string };

/** Names that every question template may use beside the columns. */
const questionNames = ['row'];
const choiceNames = ['question', 'choices'];

/** The schema of a task file. */
export const taskSchema = taskFields.superRefine((task, context) => {
  for (const { path, message } of checkTask(task)) {
    context.addIssue({ code: 'custom', path: [...path], message });
  }
});

function checkTask(task: TaskFile): TaskProblem[] {
  const problems = task.layouts.flatMap((layout, i) =>
    [...layoutProblems(task, layout)].map(({ path, message }) => ({
      path: ['layouts', i, ...path],
      message,
    })),
  );
  if ((task.kind === 'report') !== (task.rubric === 'report-0-5')) {
    problems.push({ path: ['rubric'], message: 'report-0-5 for reports and binary for all else' });
  }
  const unknown = unknownNames(task.choiceTemplate, choiceNames);
  if (unknown) problems.push({ path: ['choiceTemplate'], message: unknown });
  return problems;
}

function* layoutProblems(task: TaskFile, layout: Layout): Generator<TaskProblem> {
  const listed = [...layout.columns, ...layout.optional];
  for (const [path, name] of usedColumns(task, layout)) {
    if (!listed.includes(name)) yield { path, message: `a column that is listed (${name} is not)` };
  }
  const unknown = unknownNames(layout.question, [...listed, ...questionNames]);
  if (unknown) yield { path: ['question'], message: unknown };
  if ((task.input === 'image') !== (layout.images !== undefined)) {
    const message = task.input === 'image' ? 'image columns, since input is image' : 'no images';
    yield { path: ['images'], message };
  }
  if (task.kind === 'multiple-choice' && !layout.choices) {
    yield { path: ['choices'], message: 'choices, since the kind is multiple-choice' };
  }
  if (layout.cluster === 'image' && task.input !== 'image') {
    yield { path: ['cluster'], message: 'row or a column, since there are no images' };
  }
}

/** Every column that a layout names, with the place where it does. */
function* usedColumns(task: TaskFile, layout: Layout): Generator<[string[], string]> {
  const { choices, reference, cluster, images } = layout;
  if (typeof task.kind === 'object') yield [['columns'], task.kind.column];
  for (const name of Object.keys(layout.where)) yield [['where'], name];
  if (choices && 'columns' in choices)
    for (const name of choices.columns) yield [['choices'], name];
  if (choices && 'column' in choices) yield [['choices'], choices.column];
  if ('text' in reference) yield [['reference'], columnOf(reference.text)];
  if ('letter' in reference) yield [['reference'], reference.letter];
  if ('index' in reference) yield [['reference'], reference.index];
  for (const name of images?.columns ?? []) yield [['images'], name];
  if (typeof cluster === 'object') yield [['cluster'], cluster.column];
  for (const field of Object.values(layout.subgroups)) yield [['subgroups'], columnOf(field)];
}

/** A misspelt name would render as nothing, so it is found before any row is read. */
function unknownNames(template: string, known: readonly string[]): string | undefined {
  try {
    const unknown = variablesOf(template).filter((name) => !known.includes(name));
    return unknown.length === 0
      ? undefined
      : `names among ${known.join(', ')} (not ${unknown.join(', ')})`;
  } catch (error) {
    return `a Jinja template (${messageOf(error)})`;
  }
}
