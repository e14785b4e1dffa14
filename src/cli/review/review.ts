/** `medix review`: people rate stored answers without knowing which model gave them. */
import type { AddCommand } from '../command.ts';
import { addReviewCreate } from './create.ts';
import { addReviewScore } from './score.ts';
import { addReviewServe } from './serve.ts';

export const addReviewCommand: AddCommand = (program, context) => {
  const review = program
    .command('review')
    .description('Let people rate stored answers without knowing which model gave them');
  addReviewCreate(review, context);
  addReviewServe(review, context);
  addReviewScore(review, context);
};
