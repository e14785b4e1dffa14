/**
 * The words by which answers state a choice, in the languages that models answer in: "The answer is B", "答案是B",
 * "La bonne réponse est la B", and the words that take one back. Only words; what they say is read by choice.ts.
 */

type Words = {
  /** In scripts that set words apart; regular expressions. */
  readonly spaced: readonly string[];
  /** In scripts that do not: nothing needs to stand around them. */
  readonly unspaced: string;
};

/** A choice may follow these directly. */
const answerNouns: Words = {
  spaced: [
    'answer|ans\\.?|final\\s+response|correct\\s+(?:option|choice)',
    'respuesta|réponse|reponse|antwort|lösung|resposta|gabarito|risposta|antwoord|svar(?:et)?|vastaus|válasz',
    'odpowiedź|odpověď|răspuns|απάντηση|ответ|відповідь|cevap|yanıt|jawaban(?:nya)?|đáp\\s+án',
    'सही\\s+विकल्प|doğru\\s+(?:seçenek|şık)|opción\\s+correcta|alternativa\\s+correta|richtige\\s+option',
    'उत्तर|जवाब|উত্তর|பதில்|(?:ال)?إجابة|(?:ال)?جواب|پاسخ|התשובה|תשובה',
  ],
  unspaced: '答案|正确的(?:是|为)|正しいのは|答え|正解|正答|解答|回答|答|정답|답변|답|คำตอบ',
};

/** After these a choice is only stated by a verb or a colon: "option B" may be any. */
const optionNouns: Words = {
  spaced: [
    'choice|option|letter|selection|pick|solution|response|decision|diagnosis|conclusion|correct|correct\\s+one|best',
    'opción|opcion|alternativa|letra|elección|diagnóstico|correcta|choix|lettre|proposition|diagnostic',
    'auswahl|wahl|buchstabe|diagnose|richtig|opção|correta|opzione|scelta|lettera|corretta|optie|keuze',
    'вариант|выбор|буква|seçenek|şık|pilihan|opsi|lựa\\s+chọn|phương\\s+án|विकल्प|(?:ال)?خيار|گزینه',
  ],
  unspaced: '选项|選項|选择|選擇|選択肢|诊断|診斷|结论|結論|선택지|보기|ตัวเลือก|ข้อ',
};

const verbs: Words = {
  spaced: [
    'is|was|are|would\\s+be|should\\s+be|must\\s+be|will\\s+be|seems\\s+to\\s+be|appears\\s+to\\s+be',
    'es|sería|est|serait|ist|lautet|wäre|é(?:\\s+a(?=\\s+[a-z]\\b))?|seria|è|sarebbe|jest|to|är|er|on',
    'là|adalah|ialah|هي|هو|है|это',
  ],
  unspaced: '应该是|應該是|应为|應為|是|为|為|は|が|은|는|이|가|คือ',
};

/** Words between noun, verb and choice that say nothing of which. */
const fillers: Words = {
  spaced: [
    'the|most|likely|correct|best|right|final|therefore|thus|hence|clearly|probably|definitely|simply|indeed|here',
    'option|choice|letter|answer|number|labell?ed|as\\s+follows',
    'la|el|las|los|le|les|die|der|das|het|de|il|lo|una?|letra|lettre|lettera|opción|opcion|opção|alternativa',
    'réponse|antwort|buchstabe|respuesta|resposta|opzione|risposta|correcta|correcto|final|bonne|correcte|donc',
    'richtige|korrekte|also|daher|correta|certa|corretta|esatta|juiste|giust[ao]|mejor|melhor|meilleure|migliore|beste|probable|plus|más|mais|più|exacta|certo|правильный|верный|вариант|doğru|şıkkı',
    'yang|benar|tepat|đúng|الصحيحة|الصحيح|الخيار|सही|विकल्प',
  ],
  unspaced: '选项|選項|选|選|正确|正確|選択肢|정답|ที่ถูกต้อง|ข้อ',
};

const letters =
  '\\p{Script=Latin}\\p{Script=Cyrillic}\\p{Script=Greek}\\p{Script=Arabic}\\p{Script=Hebrew}\\p{N}';
const start = `(?<![${letters}])`;
const end = `(?![${letters}\\p{M}]|-\\p{L})`;

/** As normalised text has them: Thai vowels come apart. */
function anyOf(...lists: readonly Words[]): string {
  const spaced = lists.flatMap((list) => list.spaced).join('|');
  const unspaced = lists.map((list) => list.unspaced).join('|');
  return `(?:${start}(?:${spaced})${end}|${unspaced})`.normalize('NFKC');
}

/** Portuguese and Catalan articles, which are also letters. */
const article = '(?:\\s+[ao](?=\\s+(?:letra|alternativa|opção)))';
const between = `(?:\\s*${anyOf(fillers)}|${article}){0,6}`;
const verb = `\\s*${anyOf(verbs)}`;
const mark = `(?:\\s*["'»】」]?\\s*(?::|=|→|->)|\\s-(?=\\s))`;
const about = '(?:\\s+(?:to|for|of)\\s+[^.\\n:]{1,60}?)?';

