/** Test support: test/fixtures/text-families, whose README.md describes every value. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openSafetensors } from './files/safetensors.ts';
import type { Message, Prompt } from './prompt.ts';

const root = fileURLToPath(new URL('../../test/fixtures/text-families/', import.meta.url));

type TextCase = {
  readonly name: string;
  readonly messages: readonly { readonly role: Message['role']; readonly content: string }[];
  readonly rendered: string;
  readonly inputIds: readonly number[];
  readonly greedy: readonly number[];
  readonly completionLoss: number;
};

export type TextFamily = {
  readonly name: string;
  /** Folder of the model. */
  readonly model: string;
  /** Folder of an adapter on it, with the gradients of its factors. */
  readonly adapter: string;
  readonly cases: readonly TextCase[];
  /** Of the completion's loss, by case and parameter. */
  readonly gradients: Readonly<
    Record<string, Readonly<Record<string, { readonly norm: number; readonly sum: number }>>>
  >;
  readonly adapterLoss: { readonly case: string; readonly loss: number };
};

export const textFamilies: readonly TextFamily[] = ['qwen3', 'qwen2', 'llama'].map((name) => ({
  name,
  model: `${root}${name}/model`,
  adapter: `${root}${name}/adapter`,
  cases: json(`${name}/cases.json`) as TextFamily['cases'],
  gradients: json(`${name}/gradients.json`) as TextFamily['gradients'],
  adapterLoss: json(`${name}/adapter/loss.json`) as TextFamily['adapterLoss'],
}));

export function textFamily(name: string): TextFamily {
  const found = textFamilies.find((family) => family.name === name);
  if (found === undefined) throw new Error(`no family ${name}`);
  return found;
}

/** [T + C, V] after each token of prompt and completion. */
export async function textLogits({ name }: TextFamily, textCase: TextCase): Promise<Float32Array> {
  const store = await openSafetensors(`${root}${name}/logits.safetensors`);
  return store.read(textCase.name).finally(() => store.close());
}

export function textPrompt({ inputIds }: TextCase): Prompt {
  return { tokens: Int32Array.from(inputIds), images: [] };
}

export function textMessages({ messages }: TextCase): Message[] {
  return messages.map(({ role, content }) => ({
    role,
    content: [{ type: 'text', text: content }],
  }));
}

function json(path: string): unknown {
  return JSON.parse(readFileSync(`${root}${path}`, 'utf8'));
}
