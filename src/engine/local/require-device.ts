/** Whether the device that a config asks for is there, found out before gigabytes are read. */
import { fail, MedixError, messageOf } from '../../core/errors.ts';
import type { Device } from '../../tensor/device.ts';
import { loadOnnxRuntime } from '../../tensor/onnx-runtime.ts';
import * as ops from '../../tensor/ops.ts';
import { Program } from '../../tensor/program.ts';

/**
 * Opens a program on the device, runs it, and looks at what comes out.
 * @param needsFloat16 whether matrices of 16 bits are to be read there
 * @throws MedixError 'engine' where the device is missing or computes wrongly, and where ONNX Runtime is.
 */
export async function requireDevice(
  device: Device,
  needsFloat16: boolean,
  { load = loadOnnxRuntime, multiply = smallProduct }: Partial<DeviceParts> = {},
): Promise<void> {
  const ort = await load();
  if (device === 'cpu') return;
  const backends = ort.listSupportedBackends().map(({ name }) => name);
  if (!backends.includes(device)) {
    return failNoDevice(`an ONNX Runtime for ${backends.join(', ')}`);
  }
  const product = await multiply(device, false).catch(failUnopened);
  if (product !== expected) failNoDevice(`one that computes 3 · 5 = ${product}`);
  if (!needsFloat16) return;
  const widened = await multiply(device, true).catch(failWithoutFloat16);
  if (widened !== expected) failWithoutFloat16(new Error(`it computes 3 · 5 = ${widened}`));
}

type DeviceParts = {
  readonly load: typeof loadOnnxRuntime;
  /** 3 · 5, where asked for with a factor in float16. */
  readonly multiply: (device: Device, isFloat16: boolean) => Promise<number>;
};

const expected = 15;
/** Of 5, in float16. */
const fiveAsBits = 0x4500;

async function smallProduct(device: Device, isFloat16: boolean): Promise<number> {
  const a = ops.input('a', [1, 1]);
  const half = ops.input('b', [1, 1], isFloat16 ? 'float16' : 'float32');
  const b = isFloat16 ? ops.widen(half) : half;
  const program = await Program.compile({ product: ops.matmul(a, b) }, undefined, { device });
  try {
    const product = new Float32Array(1);
    const values = {
      a: Float32Array.of(3),
      b: isFloat16 ? Uint16Array.of(fiveAsBits) : Float32Array.of(5),
    };
    await program.run(values, { product }, {});
    return product[0] ?? Number.NaN;
  } finally {
    await program.dispose();
  }
}

function failUnopened(error: unknown): never {
  return failNoDevice(firstLine(error), error);
}

function failNoDevice(got: string, cause?: unknown): never {
  return fail(
    'engine',
    {
      where: 'engine.device=webgpu',
      expected:
        'a graphics device with a driver for WebGPU (Vulkan on Linux, Direct3D 12 on Windows, Metal on macOS)',
      got,
      next: 'install the driver of the graphics card (on Linux, vulkaninfo --summary lists what there is), or use engine.device=cpu',
    },
    cause,
  );
}

function failWithoutFloat16(error: unknown): never {
  return fail(
    'engine',
    {
      where: 'engine.device=webgpu',
      expected: 'a device that reads 16-bit numbers (the feature shader-f16), for engine.base f16',
      got: firstLine(error),
      next: 'use engine.base=f32, or engine.device=cpu',
    },
    error,
  );
}

/** What the runtime itself said, without the place in its sources with which it begins. */
function firstLine(error: unknown): string {
  const line = messageOf(error instanceof MedixError ? error.cause : error).split('\n', 1)[0] ?? '';
  return line.replace(/^.*was false\. /, '');
}