const stated = [
  `${anyOf(answerNouns, optionNouns)}${about}${between}(?:${verb}|${mark})${between}(?:${mark})?`,
  `${anyOf(answerNouns)}[】」)]?${between}`,
  `${start}(?:i|we)(?:'d|'ll|\\s+would|\\s+will|\\s+therefore)*\\s+(?:choose|select|pick|go\\s+with|go\\s+for|opt\\s+for|answer|say)${end}${between}`,
  `${start}(?:it\\s+is|it's|it\\s+(?:has\\s+to|must|should)\\s+be|that\\s+(?:is|would\\s+be)|that's|this\\s+is|going\\s+with|choose|select|pick|therefore|thus|hence|so)${end},?${between}(?=\\s*[(\\[]?[A-Z](?:[)\\].:,]|\\s*$))`,
  `${start}(?:elijo|escojo|selecciono|je\\s+choisis|c'est|ich\\s+wähle|escolho|scelgo|ik\\s+kies|я\\s+выбираю|выбираю|saya\\s+memilih|chọn)${end}${between}`,
  `(?:故|应|應|因此|所以|我|请)*(?:选择|選擇|选|選)(?:项|項)?(?:是|为|為)?`,
  '####',
];

/** What precedes a choice that is stated. Ends where the choice begins, blanks and quotes aside. */
export const statement = new RegExp(`(?:${stated.join('|')})\\s*:?[\\s"'*]*`, 'giu');

/** What precedes words that speak of choices and state none: "Let us go through each option:". */
export const aboutChoices =
  /(?:each|every|all|other|these|following|analy[sz]\w+|evaluat\w+|consider\w*|review\w*)(?:\s+(?:of|the|these|answer))*\s*$/i;

/** What precedes or is a statement that counts alone. */
export const finalWords =
  /final|finale|endgültig|окончательн|最终|最終|最后|최종|so\s+the\s*$|therefore,?\s+the\s*$|####/i;

const right =
  'correct|right|best|most\\s+(?:likely|appropriate|accurate)|appropriate|true|correcta|correcto|correcte|bonne|juste|richtig|korrekt|correta|certa|corretta|esatta|juist|правильн\\p{L}*|верн\\p{L}*|doğru|benar|đúng|صحيح\\p{L}*|सही|ถูก';

/** What may stand before a letter that is no word of its own. */
export const letterNouns =
  'option|choice|answer|letter|opción|opcion|opção|alternativa|letra|lettre|lettera|buchstabe|antwort|réponse|respuesta|resposta|risposta|选项|選項|選択肢';
export const beforeLetter = new RegExp(
  `(?:(?:^|[.,;:!?\\n(。，、；：])\\s*(?:so|then|therefore|thus|hence|and|but|while)?|${letterNouns}|that|think|believe)\\s*$`,
  'iu',
);

/** "B is the correct answer", behind the letter. */
export const calledRight = new RegExp(
  `^\\s*[)\\]]?\\s*(?:${anyOf(verbs)}(?:\\s+(?:the|la|le|el|die|der|das|a|o|il|de|het|single|only|absolutely))*\\s+(?:${right})|(?:选项|選項)?(?:是|为)?(?:正确|正確|对的)|\\s+it\\s+is(?![\\p{L}])|が(?:正解|正しい)|(?:이|가)\\s*정답)`,
  'iu',
);

/** Behind a choice, where its own words do not stand: it is named to be refused. */
export const takenBack =
  /^\s+(?:(?:is|was|are|can be|could be|would be|seems|can|could|es|est|ist|é|è|n'est|does|did)\s+)?(?:also\s+)?(?:not|never|incorrect|wrong|false|unlikely|less|excluded|ruled|cannot|can't|isn't|doesn't|wasn't|no\s+es|incorrecta|incorrect[ea]?|pas|fausse|faux|nicht|falsch|não|errada|incorreta|non|sbagliat\p{L}|niet|onjuist|не|неверн\p{L}*|değil|yanlış|bukan|salah|không|sai|ليس\p{L}*|خطأ|غير|नहीं|गलत)(?![\p{L}])|^[^。.，,\n]{0,8}(?:不|错|錯|誤|間違|ない|ません|아니|틀|ไม่|ผิด)/iu;

/** Words, in normalised text, beside which a mere mention says nothing. */
export const negation =
  /(?<![\p{L}\p{N}])(?:not|no|never|neither|nor|without|incorrect|wrong|false|unlikely|exclud\w*|except|ruled? out|rather than|instead of|less likely|cannot|cant|isnt|doesnt|wasnt|unsure|uncertain|nicht|kein\w*|falsch|pas|jamais|nunca|não|nao|non|niet|не|нет|değil|bukan|tidak|không|ليس|لا|नहीं)(?![\p{L}\p{N}])|[不非没未無]|ない|ません|아니|없|ไม่/u;

/** After a bare letter: what an article, an initial ("E. coli") or a pronoun is not followed by. */
export const setOff =
  /^(?:\s*[:,;–—\n"'”’}\]、，。；：]|\s+[-–—=→(]\s?|\.\s*\n|\.\s+[^a-z]|\.$|\s+(?:because|since|as|due|given|is (?:the )?(?:correct|right|best|most likely)|porque|ya que|pues|parce|car|puisque|weil|denn|da|pois|perché|poiché|omdat|потому|так как|çünkü|karena|vì|है|şıkk\p{L}*|seçene\p{L}*)(?![\p{L}])|\s*[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Thai}\p{Script=Devanagari}\p{Script=Cyrillic}])/u;
