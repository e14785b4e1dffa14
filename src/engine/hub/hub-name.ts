/** Names of models on a Hugging Face hub. */

export type HubName = {
  /** `owner/name`. */
  readonly id: string;
  /** Commit, branch or tag. */
  readonly revision: string;
};

const pattern = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9_][\w.-]*)(?:@([\w][\w./-]*))?$/;
const commitPattern = /^[0-9a-f]{40}$/;

/** `owner/name` or `owner/name@revision`; undefined for anything else. */
export function parseHubName(text: string): HubName | undefined {
  const [, id, revision = 'main'] = pattern.exec(text) ?? [];
  if (id === undefined || revision.split('/').includes('..')) return undefined;
  return { id, revision };
}

export function isCommit(revision: string): boolean {
  return commitPattern.test(revision);
}
