/** What judging is measured on, known to client, server and stand-in alike. */

export const judgeLatencyMs = 50;
export const judgeSlots = 64;
export const items = 2_000;
export const votes = 3;

/** Answer i is right when this holds. */
export const isRight = (item: number) => item % 3 === 0;

/** Names the item in whatever prompt it comes in. */
export const answerTo = (item: number) => `finding ${item}x`;

/** What the judge thinks of the answer in a prompt. */
export function isRightIn(prompt: string): boolean {
  return isRight(Number(/finding (\d+)x/.exec(prompt)?.[1]));
}

/** Full waves of the server's slots, in seconds. */
export const idealSeconds = (Math.ceil((items * votes) / judgeSlots) * judgeLatencyMs) / 1000;
