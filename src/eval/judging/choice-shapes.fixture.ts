/**
 * Shapes in which models name a choice: {L} its letter, {l} in lower case, {F} in full width, {T} its text. Lines
 * are separated by a backslash and n.
 */
const letterAndText = String.raw`
{L}. {T}
{L}) {T}
({L}) {T}
[{L}] {T}
{L}: {T}
{L} - {T}
{L} – {T}
{L} — {T}
{L}, {T}
{L}.{T}
{L}){T}
{L} = {T}
{L} → {T}
{L}\n{T}
{L}.\n{T}
{l}. {T}
{l}) {T}
({l}) {T}
{l}: {T}
**{L}. {T}**
**{L}.** {T}
**{L}** {T}
**{L})** {T}
**({L})** {T}
*{L}. {T}*
__{L}. {T}__
### {L}. {T}
- {L}. {T}
* {L}. {T}
> {L}. {T}
"{L}. {T}"
“{L}. {T}”
'{L}. {T}'
{L}. "{T}"
{L}. {T}.
{L}. {T}\n
Option {L}: {T}
Option {L}. {T}
Option {L} - {T}
Option {L} ({T})
option {l}) {T}
Choice {L}: {T}
Answer {L}: {T}
Answer: {L}. {T}
Answer: {L}) {T}
Answer: ({L}) {T}
Answer: {L} ({T})
Answer: {L} - {T}
Answer: **{L}. {T}**
**Answer: {L}. {T}**
**Answer:** {L}. {T}
Answer: "{L}. {T}"
ANSWER: {L}. {T}
answer: {l}. {T}
Correct answer: {L}. {T}
Correct Answer: {L}) {T}
Final answer: {L}. {T}
Final Answer: **{L}) {T}**
The answer is {L}. {T}
The answer is {L}: {T}
The answer is {L}) {T}
The answer is ({L}) {T}.
The answer is ({L}). {T}
The answer is {L} ({T}).
The answer is {L}, {T}.
The answer is {L} - {T}
The answer is **{L}. {T}**.
The answer is: {L}. {T}
The answer is option {L}: {T}.
The answer is option {L} ({T}).
The answer is {T} ({L}).
The answer is {T} (option {L}).
The answer is "{T}" ({L}).
The correct answer is {L}. {T}
The correct answer is {L}) {T}.
The correct answer is **{L}) {T}**.
The correct answer is: **{L}. {T}**
The correct answer is:\n\n**{L}. {T}**
The correct option is {L}. {T}
The correct option is **{L}) {T}**
The correct choice is ({L}) {T}.
The best answer is {L}. {T}
The best answer would be {L}) {T}.
The most likely answer is {L}. {T}
The most likely diagnosis is {L}. {T}
My answer is {L}. {T}
My final answer is {L}) {T}.
I choose {L}. {T}
I would choose {L}) {T}
I'd go with {L}. {T}
I will select option {L}: {T}
I pick {L}) {T}.
We select {L}. {T}
Therefore, the answer is {L}. {T}
Thus, the correct answer is ({L}) {T}.
So the answer is {L}: {T}.
Hence, {L}. {T}
Therefore, {L}) {T}.
{L}. {T} is the correct answer.
{L}) {T} is correct.
Option {L} ({T}) is the correct answer.
{L}. {T}\n\nExplanation: it fits the findings best.
{L}) {T}\n\nThe other options do not fit.
**{L}. {T}**\n\nThis is supported by the history.
{L}. {T} because the findings fit.
{L}. {T}, since the findings fit.
{L}. {T} (see the guideline).
The history and the findings matter here.\n\nAnswer: {L}. {T}
Let's think step by step. The findings matter.\n\nThe answer is {L}. {T}
The findings matter.\nFinal answer: {L}) {T}
The findings matter.\n\n{L}. {T}
The findings matter.\n\n**{L}. {T}**
{T} ({L})
{T} (option {L})
{T}. ({L})
\boxed{{L}. {T}}
$\boxed{{L}}$ {T}
\boxed{\text{{L}. {T}}}
$$\boxed{\text{{L}: {T}}}$$
The findings matter.\n\n$$\boxed{{L}}$$
<answer>{L}. {T}</answer>
<b>{L}.</b> {T}
<p>{L}. {T}</p>
{"answer": "{L}. {T}"}
{"answer": "{L}", "text": "{T}"}
{"answer": "{L}) {T}", "confidence": 0.9}
{"letter": "{L}", "explanation": "It fits."}
{F}．{T}
{F}：{T}
（{F}）{T}
（{L}）{T}
{L}、{T}
{L}：{T}
答案是{L}。{T}
答案：{L}. {T}
答案为{L}：{T}
正确答案是{L}，{T}。
正确答案：{L}、{T}
正确选项是 {L}. {T}
选择{L}：{T}
选{L}。{T}
故选{L}。\n{T}
因此，答案是 {L}) {T}
最终答案：{L}. {T}
答えは{L}です。{T}
正解は{L}、{T}です。
正解：{L}. {T}
정답은 {L}입니다. {T}
정답: {L}. {T}
La respuesta es {L}. {T}
La respuesta correcta es la {L}: {T}.
La respuesta correcta es {L}) {T}
Respuesta: {L}. {T}
La opción correcta es {L}. {T}
Opción {L}: {T}
La réponse est {L}. {T}
La bonne réponse est la {L} : {T}.
La réponse correcte est {L}) {T}
Réponse : {L}. {T}
Die Antwort ist {L}. {T}
Die richtige Antwort ist {L}: {T}.
Die richtige Antwort lautet {L}) {T}
Antwort: {L}. {T}
A resposta é {L}. {T}
A resposta correta é a letra {L}: {T}.
A alternativa correta é a {L}) {T}
Resposta: {L}. {T}
La risposta è {L}. {T}
La risposta corretta è la {L}: {T}.
Risposta: {L}. {T}
Het juiste antwoord is {L}. {T}
Правильный ответ: {L}. {T}
Ответ: {L}) {T}
الإجابة الصحيحة هي {L}. {T}
الجواب: {L}. {T}
सही उत्तर {L} है: {T}
उत्तर: {L}. {T}
Doğru cevap: {L}. {T}
Cevap {L}) {T}
Jawaban: {L}. {T}
Jawabannya adalah {L}. {T}
Đáp án: {L}. {T}
Đáp án đúng là {L}. {T}
คำตอบคือ {L}. {T}
`;

