import { expect, it } from 'vitest';
import { loadOnnxRuntime } from './onnx-runtime.ts';

it('a missing package is told with the command that installs it', async () => {
  const missing = () => Promise.reject(new Error("Cannot find package 'onnxruntime-node'\n…"));
  await expect(loadOnnxRuntime(missing)).rejects.toThrow(
    /^onnxruntime-node: expected the package with its binding for \S+, got Cannot find package 'onnxruntime-node'; run: npm install --ignore-scripts onnxruntime-node/,
  );
});
