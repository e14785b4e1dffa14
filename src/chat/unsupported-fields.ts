/**
 * Whether a server says that it does not support a field of a request. Only then may the field be left out:
 * a server that is out of memory, or minds something else, is asked with it again.
 */
import { z } from 'zod';

/** Fields without which a request still gets an answer that can be read. */
export type OptionalField = 'response_format' | 'seed';

/** Servers name a schema by the field, or by what they would have to do to follow it. */
const names: Readonly<Record<OptionalField, RegExp>> = {
  response_format:
    /response[ _-]?format|json[ _-]?(schema|object|mode)|guided[ _-]?(decoding|json|grammar|generation)|structured[ _-]?(outputs?|generation|decoding)|\bgrammars?\b/i,
  seed: /\bseed\b/i,
};

/** Fields that stay in the request; a sentence about one of them and a schema may be about either. */
const otherFields =
  /\b(top_)?logprobs\b|\bmax_(completion_)?tokens\b|\btemperature\b|\btop_[pk]\b|\bimages?\b/i;

const unsupported =
  /(\bnot|n't|\bcannot) (yet |currently |be )?(a )?(support|allow|permit|available|implement|enabled|recogni[sz]|accept|known|valid parameter)|unsupported|unavailable|unknown|unrecogni[sz]ed|unexpected|\bextra\b|forbidden|invalid (parameter|argument|field|key)|\bno (such|support)|additional propert/i;

const reportSchema = z.object({
  error: z.unknown().optional(),
  message: z.unknown().optional(),
  detail: z.unknown().optional(),
});

const issueSchema = z.object({
  /** OpenAI names the field. */
  param: z.string().optional().catch(undefined),
  code: z.string().optional().catch(undefined),
  message: z.string().optional().catch(undefined),
  /** So does FastAPI. */
  loc: z
    .array(z.union([z.string(), z.number()]))
    .optional()
    .catch(undefined),
  type: z.string().optional().catch(undefined),
  msg: z.string().optional().catch(undefined),
});

/** @param said the body of a reply that is no answer, or its beginning */
export function unsupportedFields(
  said: string,
  sent: readonly OptionalField[],
): readonly OptionalField[] {
  const statements = statementsOf(said).filter(
    (statement) => unsupported.test(statement) && !otherFields.test(statement),
  );
  return sent.filter((field) => statements.some((statement) => names[field].test(statement)));
}

/** Sentences, each about one thing: errors echo requests, and name fields that they do not mind. */
function statementsOf(said: string): readonly string[] {
  const report = reportSchema.safeParse(parseJson(said)).data;
  if (report === undefined) return sentencesOf(said);
  const { error, message, detail } = report;
  return [error, message, ...(Array.isArray(detail) ? detail : [detail])].flatMap((issue) => {
    if (typeof issue === 'string') return sentencesOf(issue);
    const { param, code, message: text, loc, type, msg } = issueSchema.safeParse(issue).data ?? {};
    const about = [param, loc?.join('.'), code ?? type].filter(Boolean).join(' ');
    return sentencesOf(text ?? msg ?? '').map((sentence) => `${about} ${sentence}`);
  });
}

function sentencesOf(text: string): string[] {
  return text.split(/[;\n]|[.!?](?=\s|$)/);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
