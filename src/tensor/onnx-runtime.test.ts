import { expect, it } from 'vitest';
import { loadOnnxRuntime } from './onnx-runtime.ts';

it('a missing package is told with the way to install it', async () => {
  const missing = () => Promise.reject(new Error("Cannot find package 'onnxruntime-node'\n…"));
  await expect(loadOnnxRuntime(missing)).rejects.toThrow(
    /^onnxruntime-node: expected the package with its binding for \S+, got Cannot find package 'onnxruntime-node'; install MediX as before, now with --ignore-scripts/,
  );
});
