/** Contradicting answers as HTML: image, question, answers and the judges' words. All of it is untrusted. */
import { html } from 'hono/html';
import type { CaseImages } from './case-images.ts';
import { foreignText, type Html } from './report-page.ts';
import type { ShownAnswer, ShownCase, ShownVerdict } from './shown-cases.ts';

/** Characters of a text that are shown. */
const most = { question: 4000, answer: 4000, words: 1500 } as const;

export function caseCards(
  cases: readonly ShownCase[],
  images: ReadonlyMap<string, CaseImages>,
): Html {
  return html`${cases.map((one) => caseCard(one, images.get(one.sampleId)))}`;
}

function caseCard(shown: ShownCase, images: CaseImages | undefined): Html {
  const { taskId, sampleId, index, variant, reasons, content } = shown;
  const asked = variant === 'original' ? '' : ` · ${variant}`;
  return html`<article class="case" aria-label="${taskId}, question ${index}${asked}">
<h3>${taskId} · question ${index}${asked} <span class="quiet">${sampleId}</span></h3>
<ul class="reasons" aria-label="Why it is shown">${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>
${
  content.kind === 'withheld'
    ? html`<p class="quiet">Texts and images of ${content.access} data are not shown.</p>`
    : html`<div class="columns">
<div>
${imageBlock(images, variant)}
<h4>Question</h4>
${foreignText(content.question, most.question)}
<h4>Reference answer</h4>
${foreignText(content.reference, most.answer)}
</div>
<div>${content.answers.map((answer) => answerBlock(answer, content.answers.length))}</div>
</div>`
}
</article>
`;
}

function imageBlock(images: CaseImages | undefined, variant: ShownCase['variant']): Html {
  if (images === undefined) return html``;
  if (images.kind === 'missing') return html`<p class="quiet">No image: ${images.message}</p>`;
  const isChanged = variant.endsWith('-image');
  return html`${images.images.map(
    ({ address, width, height }, place) =>
      html`<img src="${address}" width="${width}" height="${height}" alt="Image ${place + 1} of ${images.images.length} that the question is about">`,
  )}${isChanged ? html`<p class="quiet">The model saw this image changed (${variant}).</p>` : ''}`;
}

function answerBlock(answer: ShownAnswer, of: number): Html {
  const { epoch, text, truncated, verdicts } = answer;
  const name = of > 1 ? `Answer of epoch ${epoch + 1}` : 'Answer';
  return html`<h4>${name}${truncated ? ', cut off at the token limit' : ''}</h4>
${text === '' ? html`<p class="quiet">No answer apart from thinking.</p>` : foreignText(text, most.answer)}
${verdicts.map(verdictBlock)}
`;
}

function verdictBlock({ judgingName, outcome, votes, ruleCorrect }: ShownVerdict): Html {
  const rule = ruleCorrect === null ? '' : `; by rule ${ruleCorrect ? 'right' : 'wrong'}`;
  const verdict = outcome.kind === 'scored' ? grade(outcome.score) : `none (${outcome.cause})`;
  return html`<h4>Verdict of ${judgingName}: ${verdict}${rule}</h4>
${votes.map(({ judge, outcome: vote }) => {
  const said =
    vote.kind === 'judged' ? `${judge}: ${grade(vote.score)}` : `${judge}: none (${vote.cause})`;
  const words = vote.kind === 'judged' ? vote.reply : vote.message;
  return html`<div class="words"><span class="quiet">${said}</span>${foreignText(words, most.words)}</div>`;
})}`;
}

function grade(score: number): string {
  if (score === 1) return 'right';
  return score === 0 ? 'wrong' : `${score.toFixed(2)} of 1`;
}
