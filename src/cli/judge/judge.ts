/** `medix judge`: how far a judge and an embedder can be trusted. */
import type { AddCommand } from '../command.ts';
import { addJudgeCalibrate } from './calibrate.ts';
import { addJudgeCertify } from './certify.ts';

export const addJudgeCommand: AddCommand = (program, context) => {
  const judge = program
    .command('judge')
    .description('Measure judges and embedders on labelled answers before you rely on them');
  addJudgeCertify(judge, context);
  addJudgeCalibrate(judge, context);
};
