/**
 * Marks of images in a question, as in the data of EasyR1: `<image>` stands where an image belongs. A
 * question without marks has its images before it.
 */
import type { ContentPart } from '../core/message.ts';
import type { ImageFile } from '../core/sample.ts';

export const imageMark = '<image>';

export function countImageMarks(question: string): number {
  return question.split(imageMark).length - 1;
}

/**
 * The question with its images at their marks; before it where it has none. Marks that are not as many as
 * the images stay text.
 */
export function placeImages(question: string, images: readonly ImageFile[]): ContentPart[] {
  const shown = images.map((image) => ({ type: 'image' as const, image }));
  if (images.length === 0 || countImageMarks(question) !== images.length) {
    return [...shown, { type: 'text', text: question }];
  }
  return question.split(imageMark).flatMap((text, place): ContentPart[] => {
    const image = shown[place - 1];
    return image ? [image, { type: 'text', text }] : [{ type: 'text', text }];
  });
}

/** The question for readers of text alone, such as judges. */
export function withoutImageMarks(question: string): string {
  return question.replaceAll(/[ \t]*<image>[ \t]*\n?/g, ' ').trim();
}
