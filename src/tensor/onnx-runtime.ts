/**
 * ONNX Runtime, loaded when something is computed and not before: rewards, judges, reports and statistics
 * need none, and npm leaves it out where its install script fails.
 */
import { fail, messageOf } from '../core/errors.ts';

export type OnnxRuntime = typeof import('onnxruntime-node');

/**
 * @param load @default imports the package `onnxruntime-node`
 * @throws MedixError 'engine' where the package, or its binding for this machine, is missing.
 */
export async function loadOnnxRuntime(
  load: () => Promise<OnnxRuntime> = () => import('onnxruntime-node'),
): Promise<OnnxRuntime> {
  return load().catch(notInstalled);
}

function notInstalled(error: unknown): never {
  return fail(
    'engine',
    {
      where: 'onnxruntime-node',
      expected: `the package with its binding for ${process.platform}-${process.arch}`,
      got: messageOf(error).split('\n', 1)[0] ?? '',
      next: 'install MediX as before, now with --ignore-scripts: where the install script of onnxruntime-node cannot download its GPU libraries, npm leaves the package out',
    },
    error,
  );
}
