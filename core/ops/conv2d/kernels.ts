/**
 * The gpu.js kernels of conv2d. Cells run over neighbouring positions (or taps) along x, so that everything that does not depend on
 * x is uniform for a backend that computes several x at once.
 *
 * floor((p + 0.5) / n) is used for the one division that does depend on x: (p + 0.5) / n is at least 0.5 / n away from an integer,
 * and float32 division with WGSL's 2.5 ULP errs by at most 3e-7 (p / n), so it is exact for every n as long as p < 2^20.
 */
import { type Kernel, type KernelThis, kernel } from '../../devices/gpu/kernel.ts';

/** rows[tap z, image y, position x] = source at (row * stride + i * dilation - padding, ...), or 0 outside. */
export const im2col = kernel('im2col', function (this: KernelThis, source: Float32Array) {
  const channel = idiv(this.thread.z, this.constants.taps!);
  const tap = this.thread.z - channel * this.constants.taps!;
  const i = idiv(tap, this.constants.kw!);
  const j = tap - i * this.constants.kw!;
  const y = Math.floor((this.thread.x + 0.5) / this.constants.width!);
  const x = this.thread.x - y * this.constants.width!;
  const h = y * this.constants.strideY! + i * this.constants.dilationY! - this.constants.paddingY!;
  const w = x * this.constants.strideX! + j * this.constants.dilationX! - this.constants.paddingX!;
  const plane = (this.thread.y + this.constants.first!) * this.constants.channels! + channel;
  let value = 0.0;
  if (h >= 0) {
    if (h < this.constants.sourceHeight!) {
      if (w >= 0) {
        if (w < this.constants.sourceWidth!) {
          value = source[(plane * this.constants.sourceHeight! + h) * this.constants.sourceWidth! + w]!;
        }
      }
    }
  }
  return value;
});