const letterAlone = String.raw`
{L}
{l}
{L}.
{L})
({L})
[{L}]
{ {L} }
"{L}"
'{L}'
**{L}**
*{L}*
${'`'}{L}${'`'}
{F}
（{F}）
\boxed{{L}}
$\boxed{{L}}$
\boxed{\text{{L}}}
\boxed{\mathrm{{L}}}
\[\boxed{{L}}\]
$${'$'}{L}$${'$'}
\({L}\)
\text{{L}}
Option {L}
option {l}
Option {L}.
Choice {L}
Answer {L}
Letter {L}
Answer: {L}
Answer: {l}
Answer: {l}.
Answer: ({l})
Answer:{L}
Answer = {L}
Answer：{L}
Answer: **{L}**
Answer: \({L}\)
Answer: $\boxed{{L}}$
ANSWER: {L}
Ans: {L}
#### {L}
Final Answer: {L}
Final answer: ({L})
The final answer is {L}.
The final answer is $\boxed{{L}}$.
The answer is {L}
The answer is {l}.
The answer is ({l})
The answer is ({L}).
The answer is "{L}".
The answer is option {L}.
The answer is letter {L}.
The answer is choice {L}.
The correct answer is {L}.
The correct answer is: {L}
The correct option is {L}.
The correct answer is option **{L}**.
The best choice is {L}.
The answer should be {L}.
The answer must be ({L}).
I choose {L}.
I would go with {L}.
My answer: {L}
Therefore, the answer is ({L}).
So the answer is {L}.
Thus, {L}.
It is ({L}).
{L} is correct.
{L} is the correct answer.
({L}) is the best option.
Option {L} is correct.
{L} because the findings fit.
{L}\n\nThe findings fit.
{L}: the findings fit.
The findings fit.\n\n{L}
The findings fit.\n\nAnswer: {L}
The findings fit.\n**{L}**
The answer is A at first sight. Final answer: {L}
<answer>{L}</answer>
<answer>({l})</answer>
{"answer": "{L}"}
{"answer": "{l}"}
{"Answer": "{L}"}
{"choice": "{L}"}
{"option": "{L}"}
{"final_answer": "{L}"}
{"answer_idx": "{L}"}
{"answer": ["{L}"]}
{"answer": {"letter": "{L}"}}
{"explanation": "It fits.", "answer": "{L}"}
${'```'}json\n{"answer": "{L}"}\n${'```'}
Here is my answer: {"answer": "{L}"}
{'answer': '{L}'}
答案是{L}
答案是{L}。
答案为{L}
答案：{L}
答案是（{L}）
答案{L}
正确答案是{L}。
正确答案：{F}
选{L}
选择{L}。
选项{L}是正确的。
故选{L}。
应选{L}
因此选{L}。
所以答案是{L}。
{L}是正确的。
答えは{L}です。
答え：{L}
正解は{L}
{L}が正解です。
정답은 {L}입니다.
정답: {L}
La respuesta es {L}.
La respuesta correcta es la {L}.
Respuesta: {L}
La opción correcta es la {L}.
La réponse est {L}.
La bonne réponse est la {L}.
Réponse : {L}
Die Antwort ist {L}.
Die richtige Antwort ist {L}.
Antwort: {L}
A resposta é {L}.
A resposta correta é a letra {L}.
Resposta: {L}
Resposta: letra {L}
La risposta è {L}.
Risposta: {L}
Het antwoord is {L}.
Ответ: {L}
Правильный ответ — {L}.
Правильный ответ: {L}
الإجابة هي {L}
الإجابة الصحيحة هي {L}.
الجواب: {L}
सही उत्तर है {L}
उत्तर: {L}
Cevap: {L}
Doğru cevap {L}.
Jawaban: {L}
Đáp án: {L}
Đáp án là {L}.
คำตอบคือ {L}
`;

