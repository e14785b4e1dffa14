import { fail } from '../core/errors.ts';
import type { Prompt } from '../model/prompt.ts';
import type { ModelDescription } from './engine.ts';

/** @throws MedixError 'engine' when prompt and completion together exceed the model's context. */
export function requireRoom(
  { id, contextLength }: ModelDescription,
  prompt: Prompt,
  completionTokens: number,
): void {
  if (prompt.tokens.length + completionTokens <= contextLength) return;
  fail('engine', {
    where: id,
    expected: `prompt and completion within ${contextLength} tokens`,
    got: `${prompt.tokens.length} + ${completionTokens}`,
    next: 'shorten the prompt, use smaller images or lower the completion limit',
  });
}
