/** `medix eval generate | judge | score | run`: the stages of an evaluation, alone or together. */
import { isDeepStrictEqual } from 'node:util';
import { type EvalConfig, evalConfigSchema } from '../../config/eval-config.ts';
import { fail } from '../../core/errors.ts';
import { modelIdOf } from '../../eval/answerers/open-answerer.ts';
import { openEvaluatedTask, openEvaluation } from '../../eval/evaluation/open-evaluation.ts';
import { openReachableJudging, runGenerate, runJudge } from '../../eval/evaluation/run-stages.ts';
import { formatTerminal } from '../../eval/reports/terminal.ts';
import { writeReports } from '../../eval/reports/write-reports.ts';
import { readEvalManifest } from '../../eval/results/layout.ts';
import { scoreEvaluation } from '../../eval/scoring/score.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { fieldsHelp, formatConfig } from '../config-arguments.ts';
import {
  missingParts,
  missingScores,
  printAnswersEnd,
  printVerdictsEnd,
  problemsOf,
  requireNothing,
} from './missing.ts';
import { readEvalConfig } from './read-eval-config.ts';
import { stageContext } from './view.ts';

type Options = { readonly resume?: string; readonly subgroups?: boolean };

type Run = (
  config: EvalConfig,
  context: CommandContext,
  view: { readonly subgroups: boolean },
) => Promise<void>;

/** What the four have in common; those that end in scores can also show them by subgroup. */
function setUp(run: Run, showsScores: boolean): SetUpCommand {
  return (command, context) => {
    command
      .argument('[config...]', 'config file and key=value changes')
      .option('--resume <directory>', 'resume an existing results folder: take its config')
      .addHelpText('after', fieldsHelp(evalConfigSchema, notes))
      .action(async (words: string[], { resume, subgroups = false }: Options) => {
        await run(await readEvalConfig(words, resume), context, { subgroups });
      });
    if (!showsScores) return;
    command.option('--subgroups', 'also print scores by kind, modality, organ, …');
  };
}

const notes = [
  'To resume a stage, or to ask again what has failed, run the same command again. What is done is kept.',
  'The exit code is 1 where an answer, a verdict or a score is missing at the end; the causes are printed.',
  'A results folder holds one model, template and sampling; tasks, variants, epochs and judgings can be added.',
];

const generateOnly: Run = async (config, context) => {
  const evaluation = await openEvaluation(config, { generates: true, judges: false });
  context.terminal.print(formatConfig(config));
  const end = await runGenerate(evaluation, stageContext(context));
  const missing = await printAnswersEnd(evaluation, end, context);
  context.terminal.print(`the answers are in ${config.out}`);
  requireNothing(problemsOf(config, 'answer', missing));
};

const judgeOnly: Run = async (config, context) => {
  const evaluation = await openEvaluation(config, { generates: false, judges: true });
  await requireModel(config);
  const judging = await openReachableJudging(evaluation, stageContext(context));
  const end = await runJudge(evaluation, judging, stageContext(context));
  const missing = await printVerdictsEnd(evaluation, end, context);
  context.terminal.print(`the verdicts are in ${config.out}`);
  requireNothing(problemsOf(config, 'verdict', missing));
};

const runAll: Run = async (config, context, view) => {
  const evaluation = await openEvaluation(config, { generates: true, judges: true });
  context.terminal.print(formatConfig(config));
  // Opened first: answers cost more than to find out that nobody can judge them.
  const judging = await openReachableJudging(evaluation, stageContext(context));
  try {
    const end = await runGenerate(evaluation, stageContext(context));
    await printAnswersEnd(evaluation, end, context);
  } catch (error) {
    await judging.close();
    throw error;
  }
  const end = await runJudge(evaluation, judging, stageContext(context));
  await printVerdictsEnd(evaluation, end, context);
  await score(config, context, view);
};

const score: Run = async (config, { terminal, clock, signal }, { subgroups }) => {
  await requireModel(config);
  const { out: folder } = config;
  const report = await scoreEvaluation({ folder, config, clock });
  for (const line of formatTerminal(report, { subgroups })) terminal.print(line);
  const openTask = (id: string) => openEvaluatedTask(id, config);
  const paths = await writeReports(folder, report, { openTask, signal });
  terminal.print(`\nthe report is in ${paths.at(-1)}`);
  requireNothing([...missingScores(report), ...missingParts(config, report)]);
};

/** Answers of one model must not be judged or scored in the name of another. */
async function requireModel({ out, model }: EvalConfig): Promise<void> {
  const { model: evaluated, config } = await readEvalManifest(out);
  // The folder's own config names it so: a model of the user's own need not be loaded to know.
  if (isDeepStrictEqual(config['model'], model)) return;
  const id = await modelIdOf(model);
  if (evaluated.kind === model.kind && evaluated.id === id) return;
  fail('run', {
    where: out,
    expected: `answers of ${model.kind} ${id}`,
    got: `those of ${evaluated.kind} ${evaluated.id}`,
    next: 'set out= to the folder of this model, or use --resume to take the model of this folder',
  });
}

export const setUpEvalGenerate = setUp(generateOnly, false);
export const setUpEvalJudge = setUp(judgeOnly, false);
export const setUpEvalScore = setUp(score, true);
export const setUpEvalRun = setUp(runAll, true);