/** The same for the input gradient: position (h, w) meets dy at ((h + padding - i * dilation) / stride, ...) where that divides. */
export const im2colSpread = kernel('im2colSpread', function (this: KernelThis, source: Float32Array) {
  const channel = idiv(this.thread.z, this.constants.taps!);
  const tap = this.thread.z - channel * this.constants.taps!;
  const i = idiv(tap, this.constants.kw!);
  const j = tap - i * this.constants.kw!;
  const h = Math.floor((this.thread.x + 0.5) / this.constants.width!);
  const w = this.thread.x - h * this.constants.width!;
  const dividendY = h + this.constants.paddingY! - i * this.constants.dilationY!;
  const dividendX = w + this.constants.paddingX! - j * this.constants.dilationX!;
  const y = Math.floor((dividendY + 0.5) / this.constants.strideY!);
  const x = Math.floor((dividendX + 0.5) / this.constants.strideX!);
  const plane = (this.thread.y + this.constants.first!) * this.constants.channels! + channel;
  let value = 0.0;
  if (y >= 0) {
    if (y < this.constants.sourceHeight!) {
      if (x >= 0) {
        if (x < this.constants.sourceWidth!) {
          if (y * this.constants.strideY! === dividendY) {
            if (x * this.constants.strideX! === dividendX) {
              value = source[(plane * this.constants.sourceHeight! + y) * this.constants.sourceWidth! + x]!;
            }
          }
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
    value = weight[(this.thread.z * this.constants.outputs! + o) * this.constants.taps! + k]!;
  }
  return value;
});

/** packed[g, c / 4, (o, i, j), 4] = w[o, c, i, j]: the roles of o and c exchanged. `outputs` counts c, `channels` too. */
export const packTransposed = kernel('packTransposed', function (this: KernelThis, weight: Float32Array) {
  const k = Math.floor((this.thread.x + 0.5) / 4);
  const c = this.thread.y * 4 + this.thread.x - k * 4;
  const o = Math.floor((k + 0.5) / this.constants.area!);
  const tap = k - o * this.constants.area!;
  const perGroup = this.constants.taps! / this.constants.area!;
  let value = 0.0;
  if (c < this.constants.outputs!) {
    value = weight[((this.thread.z * perGroup + o) * this.constants.channels! + c) * this.constants.area! + tap]!;
  }
  return value;
});

/** The factors by which loops are unrolled, where the length divides. */
const UNROLL = [3, 4, 1];

function unrollOf(length: number): number {
  return UNROLL.find((factor) => length % factor === 0)!;
}

/**
 * product[o / 4, p, 4] = sum_k packed[o / 4, k, 4] rows[k, p]. Cell: position x, four channels y (over all groups).
 *
 *     for k in steps of `unroll`:  v = rows[group * taps + k, x];  c0..c3 += packed[y, k, 0..3] * v
 */
export function multiply(taps: number): Kernel {
  const unroll = unrollOf(taps);
  const body = Array.from(
    { length: unroll },
    (_, u) => `
    const v${u} = rows[(row + k + ${u}) * this.constants.p + this.thread.x];
    c0 += packed[(this.thread.y * this.constants.taps + k + ${u}) * 4] * v${u};
    c1 += packed[(this.thread.y * this.constants.taps + k + ${u}) * 4 + 1] * v${u};
    c2 += packed[(this.thread.y * this.constants.taps + k + ${u}) * 4 + 2] * v${u};
    c3 += packed[(this.thread.y * this.constants.taps + k + ${u}) * 4 + 3] * v${u};`,
  ).join('');
  return kernel(
    'multiply',
    `function (packed, rows) {
  const row = idiv(this.thread.y, this.constants.quads) * this.constants.taps;
  let c0 = 0.0; let c1 = 0.0; let c2 = 0.0; let c3 = 0.0;
  for (let k = 0; k < this.constants.taps; k += ${unroll}) {${body}
  }
  return [c0, c1, c2, c3];
}`,
    4,
  );
}

/** y[n, o, p] = product[o / 4, (n, p), 4]. Cell: position x, output channel y (over all groups), image z. */
export const unpack = kernel('unpack', function (this: KernelThis, product: Float32Array) {
  const g = idiv(this.thread.y, this.constants.outputs!);
  const o = this.thread.y - g * this.constants.outputs!;
  const quad = idiv(o, 4);
  const place =
    (g * this.constants.quads! + quad) * this.constants.p! + this.thread.z * this.constants.positions! + this.thread.x;
  return product[place * 4 + o - quad * 4]!;
});

/** unpack for the images of one chunk; the others come from the output so far. */
export const unpackInto = kernel('unpackInto', function (this: KernelThis, product: Float32Array, previous: Float32Array) {
  const g = idiv(this.thread.y, this.constants.outputs!);
  const o = this.thread.y - g * this.constants.outputs!;
  const quad = idiv(o, 4);
  const n = this.thread.z - this.constants.first!;
  let value = 0.0;
  if (n >= 0) {
    if (n < this.constants.images!) {
      const place = (g * this.constants.quads! + quad) * this.constants.p! + n * this.constants.positions! + this.thread.x;
      value = product[place * 4 + o - quad * 4]!;
    }
  } else {
    value = previous[(this.thread.z * this.constants.outputsInAll! + this.thread.y) * this.constants.positions! + this.thread.x]!;
  }
  return value;
});

/**
 * partial[part, o / 4, k, 4] = sum of dy[n, o, q] rows[k, (n, q)] over the images and positions of one part. Cell: tap x, four
 * channels y (over all groups), part z. Channels missing in the last four repeat the last one and are ignored by `addParts`.
 *
 *     for image m of the part, q in steps of `unroll`:  v = rows[group * taps + x, (n, q)];  c0..c3 += dy[n, o0..o3, q] * v
 */
export function multiplyParts(positions: number, partLength: number, outputs: number): Kernel {
  const guarded = positions % partLength !== 0;
  const unroll = guarded ? 1 : unrollOf(partLength);
  const channel = (lane: number): string =>
    outputs % 4 === 0 ? `o + ${lane}` : `Math.min(o + ${lane}, this.constants.outputs - 1)`;
  const term = (u: number): string => `const v${u} = rows[row + q + ${u}];
      c0 += dy[d0 + q + ${u}] * v${u};
      c1 += dy[d1 + q + ${u}] * v${u};
      c2 += dy[d2 + q + ${u}] * v${u};
      c3 += dy[d3 + q + ${u}] * v${u};`;
  const terms = Array.from({ length: unroll }, (_, u) => term(u)).join(' ');
  return kernel(
    'multiplyParts',
    `function (dy, rows) {
  const g = idiv(this.thread.y, this.constants.quads);
  const o = (this.thread.y - g * this.constants.quads) * 4;
  const block = idiv(this.thread.z, this.constants.partsPerImage);
  const start = (this.thread.z - block * this.constants.partsPerImage) * this.constants.partLength;
  let c0 = 0.0; let c1 = 0.0; let c2 = 0.0; let c3 = 0.0;
  for (let m = 0; m < this.constants.imagesPerPart; m++) {
    const n = block * this.constants.imagesPerPart + m;
    const row = (g * this.constants.taps + this.thread.x) * this.constants.p + n * this.constants.positions + start;
    const channels = (n + this.constants.first) * this.constants.outputsInAll + g * this.constants.outputs;
    const d0 = (channels + ${channel(0)}) * this.constants.positions + start;
    const d1 = (channels + ${channel(1)}) * this.constants.positions + start;
    const d2 = (channels + ${channel(2)}) * this.constants.positions + start;
    const d3 = (channels + ${channel(3)}) * this.constants.positions + start;
    for (let q = 0; q < this.constants.partLength; q += ${unroll}) {
      ${guarded ? `if (start + q < this.constants.positions) { ${terms} }` : terms}
    }
  }
  return [c0, c1, c2, c3];
}`,
    4,
  );
}

/** dw[o, k] = sum over parts of partial[part, o / 4, k, 4], plus what earlier chunks gave. Cell: tap x, channel y over all groups. */
export function addParts(withPrevious: boolean): Kernel {
  const first = withPrevious ? 'previous[this.thread.y * this.constants.taps + this.thread.x]' : '0.0';
  return kernel(
    'addParts',
    `function (partial${withPrevious ? ', previous' : ''}) {
  const g = idiv(this.thread.y, this.constants.outputs);
  const o = this.thread.y - g * this.constants.outputs;
  const quad = idiv(o, 4);
  let total = ${first};
  for (let part = 0; part < this.constants.parts; part++) {
    total += partial[(((part * this.constants.groups + g) * this.constants.quads + quad) * this.constants.taps + this.thread.x) * 4 + o - quad * 4];
  }
  return total;
}`,
  );
}