const textAlone = String.raw`
{T}
{T}.
"{T}"
**{T}**
*{T}*
({T})
\boxed{{T}}
\boxed{\text{{T}}}
<answer>{T}</answer>
{"answer": "{T}"}
Answer: {T}
Answer: **{T}**
The answer is {T}.
The answer is "{T}".
The answer is: {T}
The correct answer is **{T}**.
Final answer: {T}
The findings matter.\n\nAnswer: {T}
答案是{T}
答案：{T}
La respuesta correcta es {T}.
Réponse : {T}
Die richtige Antwort ist {T}.
Resposta: {T}
`;

const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replaceAll('\\n', '\n'));

export const shapes = {
  letterAndText: linesOf(letterAndText),
  letterAlone: linesOf(letterAlone),
  textAlone: linesOf(textAlone),
};

export function fill(shape: string, { letter, text }: { letter: string; text: string }): string {
  const fullWidth = String.fromCharCode(letter.charCodeAt(0) - 0x41 + 0xff21);
  // As functions, since a text may hold patterns of replacement.
  return shape
    .replaceAll('{L}', () => letter)
    .replaceAll('{l}', () => letter.toLowerCase())
    .replaceAll('{F}', () => fullWidth)
    .replaceAll('{T}', () => text);
}

/** Choices as benchmarks have them, of the kinds that are easily misread. */
export const hardChoices: readonly (readonly string[])[] = [
  ['AA', 'Aa', 'aa'],
  ['.5 mg', '5 mg', '50 mg', '0.05 mg/kg'],
  ['only 5%', 'less than 1%', 'more than 10%', 'not known'],
  ['active', 'not active', 'inactive'],
  ['present', 'excluded', 'absent'],
  ['A positive', 'positive', 'B negative', 'negative'],
  ['No treatment', 'Not indicated', 'Never', 'None of the above'],
  ['A blood transfusion', 'An x-ray', 'I cell disease', 'The first'],
  ['Both A and B', 'Neither A nor C', 'All of the above', 'A, B, and C'],
  ['Lung', 'Lung cancer', 'Cancer', 'Small cell lung cancer'],
  ['E. coli', 'C. difficile', 'B. cereus', 'S. aureus'],
  ['1', '2', '3', '11'],
  ['1 only', '2 only', '1 and 2', 'Neither 1 nor 2'],
  ['I and II', 'II only', 'I, II and III', 'III'],
  ['increased; decreased', 'decreased; increased', 'unchanged; decreased'],
  ['yes', 'no', 'maybe'],
  ['True', 'False'],
  ['Vitamin A', 'Vitamin B12', 'Vitamin C', 'Vitamin D'],
  ['T3', 'T4', 'TSH', 'T3 and T4'],
  ['HLA-B27', 'HLA-DR4', 'HLA-B*57:01', 'HLA-A2'],
  ['Na+', 'K+', 'Ca2+', 'Cl-'],
  ['µ receptors', 'δ receptors', 'κ receptors', 'α1 receptors'],
  ['The answer is unclear', 'It is wrong', 'Option C is right', 'Excluded by the history'],
  [
    'Inhibition of the sodium-potassium pump, which is not reversible, because the binding is covalent',
    'Inhibition of the sodium-potassium pump',
    'No inhibition',
    'Stimulation of the pump, then inhibition',
  ],
  ['"Do not worry."', '"I am sorry to hear that; tell me more."', '"A nurse will come."', '"No."'],
  ['< 5 mm', '5-10 mm', '> 10 mm', '≥ 20 mm'],
  ['37°C', '37.5°C', '38 °C', '-5 °C'],
  ['p < 0.05', 'p = 0.05', 'p > 0.05'],
  ['Sjögren syndrome', 'Sjogren-Larsson syndrome', 'Ménière disease'],
  ['dans le cœur', 'dans le foie', 'pas dans le foie', 'nulle part'],
  ['肺炎', '肺癌', '非肺炎', '结核'],
  ['Wait and see.', 'Operate', 'Give A then B', 'Do nothing (not recommended)'],
  ['A', 'Both', 'O', 'AB'],
  ['C-reactive protein', 'D-dimer', 'B-type natriuretic peptide', 'A-a gradient'],
  ['is increased', 'is not increased', 'was wrong', 'would be less'],
  ['$5', '$50', '$500'],
];
