/** What a config of judges asks for that an evaluation cannot do. */
import type { JudgingConfig } from '../../config/eval-config.ts';
import { isChatJudge, type JudgeConfig } from '../../config/judge-config.ts';
import type { Problem } from '../../core/errors.ts';

type AskedConfig = Pick<JudgingConfig, 'mode' | 'judges' | 'votes'>;

/** All of them; none for a config that {@link openJudging} takes. */
export function askingProblems(config: AskedConfig): readonly Problem[] {
  return [
    ...(config.mode === 'medix-r1-reference' ? roundProblems(config) : voteProblems(config)),
    ...config.judges.flatMap(promptProblems),
  ];
}

function voteProblems({ judges, votes }: AskedConfig): readonly Problem[] {
  if (votes === 1 || judges.some(isChatJudge)) return [];
  return [
    {
      where: 'judging.votes',
      expected: '1, because only language models are asked several times',
      got: String(votes),
      next: 'leave judging.votes out, or add a language model to judging.judges',
    },
  ];
}

function roundProblems({ judges, votes }: AskedConfig): readonly Problem[] {
  const problems: Problem[] = [];
  const [judge] = judges;
  if (judges.length > 1 || (judge !== undefined && !isChatJudge(judge))) {
    problems.push({
      where: 'judging.judges',
      expected: 'one language model, in the mode medix-r1-reference',
      got: judges.map(({ kind }) => kind).join(', '),
      next: 'name one judge of the kind openai or gguf, or set judging.mode to medix-r1',
    });
  }
  if (votes > 1) {
    problems.push({
      where: 'judging.votes',
      expected: '1, because the three rounds of the mode medix-r1-reference are not votes',
      got: String(votes),
      next: 'leave it out, or set judging.mode to medix-r1',
    });
  }
  if (judges.some((one) => isChatJudge(one) && one.showImages)) {
    problems.push({
      where: 'judging.judges.showImages',
      expected: "false in the mode medix-r1-reference: the paper's judge sees no images",
      got: 'true',
      next: 'leave it out, or set judging.mode to medix-r1',
    });
  }
  return problems;
}

/** `prompt` and `verdict` are for training; an evaluation has its own, so setting them would do nothing. */
function promptProblems(judge: JudgeConfig, index: number): readonly Problem[] {
  if (!isChatJudge(judge)) return [];
  const where = `judging.judges.${index}`;
  const next = 'leave it out: evaluations have their own prompts and read JSON verdicts';
  const problems: Problem[] = [];
  if (judge.prompt !== null) {
    problems.push({
      where: `${where}.prompt`,
      expected: 'no judge prompt',
      got: judge.prompt,
      next,
    });
  }
  if (judge.verdict === 'logprobs') {
    const expected = 'no other way of reading verdicts, because evaluations read JSON';
    problems.push({ where: `${where}.verdict`, expected, got: judge.verdict, next });
  }
  return problems;
}
