/** What computes a program. */

/** `webgpu` is a graphics device that ONNX Runtime reaches by WebGPU. */
export type Device = 'cpu' | 'webgpu';
