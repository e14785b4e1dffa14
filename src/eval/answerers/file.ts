/** Answers that another program has written, as rows {id, response}; ids are those of `medix eval samples`. */
import { z } from 'zod';
import { digestOfFile } from '../../core/digest.ts';
import { fail } from '../../core/errors.ts';
import { type Row, RowFile, readRows } from '../results/rows.ts';
import type { Answerer, AnswerOutcome, AnswerRequest } from './answerer.ts';

const fileRowSchema = z.object({ id: z.string().min(1), response: z.string() });
type FileRow = z.infer<typeof fileRowSchema>;
type Place = Pick<Row<FileRow>, 'offset' | 'bytes'>;

/**
 * The n-th row of an id answers its n-th epoch. Such answers are to the original questions, so other
 * variants have none.
 *
 * @param name of the model that wrote them
 * @throws MedixError 'data' where the file holds no such row
 */
export async function openFileAnswerer(path: string, name: string): Promise<Answerer> {
  const places = new Map<string, Place[]>();
  for await (const { value, offset, bytes } of readRows(path, fileRowSchema)) {
    const known = places.get(value.id);
    if (known) known.push({ offset, bytes });
    else places.set(value.id, [{ offset, bytes }]);
  }
  if (places.size === 0) failEmpty(path);
  const file = await RowFile.open(path, fileRowSchema);

  const find = async ({ key }: AnswerRequest): Promise<AnswerOutcome> => {
    const place = key.variant === 'original' ? places.get(key.sampleId)?.[key.epoch] : undefined;
    if (place === undefined) {
      const message = `${path} has no answer to ${key.sampleId}, ${key.variant}, epoch ${key.epoch}`;
      return { kind: 'failed', cause: 'missing', message };
    }
    const { response } = await file.read(place);
    return { kind: 'answered', text: response, stopReason: 'stop', latencyMs: 0 };
  };

  return {
    describe: { id: name, kind: 'file', digest: await digestOfFile(path) },
    answer: async function* (requests, signal) {
      for await (const request of requests) {
        signal.throwIfAborted();
        yield { request, outcome: await find(request) };
      }
    },
    close: () => file.close(),
  };
}

function failEmpty(path: string): never {
  fail('data', {
    where: path,
    expected: 'JSONL rows {"id": …, "response": …}',
    got: 'a file that does not exist or holds no such row',
    next: 'correct model.path; `medix eval samples` lists the ids',
  });
}
