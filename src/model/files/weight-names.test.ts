import { expect, test } from 'vitest';
import { parameterSpecs } from '../parameters.ts';
import { tinyModelDirectory } from '../tiny-model.fixture.ts';
import { windowedConfig, windowedModelDirectory } from '../tiny-qwen2-5-vl.fixture.ts';
import { openSafetensors } from './safetensors.ts';
import { olderNames, openWeights, renamed } from './weight-names.ts';

test('published names of a Qwen2.5-VL become those of its modules, and those of the network', async () => {
  const store = await openWeights(windowedModelDirectory);
  const specs = parameterSpecs(await windowedConfig());
  const names = specs.map(({ name }) => name);
  expect([...store.tensors.keys()].toSorted()).toEqual(names.toSorted());
  expect(store.nameInFile('model.visual.merger.ln_q.weight')).toBe('visual.merger.ln_q.weight');
  expect(store.nameInFile('model.language_model.norm.weight')).toBe('model.norm.weight');
  expect(store.nameInFile('lm_head.weight')).toBe('lm_head.weight');
  const file = await openSafetensors(windowedModelDirectory);
  expect(names.map(store.nameInFile).toSorted()).toEqual([...file.tensors.keys()].toSorted());
  expect(await store.read('model.language_model.norm.weight')).toEqual(
    await file.read('model.norm.weight'),
  );
  await file.close();
  await store.close();
});

test('names of modules stay as they are', async () => {
  const store = await openWeights(tinyModelDirectory);
  const file = await openSafetensors(tinyModelDirectory);
  expect([...store.tensors.keys()]).toEqual([...file.tensors.keys()]);
  const again = renamed(file, olderNames);
  expect([...again.tensors.keys()]).toEqual([...file.tensors.keys()]);
  await file.close();
  await store.close();
});
