/** What the answers depend on: the image, and the place of the options. */
import type { EvalReport, ImageChange, MeanScore, OptionPermutation } from '../results/report.ts';
import { columnsOf, type Section } from './table.ts';
import { count, meanOver, percent, percentWithin, pointsWithin } from './wording.ts';

/** Sections for the variants that were asked; none where only the original questions were asked. */
export function dependenceSections(report: EvalReport): Section[] {
  return [...imageSection(report), ...optionSection(report)];
}

function imageSection({ imageDependence }: EvalReport): Section[] {
  if (imageDependence === null || imageDependence.tasks.length === 0) return [];
  const { tasks, overall } = imageDependence;
  const rows = [
    ...tasks.flatMap(({ task, changes }) => changes.map((change) => changeRow(task, change))),
    ...overall.map((change) => changeRow(meanOver(change.tasks.length), change)),
  ];
  const changes = overall.length > 0 ? overall : tasks.flatMap((one) => one.changes);
  return [
    {
      id: 'image-dependence',
      title: 'Dependence on the image',
      text: [
        'The same questions with the true and with a changed image, paired by question. The part of the score that survives comes from the words of the question or from guessing, not from the image.',
        ...changes.map(({ inWords }) => `${inWords}.`),
      ],
      table: {
        columns: columnsOf(
          'task',
          'image',
          '>n',
          '>true image [95 %]',
          '>changed image [95 %]',
          '>difference [95 %]',
          '>survives [95 %]',
        ),
        rows,
      },
    },
  ];
}

function changeRow(name: string, change: ImageChange): string[] {
  const { variant, samples, trueImage, changedImage, difference, survives } = change;
  return [
    name,
    variant.replace('-image', ''),
    count(samples),
    within(trueImage),
    within(changedImage),
    pointsWithin(difference.score, difference.interval),
    survives === null ? '–' : within(survives),
  ];
}

function optionSection({ optionPermutation }: EvalReport): Section[] {
  if (optionPermutation.length === 0) return [];
  return [
    {
      id: 'option-order',
      title: 'Dependence on the order of options',
      text: [
        'The same questions with their options under other letters. A model that chooses by content chooses the same option again. The column “between epochs” shows how often sampling alone changes the choice.',
        ...optionPermutation.flatMap(letterText),
      ],
      table: {
        columns: columnsOf(
          'task',
          '>pairs',
          '>other option [95 %]',
          '>between epochs [95 %]',
          '>difference in score [95 %]',
          '>spread of recall',
        ),
        rows: optionPermutation.map(permutationRow),
      },
    },
  ];
}

function permutationRow(permutation: OptionPermutation): string[] {
  const { task, pairs, changed, changedBetweenEpochs, difference, recallSpread } = permutation;
  return [
    task,
    count(pairs),
    changed ? within(changed) : '–',
    changedBetweenEpochs ? within(changedBetweenEpochs) : '–',
    difference ? pointsWithin(difference.value, difference.interval) : '–',
    recallSpread === null ? '–' : percent(recallSpread),
  ];
}

/** How often each letter is taken, against how often it is right. */
function letterText({ task, letters }: OptionPermutation): string[] {
  if (letters.length === 0) return [];
  const shares = letters.map(
    ({ letter, offered, taken, right }) =>
      `${letter} ${percent(taken / Math.max(1, offered))} (right ${percent(right / Math.max(1, offered))})`,
  );
  return [`${task}, how often each letter was chosen where it was offered: ${shares.join(', ')}.`];
}

function within({ score, interval }: MeanScore): string {
  return percentWithin(score, interval);
}
