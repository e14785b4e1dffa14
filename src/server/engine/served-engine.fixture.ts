/** Test support: the engine service in this process, with the tiny model. */
import { openLocalEngine } from '../../engine/local/local-engine.ts';
import { readLocalFiles } from '../../engine/tinker/open-tinker-engine.ts';
import { tinyModelDirectory } from '../../model/tiny-model.fixture.ts';
import { type ServeEngineOptions, serveEngine } from './serve.ts';

export type ServedEngine = { readonly url: string; readonly close: () => Promise<void> };

export const tinyFiles = await readLocalFiles(tinyModelDirectory);

/** @param folder where it keeps its models: started again on it, it goes on */
export async function startTinyService(
  folder: string,
  more: Partial<ServeEngineOptions> = {},
): Promise<ServedEngine> {
  const ending = new AbortController();
  let over = Promise.resolve();
  const url = await new Promise<string>((resolve, reject) => {
    const served = {
      name: 'tiny',
      description: tinyFiles.model,
      images: tinyFiles.images,
      vocabulary: 400,
      open: () => openLocalEngine(tinyModelDirectory),
    };
    over = serveEngine({ served, folder, ...more, onListening: resolve }, ending.signal);
    over.catch(reject);
  });
  return {
    url,
    close: async () => {
      ending.abort();
      await over;
    },
  };
}
