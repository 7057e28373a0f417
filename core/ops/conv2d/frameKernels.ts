/**
 * The gpu.js kernels that bring arrays into the order in which products.ts wants them, and back. Cells run over neighbouring elements
 * along x, so that divisions, of rows by sizes, are uniform for a backend that computes several x at once.
 */
import { type Kernel, type KernelThis, kernel } from '../../devices/gpu/kernel.ts';

/** framed[image z, (channel, phase, row) y, column x], see frame.ts. */
export const frame = kernel('frame', function (this: KernelThis, source: Float32Array) {
  const plane = idiv(this.thread.y, this.constants.rows!);
  const channel = idiv(plane, this.constants.phasesY! * this.constants.phasesX!);
  const phase = plane - channel * this.constants.phasesY! * this.constants.phasesX!;
  const a = idiv(phase, this.constants.phasesX!);
  const row = this.thread.y - plane * this.constants.rows!;
  const h = row * this.constants.strideY! + a - this.constants.paddingY!;
  const w = this.thread.x * this.constants.strideX! + phase - a * this.constants.phasesX! - this.constants.paddingX!;
  const image = this.thread.z + this.constants.first!;
  let value = 0.0;
  if (h >= 0) {
    if (h < this.constants.height!) {
      if (w >= 0) {
        if (w < this.constants.width!) {
          const line = (image * this.constants.channels! + channel) * this.constants.height! + h;
          value = source[line * this.constants.width! + w]!;
        }
      }
    }
  }
  return value;
});

/** The same for a source with zeros spread between its rows and columns, which has one phase. */
export const frameSpread = kernel('frameSpread', function (this: KernelThis, source: Float32Array) {
  const channel = idiv(this.thread.y, this.constants.rows!);
  const row = this.thread.y - channel * this.constants.rows! - this.constants.paddingY!;
  const column = this.thread.x - this.constants.paddingX!;
  const h = idiv(Math.max(row, 0.0), this.constants.spreadY!);
  const w = idiv(Math.max(column, 0.0), this.constants.spreadX!);
  const image = this.thread.z + this.constants.first!;
  let value = 0.0;
  if (h * this.constants.spreadY! === row) {
    if (w * this.constants.spreadX! === column) {
      if (h < this.constants.height!) {
        if (w < this.constants.width!) {
          const line = (image * this.constants.channels! + channel) * this.constants.height! + h;
          value = source[line * this.constants.width! + w]!;
        }
      }
    }
  }
  return value;
});

/** packed[g, o / 4, k, 4] = w[o, k]; channels missing in the last four are 0. */
export const pack = kernel('pack', function (this: KernelThis, weight: Float32Array) {
  const k = Math.floor((this.thread.x + 0.5) / 4);
  const o = this.thread.y * 4 + this.thread.x - k * 4;
  let value = 0.0;
  if (o < this.constants.outputs!) {
    value = weight[(this.thread.z * this.constants.outputs! + o) * this.constants.length! + k]!;
  }
  return value;
});

/** packed[g, c / 4, (o, i, j), 4] = w[o, c, last - i, last - j]: o and c exchanged, the kernel turned around. `outputs` counts c. */
export const packTurned = kernel('packTurned', function (this: KernelThis, weight: Float32Array) {
  const k = Math.floor((this.thread.x + 0.5) / 4);
  const c = this.thread.y * 4 + this.thread.x - k * 4;
  const o = idiv(k, this.constants.taps!);
  const tap = this.constants.taps! - 1 - (k - o * this.constants.taps!);
  let value = 0.0;
  if (c < this.constants.outputs!) {
    const plane = (this.thread.z * this.constants.channels! + o) * this.constants.outputs! + c;
    value = weight[plane * this.constants.taps! + tap]!;
  }
  return value;
});

/** y[image z, (o, y) y, x] = product[image, o / 4, y * pitch + x, 4] */
export const unpack = kernel('unpack', function (this: KernelThis, product: Float32Array) {
  const channel = idiv(this.thread.y, this.constants.height!);
  const row = this.thread.y - channel * this.constants.height!;
  const g = idiv(channel, this.constants.outputs!);
  const o = channel - g * this.constants.outputs!;
  const quad = idiv(o, 4);
  const plane = this.thread.z * this.constants.quads! + g * this.constants.quadsOfGroup! + quad;
  const place = plane * this.constants.positions! + row * this.constants.pitch! + this.thread.x;
  return product[place * 4 + o - quad * 4]!;
});

/** unpack for the images of one chunk; the others come from the output so far. */
export const unpackInto = kernel('unpackInto', function (this: KernelThis, product: Float32Array, previous: Float32Array) {
  const channel = idiv(this.thread.y, this.constants.height!);
  const row = this.thread.y - channel * this.constants.height!;
  const g = idiv(channel, this.constants.outputs!);
  const o = channel - g * this.constants.outputs!;
  const quad = idiv(o, 4);
  const n = this.thread.z - this.constants.first!;
  let value = 0.0;
  if (n >= 0) {
    if (n < this.constants.images!) {
      const plane = n * this.constants.quads! + g * this.constants.quadsOfGroup! + quad;
      const place = plane * this.constants.positions! + row * this.constants.pitch! + this.thread.x;
      value = product[place * 4 + o - quad * 4]!;
    }
  } else {
    value = previous[(this.thread.z * this.constants.lines! + this.thread.y) * this.constants.width! + this.thread.x]!;
  }
  return value;
});

/** dw[o, k] = sum over parts of partial[part, o / 4, k, 4], plus what earlier chunks gave. Cell: tap x, channel y over all groups. */
export function addParts(withPrevious: boolean): Kernel {
  const first = withPrevious ? 'previous[this.thread.y * this.constants.length + this.thread.x]' : '0.0';
  return kernel(
    'addParts',
    `function (partial${withPrevious ? ', previous' : ''}) {
  const g = idiv(this.thread.y, this.constants.outputs);
  const o = this.thread.y - g * this.constants.outputs;
  const quad = idiv(o, 4);
  const start = ((g * this.constants.quadsOfGroup + quad) * this.constants.length + this.thread.x) * 4 + o - quad * 4;
  let total = ${first};
  for (let part = 0; part < this.constants.parts; part++) {
    total += partial[start + part * this.constants.step];
  }
  return total;
}`,
  );
}
