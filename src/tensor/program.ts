/**
 * A graph compiled for ONNX Runtime. Named dimensions stay open, so one session serves every shape.
 * Results are always written into buffers that the caller provides: nothing large is allocated per run,
 * and a result may be written over the input it replaces.
 */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import { MedixError, messageOf } from '../core/errors.ts';
import type { Device } from './device.ts';
import { type Bindings, dimValue, type Shape, shapeValue } from './dim.ts';
import type { LeftBits } from './emitter.ts';
import { requireLeftBits } from './left-bits.ts';
import { type Node, topologicalOrder } from './node.ts';
import { emitOnnx, lastWord, type OnnxGraph } from './onnx.ts';
import { loadOnnxRuntime, type OnnxRuntime } from './onnx-runtime.ts';

/**
 * What the binding of onnxruntime-node 1.30 says when a run is over and it comes to hand back a result
 * that is no tensor. It copies every tensor that it hands back into a new ArrayBuffer, even one that was
 * computed into a buffer of ours: a tenth of a training step and most of its memory. So the first result
 * of every model is one that stops it there. A binding that copes with it, or copies nothing, is as good.
 */
const nothingHandedBack = 'Non tensor type is temporarily not supported.';

/** Float16 values are given as their bits. */
export type Values = Readonly<Record<string, Float32Array | Int32Array | Uint16Array>>;

type ProgramOptions = {
  /**
   * Whether what a run has allocated is kept for the next. Of many programs that take turns, each would hold memory
   * that only one needs. @default true
   */
  readonly keepsMemory?: boolean;
};

/** Where programs compute. */
export type Hardware = {
  /** @default the processor */
  readonly device?: Device | undefined;
  /** Threads that compute at most. @default one for each core */
  readonly threads?: number | undefined;
};

/** {@link Program.compile} for hardware that was chosen before. */
export type Compile = (
  outputs: Readonly<Record<string, Node>>,
  given?: ReadonlyMap<Node, string>,
  options?: Pick<ProgramOptions, 'keepsMemory'>,
) => Promise<Program>;

export function compileFor(hardware: Hardware): Compile {
  return (outputs, given, options) => Program.compile(outputs, given, { ...options, ...hardware });
}

export class Program {
  readonly graph: Omit<OnnxGraph, 'bytes'>;
  readonly #ort: OnnxRuntime;
  readonly #session: Ort.InferenceSession;
  readonly #device: Device;

  private constructor(
    graph: Omit<OnnxGraph, 'bytes'>,
    ort: OnnxRuntime,
    session: Ort.InferenceSession,
    device: Device,
  ) {
    this.graph = graph;
    this.#ort = ort;
    this.#session = session;
    this.#device = device;
  }

  /**
   * @param given see {@link emitOnnx}.
   * @throws MedixError as {@link loadOnnxRuntime}; 'engine' where a graphics device does not take the program.
   */
  static async compile(
    outputs: Readonly<Record<string, Node>>,
    given?: ReadonlyMap<Node, string>,
    { keepsMemory = true, device = 'cpu', threads = 0 }: ProgramOptions & Hardware = {},
  ): Promise<Program> {
    const ort = await loadOnnxRuntime();
    const leftBits = await leftBitsFor(outputs, device);
    const { bytes, ...graph } = emitOnnx(outputs, given, device, leftBits);
    const session = await createSession(ort, bytes, graph.folder, {
      executionProviders: [device],
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
      // 0 stands for one for each core.
      intraOpNumThreads: threads,
      // Patterns pay off for one fixed shape; ours vary, and each would keep a block of its own.
      enableMemPattern: false,
      enableCpuMemArena: keepsMemory,
      logSeverityLevel: 3,
      // Threads that wait busily take the processor from the next program's, and from everybody else.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    }).catch((error: unknown) => failOn(device, error));
    return new Program(graph, ort, session, device);
  }

  /** Number of elements of each result. */
  resultSizes(bindings: Bindings): ReadonlyMap<string, number> {
    return new Map(
      this.graph.outputs.map(({ name, shape }) => [
        name,
        shape.reduce<number>((size, dim) => size * dimValue(dim, bindings), 1),
      ]),
    );
  }

  /**
   * Writes results into `results[name]`; one that is left out is not handed back. Inputs that the graph does
   * not use may be given.
   * @throws Error on a missing value, or one whose length is not that of its shape; MedixError 'engine' where a
   *   graphics device fails, e.g. is lost or has too little memory.
   */
  async run(values: Values, results: Values, bindings: Bindings): Promise<void> {
    const ort = this.#ort;
    const feeds: Record<string, Ort.Tensor> = {};
    for (const { name, shape } of this.graph.inputs) {
      feeds[name] = tensor(ort, name, values[name], shape, bindings);
    }
    for (const dim of this.graph.dims) {
      feeds[`dim:${dim}`] = new ort.Tensor(
        'int64',
        BigInt64Array.of(BigInt(dimValue(dim, bindings))),
        [1],
      );
    }
    const fetches: Record<string, Ort.Tensor | null> = { [lastWord]: null };
    for (const { name, shape } of this.graph.outputs) {
      if (name in results) fetches[name] = tensor(ort, name, results[name], shape, bindings);
    }
    try {
      await this.#session.run(feeds, fetches);
    } catch (error) {
      if (error instanceof Error && error.message === nothingHandedBack) return;
      failOn(this.#device, error);
    }
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/** Tried out where it matters, since trying takes its time. */
async function leftBitsFor(
  outputs: Readonly<Record<string, Node>>,
  device: Device,
): Promise<LeftBits> {
  const multipliesIntegers = topologicalOrder(Object.values(outputs)).some(
    ({ kind }) => kind === 'storedProduct',
  );
  return multipliesIntegers && device === 'cpu' ? requireLeftBits() : 8;
}

/** A driver that resets, a card that is taken away or is full: none is a defect of what was computed. */
function failOn(device: Device, cause: unknown): never {
  if (device === 'cpu') throw cause;
  const problem = {
    where: 'engine.device=webgpu',
    expected: 'the graphics device to compute until the engine is closed',
    got: (messageOf(cause).split('\n', 1)[0] ?? '').replace(/\.$/, ''),
    next: 'resume the run, where it is one; where memory is short, lower engine.memory, which makes less be computed at once; or use engine.device=cpu',
  };
  throw new MedixError('engine', [problem], { cause });
}

/** A model that names files finds them beside its own, which is needed until it is opened. */
async function createSession(
  ort: OnnxRuntime,
  bytes: Uint8Array,
  folder: string | undefined,
  options: Ort.InferenceSession.SessionOptions,
): Promise<Ort.InferenceSession> {
  if (folder === undefined) return ort.InferenceSession.create(bytes, options);
  const path = join(folder, `graph-${randomUUID()}.onnx`);
  try {
    await writeFile(path, bytes);
    return await ort.InferenceSession.create(path, options);
  } finally {
    await rm(path, { force: true });
  }
}

function tensor(
  ort: OnnxRuntime,
  name: string,
  data: Values[string] | undefined,
  shape: Shape,
  bindings: Bindings,
): Ort.Tensor {
  if (data === undefined) throw new Error(`internal: no value for ${name}`);
  const dims = shapeValue(shape, bindings);
  if (data instanceof Float32Array) return new ort.Tensor('float32', data, dims);
  if (data instanceof Int32Array) return new ort.Tensor('int32', data, dims);
  return new ort.Tensor('float16', data, dims);
}
