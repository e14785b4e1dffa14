/**
 * How much work the service holds at once, and how it ends. A call is admitted with all its items or
 * not at all; the caller is told to come back, so waiting happens at the trainer and memory stays bounded.
 */
import type { Clock } from '../../core/async/clock.ts';

type Admission = {
  readonly kind: 'admitted';
  /** Aborts when the caller is gone, or when a drain has run out of time. */
  readonly signal: AbortSignal;
  /** Gives the places back. */
  readonly leave: () => void;
};

type Refusal = { readonly kind: 'full' } | { readonly kind: 'draining' };

/** Calls in work, from the start of the service to its end. */
export class Intake {
  readonly #maxItems: number;
  readonly #open = new Set<AbortController>();
  #items = 0;
  #draining = false;
  #onEmpty: (() => void) | undefined;

  /** @param maxItems items in work at once, over all calls. */
  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  get itemsInWork(): number {
    return this.#items;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  admit(items: number, caller: AbortSignal): Admission | Refusal {
    if (this.#draining) return { kind: 'draining' };
    if (this.#items + items > this.#maxItems) return { kind: 'full' };
    const controller = new AbortController();
    const cancel = () => controller.abort(caller.reason);
    if (caller.aborted) cancel();
    else caller.addEventListener('abort', cancel, { once: true });
    this.#open.add(controller);
    this.#items += items;
    const leave = () => {
      if (!this.#open.delete(controller)) return;
      caller.removeEventListener('abort', cancel);
      this.#items -= items;
      if (this.#open.size === 0) this.#onEmpty?.();
    };
    return { kind: 'admitted', signal: controller.signal, leave };
  }

  /**
   * Admits nothing from now on, waits for what is open, and cancels what is still open after `deadlineMs`
   * milliseconds. Resolves when all calls have left.
   * @returns how many calls were cancelled.
   */
  async drain(deadlineMs: number, clock: Clock): Promise<number> {
    this.#draining = true;
    if (this.#open.size === 0) return 0;
    const emptied = new AbortController();
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = () => {
        emptied.abort();
        resolve();
      };
    });
    await clock.sleep(deadlineMs, emptied.signal);
    const late = [...this.#open];
    for (const controller of late) controller.abort(new Error('the service is stopping'));
    await empty;
    return late.length;
  }
}
