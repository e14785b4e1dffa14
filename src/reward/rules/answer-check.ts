/** What can be said about an answer without asking a judge or an embedder. */
export type AnswerCheck =
  /** No answer that could be right; `reason` is recorded. `answer` is absent where none was found. */
  | { readonly kind: 'wrong'; readonly answer?: string; readonly reason: string }
  /** It equals the reference or an accepted answer. */
  | { readonly kind: 'exact'; readonly answer: string }
  | {
      readonly kind: 'compare';
      readonly answer: string;
      readonly referenceAnswer: string;
      readonly accepted: readonly string[];
    };
