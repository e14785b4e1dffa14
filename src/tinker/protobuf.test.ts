import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { decodeForwardBackward, decodeSample, encodeForwardBackward } from './protobuf.ts';
import { decodePass, encodePassResult, encodeSampled } from './server-protobuf.ts';

const golden: Record<string, string> = JSON.parse(
  readFileSync(new URL('../../test/golden/tinker-wire.json', import.meta.url), 'utf8'),
);
const bytesOf = (name: string) => Buffer.from(golden[name] ?? '', 'hex');

it('writes a request as the official module does', () => {
  const encoded = encodeForwardBackward({
    model: 'm:train:0',
    seq: 7,
    loss: { name: 'ppo', settings: { clip_low_threshold: 0.8 } },
    isForwardOnly: true,
    data: [
      {
        input: [
          { kind: 'text', tokens: Int32Array.of(1, 2) },
          { kind: 'image', data: Buffer.from('\x89PNG', 'latin1'), format: 'png', tokens: 2 },
          { kind: 'text', tokens: Int32Array.of(3) },
        ],
        targets: Int32Array.of(2, 9, 9, 3, 4),
        lossInputs: { weights: Float32Array.of(0, 0, 0, 1, 1) },
      },
    ],
  });
  expect(Buffer.from(encoded).toString('hex')).toBe(golden['forwardBackwardRequest']);
});

it('reads the result of a pass', () => {
  expect(decodeForwardBackward(bytesOf('forwardBackwardOutput'))).toEqual({
    logprobs: [Float32Array.of(-1), Float32Array.of(-2, -3.5)],
    metrics: { 'loss:sum': 2.5 },
  });
});

it('reads completions, with and without logprobs', () => {
  expect(decodeSample(bytesOf('sampleResponse'))).toEqual({
    sequences: [
      { tokens: Int32Array.of(5, 6), logprobs: Float32Array.of(-1.5, -0.25), stopReason: 'stop' },
      { tokens: Int32Array.of(7), logprobs: undefined, stopReason: 'length' },
    ],
    promptLogprobs: Float32Array.of(Number.NaN, -0.5),
  });
});

it('reads a request as the official module writes it', () => {
  expect(decodePass(bytesOf('forwardBackwardRequest'))).toEqual({
    model: 'm:train:0',
    seq: 7,
    loss: 'ppo',
    settings: { clip_low_threshold: 0.8 },
    isForwardOnly: true,
    data: [
      {
        input: [
          { kind: 'text', tokens: Int32Array.of(1, 2) },
          {
            kind: 'image',
            data: Uint8Array.from(Buffer.from('\x89PNG', 'latin1')),
            tokens: 2,
          },
          { kind: 'text', tokens: Int32Array.of(3) },
        ],
        lossInputs: {
          target_tokens: [2, 9, 9, 3, 4],
          weights: Float32Array.of(0, 0, 0, 1, 1),
        },
      },
    ],
  });
});

it('writes the result of a pass as the official module does', () => {
  const encoded = encodePassResult({
    logprobs: [Float32Array.of(-1), Float32Array.of(-2, -3.5)],
    losses: [Float32Array.of(0.5), Float32Array.of(0, 0.25)],
    metrics: { 'loss:sum': 0.75 },
  });
  expect(Buffer.from(encoded).toString('hex')).toBe(golden['passResult']);
});

it('writes completions, and logprobs of the prompt, as the official module does', () => {
  const sequences = [
    { tokens: Int32Array.of(5, 6), logprobs: Float32Array.of(-1.5, -0.25), stopReason: 'stop' },
    { tokens: Int32Array.of(7), logprobs: Float32Array.of(-2), stopReason: 'length' },
  ] as const;
  const written = (promptLogprobs: Float32Array | undefined) =>
    Buffer.from(encodeSampled({ sequences, promptLogprobs })).toString('hex');
  expect(written(undefined)).toBe(golden['sampledResult']);
  // Field 2: bytes of two floats, of which the first is not defined.
  const prompt = '12080000c07f000000bf';
  expect(written(Float32Array.of(Number.NaN, -0.5))).toBe(`${golden['sampledResult']}${prompt}`);
  expect(golden['sampleResponse']?.endsWith(prompt)).toBe(true);
});

it('refuses bytes that are no such message', () => {
  expect(() => decodeSample(Buffer.from('<html>'))).toThrow();
});
