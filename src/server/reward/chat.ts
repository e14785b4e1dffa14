/** A conversation as trainers send it, in the forms of OpenAI's chat and responses interfaces. */
import { z } from '@hono/zod-openapi';

const partSchema = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  image_url: z.union([z.string(), z.looseObject({ url: z.string() })]).optional(),
});

const messageSchema = z.looseObject({
  role: z.string().optional(),
  content: z.union([z.string(), z.array(partSchema)]).nullish(),
});

/** A prompt: its text, or its messages. */
export const conversationSchema = z.union([z.string(), z.array(messageSchema)]);
type Conversation = z.output<typeof conversationSchema>;

type Question = {
  readonly question: string;
  /**
   * As they stand in the message: data URLs, or addresses, which are not fetched. Absent where they are not
   * known: the prompt is text, which may belong to images or not, or an image is not in the message.
   */
  readonly images?: readonly string[];
};

/** The last message of the user; a prompt that is text is the question. */
export function questionOf(conversation: Conversation): Question {
  if (typeof conversation === 'string') return { question: conversation };
  const asked = conversation.findLast(({ role }) => role === 'user');
  const images = imagesOf(asked?.content);
  return { question: textOf(asked?.content), ...(images === undefined ? {} : { images }) };
}

/** The text parts, one under the other. */
export function textOf(content: z.output<typeof messageSchema>['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).flatMap(({ text }) => (text === undefined ? [] : [text])).join('\n');
}

function imagesOf(content: z.output<typeof messageSchema>['content']): string[] | undefined {
  if (typeof content === 'string') return [];
  const images: string[] = [];
  for (const { type, image_url: image } of content ?? []) {
    if (image !== undefined) images.push(typeof image === 'string' ? image : image.url);
    else if (/image/i.test(type)) return undefined;
  }
  return images;
}
