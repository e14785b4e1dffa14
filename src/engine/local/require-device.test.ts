import { expect, it } from 'vitest';
import { loadOnnxRuntime, type OnnxRuntime } from '../../tensor/onnx-runtime.ts';
import { requireDevice } from './require-device.ts';

const withBackends = (...names: string[]) => {
  const listSupportedBackends = () => names.map((name) => ({ name, bundled: true }));
  return async () => ({ listSupportedBackends }) as unknown as OnnxRuntime;
};
const load = withBackends('cpu', 'webgpu');

it('asks nothing of the processor but ONNX Runtime', async () => {
  const multiply = () => Promise.reject(new Error('nothing is computed'));
  await requireDevice('cpu', false, { multiply });
  const missing = () => loadOnnxRuntime(() => Promise.reject(new Error('not installed')));
  await expect(requireDevice('cpu', false, { load: missing })).rejects.toThrow('not installed');
});

it('accepts a device that computes rightly, in 16 bits where they are needed', async () => {
  const asked: boolean[] = [];
  const multiply = async (_: unknown, isFloat16: boolean) => {
    asked.push(isFloat16);
    return 15;
  };
  await requireDevice('webgpu', false, { load, multiply });
  await requireDevice('webgpu', true, { load, multiply });
  expect(asked).toEqual([false, false, true]);
});

it('says what was looked for and what to do where no device is found', async () => {
  const multiply = () =>
    Promise.reject(
      new Error(
        '/src/webgpu_context.cc:136 status was false. Failed to get a WebGPU adapter: No supported adapters\n',
      ),
    );
  await expect(requireDevice('webgpu', false, { load, multiply })).rejects.toThrow(
    /^engine\.device=webgpu: expected a graphics device with a driver for WebGPU \(Vulkan on Linux.*\), got Failed to get a WebGPU adapter: No supported adapters; install the driver .* or use engine\.device=cpu$/,
  );
});

it('says so where ONNX Runtime has no WebGPU', async () => {
  const multiply = async () => 15;
  const refused = requireDevice('webgpu', false, { load: withBackends('cpu', 'coreml'), multiply });
  await expect(refused).rejects.toThrow('got an ONNX Runtime for cpu, coreml;');
});

it('refuses a device that computes wrongly', async () => {
  const multiply = async () => 0;
  await expect(requireDevice('webgpu', false, { load, multiply })).rejects.toThrow(
    'got one that computes 3 · 5 = 0;',
  );
});

it('refuses 16 bits on a device that does not read them', async () => {
  const multiply = (_: unknown, isFloat16: boolean) =>
    isFloat16 ? Promise.reject(new Error('requires f16')) : Promise.resolve(15);
  await expect(requireDevice('webgpu', true, { load, multiply })).rejects.toThrow(
    /expected a device that reads 16-bit numbers .*, got requires f16; use engine\.base=f32/,
  );
});
