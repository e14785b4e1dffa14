/** One part of a chat message. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image';
      readonly image: { readonly bytes: Uint8Array; readonly name: string };
    };

export type Message = {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: readonly ContentPart[];
};
