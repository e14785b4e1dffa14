/**
 * Model families by name. A judge favours text of its own family (self-preference, arXiv 2404.13076), and
 * a policy trained against a relative learns its blind spots, so the two had better differ.
 */

/** Tried on the lower-cased name; a name may belong to several, e.g. a distilled model. */
const families: readonly (readonly [family: string, names: RegExp])[] = [
  // MediX-R1, Lingshu and QVQ are trained from Qwen weights.
  ['qwen', /qwen|qwq|qvq|medix-?r1|lingshu/],
  // Not the programs that run models, whose names appear in paths.
  ['llama', /(?<!o)llama(?!\.cpp)|vicuna/],
  ['gemma', /gemma/],
  ['gemini', /gemini/],
  ['mistral', /mi[sx]tral|magistral|ministral|pixtral/],
  ['phi', /(?:^|[^a-z])phi-?\d/],
  ['smollm', /smol-?(?:lm|vlm)/],
  ['deepseek', /deepseek/],
  ['gpt', /(?:^|[^a-z])(?:chat)?gpt-?(?:\d|oss)|chatgpt|(?:^|\/)o[134](?:$|-)/],
  ['claude', /claude/],
  ['internlm', /intern(?:lm|vl|s1)/],
  ['glm', /(?:^|[^a-z])(?:chat)?glm/],
  ['granite', /granite/],
  ['olmo', /olmo/],
  ['kimi', /kimi|moonlight/],
];

/** Families that a model's name, path or architecture speaks of; none for a name that says nothing. */
function familiesOf(name: string): readonly string[] {
  const lower = name.toLowerCase();
  return families.filter(([, names]) => names.test(lower)).map(([family]) => family);
}

/**
 * The family that a judge shares with the policy.
 * @param policyNames All that may tell: model id, path, `architectures` of config.json.
 * @returns undefined where no name tells of a shared one.
 */
export function sameFamily(judgeId: string, ...policyNames: readonly string[]): string | undefined {
  const ofPolicy = new Set(policyNames.flatMap(familiesOf));
  return familiesOf(judgeId).find((family) => ofPolicy.has(family));
}

/** Judges of one family share their errors, so their votes count for less than as many independent votes. */
export function relatedJudges(ids: readonly string[]): readonly string[] {
  return ids.flatMap((id, index) =>
    ids.slice(index + 1).flatMap((other) => {
      const family = sameFamily(id, other);
      if (family === undefined) return [];
      return `judges ${id} and ${other} are both of the ${family} family and share its errors; take judges of different families`;
    }),
  );
}
