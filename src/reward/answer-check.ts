/** What can be said about an answer without asking a judge or an embedder. */
export type AnswerCheck =
  /** No answer that could be right; `reason` goes on record. */
  | { readonly kind: 'wrong'; readonly reason: string }
  | { readonly kind: 'exact' }
  | {
      readonly kind: 'compare';
      readonly answer: string;
      readonly reference: string;
      readonly accepted: readonly string[];
    };
