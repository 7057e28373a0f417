/** conv2d and its gradients: an independent loop as oracle, differences, devices, every option crossed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GpuProgram } from '../../../core/devices/gpu/kernel.ts';
import { type Conv2dOptions, conv2d, type Shape, tensor, zeros } from '../../../core/index.ts';
import { type Geometry, geometryOf } from '../../../core/ops/conv2d/geometry.ts';
import { forwardProgram, inputGradientProgram, weightGradientProgram } from '../../../core/ops/conv2d/gpu.ts';
import { checkDevice, checkGradient, checkSecondGradient, input } from '../../support/check.ts';
import { CANCELLATION_TOLERANCE, onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

interface Case {
  readonly x: [number, number, number, number];
  readonly w: [number, number, number, number];
  readonly options: Conv2dOptions & {
    stride: [number, number];
    padding: [number, number];
    dilation: [number, number];
    groups: number;
  };
}

/** Sizes such that at least one output position exists; the odd lengths are those at which careless index division fails. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    n: fc.integer({ min: 1, max: 3 }),
    groups: fc.constantFrom(1, 1, 2, 3),
    perGroup: fc.integer({ min: 1, max: 3 }),
    outputsPerGroup: fc.integer({ min: 1, max: 5 }),
    kernel: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    padding: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })),
    dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    extra: fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom(0, 1, 2, 5, 34, 40, 48, 54)),
  })
  .map(({ n, groups, perGroup, outputsPerGroup, kernel, stride, padding, dilation, extra }) => {
    const side = (axis: 0 | 1): number => Math.max(1, dilation[axis] * (kernel[axis] - 1) + 1 - 2 * padding[axis]) + extra[axis];
    return {
      x: [n, groups * perGroup, side(0), side(1)],
      w: [groups * outputsPerGroup, perGroup, ...kernel],
      options: { stride, padding, dilation, groups },
    };
  });

const formula =
  ({ options }: Case) =>
  (...[x, w]: Parameters<typeof conv2d>[0][]) =>
    conv2d(x!, w!, options);

/** The definition, written down again with bounds tests and no shared code. */
function oracle(
  { x: [n, c, h, w], w: [o, perGroup, kh, kw], options: { stride, padding, dilation, groups } }: Case,
  x: Float64Array,
  weight: Float64Array,
): number[] {
  const oh = Math.floor((h + 2 * padding[0] - dilation[0] * (kh - 1) - 1) / stride[0]) + 1;
  const ow = Math.floor((w + 2 * padding[1] - dilation[1] * (kw - 1) - 1) / stride[1]) + 1;
  const result: number[] = [];
  for (let image = 0; image < n; image++)
    for (let out = 0; out < o; out++)
      for (let oy = 0; oy < oh; oy++)
        for (let ox = 0; ox < ow; ox++) {
          let total = 0;
          for (let channel = 0; channel < perGroup; channel++)
            for (let i = 0; i < kh; i++)
              for (let j = 0; j < kw; j++) {
                const row = oy * stride[0] - padding[0] + i * dilation[0];
                const column = ox * stride[1] - padding[1] + j * dilation[1];
                if (row < 0 || row >= h || column < 0 || column >= w) continue;
                const source = Math.floor(out / (o / groups)) * perGroup + channel;
                total +=
                  x[((image * c + source) * h + row) * w + column]! * weight[((out * perGroup + channel) * kh + i) * kw + j]!;
              }
          result.push(total);
        }
  return result;
}

describe('conv2d on the reference', () => {
  it('is the sum in its definition', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async (test, seed) => {
        const [x, w] = [input(test.x, seed), input(test.w, seed + 1)];
        const [value] = await evaluate([conv2d(tensor(x.data, x.shape), tensor(w.data, w.shape), test.options)], reference);
        const expected = oracle(test, x.data, w.data);
        expect(value!.length).toBe(expected.length);
        value!.forEach((actual, k) => expect(actual).toBeCloseTo(expected[k]!, 10));
      }),
      { numRuns: 40 },
    );
  });
  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), (test, seed) =>
        checkGradient(formula(test), [input(test.x, seed), input(test.w, seed + 1)]),
      ),
      { numRuns: 30 },
    );
  });
  it('has the second derivatives that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), (test, seed) =>
        checkSecondGradient(formula(test), [input(test.x, seed), input(test.w, seed + 1)]),
      ),
      { numRuns: 10 },
    );
  });
});

onEveryDevice((device) => {
  it('agrees with the reference over random geometries', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), (test, seed) =>
        checkDevice(device, formula(test), [input(test.x, seed), input(test.w, seed + 1)], CANCELLATION_TOLERANCE),
      ),
      { numRuns: 15 },
    );
  });
  it('takes kernels of more taps than its source prints, in groups and not', async () => {
    for (const groups of [1, 2]) {
      const inputs = [input([2, 2 * groups, 9, 12], 5), input([3 * groups, 2, 9, 8], 6)];
      await checkDevice(device, (x, w) => conv2d(x!, w!, { stride: 2, padding: [3, 0], groups }), inputs, CANCELLATION_TOLERANCE);
    }
  });
  it('adds pieces of rows longer than 4,096, and images that do not fill the last part', async () => {
    const long = [input([2, 1, 3, 4201], 7), input([2, 1, 3, 3], 8)];
    await checkDevice(device, (x, w) => conv2d(x!, w!), long, 2e-3);
    await checkDevice(device, (x, w) => conv2d(x!, w!), [input([5, 3, 10, 10], 9), input([4, 3, 1, 1], 10)], 2e-3);
  });
  it('takes images in chunks whose frames together pass 2^24 elements', async () => {
    const inputs = [input([2000, 1, 6, 6], 11), input([2, 1, 3, 3], 12)];
    await checkDevice(device, (x, w) => conv2d(x!, w!, { padding: 60, stride: 4 }), inputs, CANCELLATION_TOLERANCE);
  });
  it('takes more images than a reduction is long, as they lie and in frames', async () => {
    for (const padding of [0, 1]) {
      const inputs = [input([4500, 2, 2, 1], 13), input([3, 2, 1, 1], 14)];
      await checkDevice(device, (x, w) => conv2d(x!, w!, { padding }), inputs, 2e-3);
    }
  });
  it('adds long sums in parts (64 x 65 positions, more than 4,096)', async () => {
    await checkDevice(device, (x, w) => conv2d(x!, w!, { padding: 1 }), [input([1, 2, 64, 65], 3), input([3, 2, 3, 3], 4)], 2e-3);
  });
});

describe('the gpu program', () => {
  const geometry = (x: Shape, w: Shape, stride = 1, padding = 1): Geometry =>
    geometryOf(x, w, { stride: [stride, stride], padding: [padding, padding], dilation: [1, 1], groups: 1 });
  const count = (pattern: RegExp, { launches }: GpuProgram): number =>
    launches.flatMap(({ kernel }) => kernel.source.match(pattern) ?? []).length;
  const names = ({ launches }: GpuProgram): string[] => launches.map(({ kernel }) => kernel.name);

  it('takes images in chunks so that no array passes 2^24 elements', () => {
    const program = forwardProgram(geometry([1000, 16, 32, 32], [16, 16, 3, 3]));
    expect(Math.max(...program.scratch)).toBeLessThanOrEqual(2 ** 24);
    const chunk = ['frame', 'correlate', 'unpackChunk'];
    expect(names(program)).toEqual([...chunk, ...chunk]);
  });

  it('loads 25 numbers for 36 multiply-adds of a 3 x 3 kernel', () => {
    const program = forwardProgram(geometry([2, 16, 32, 32], [16, 16, 3, 3]));
    expect(count(/framed\[/g, program)).toBe(16);
    expect(count(/weights\[/g, program)).toBe(9);
    expect(count(/c\d \+=/g, program)).toBe(36);
  });

  it('loads 10 and 8 numbers for 24 multiply-adds of its weight gradient', () => {
    const program = weightGradientProgram(geometry([2, 16, 32, 32], [16, 16, 3, 3]));
    expect(count(/framed\[/g, program)).toBe(10);
    expect(count(/turned\[/g, program)).toBe(8);
    expect(count(/c\d \+=/g, program)).toBe(24);
  });

  it('multiplies with no zero between the rows and columns of dy, and writes none down', () => {
    const program = inputGradientProgram(geometry([2, 16, 32, 32], [32, 16, 3, 3], 2));
    expect(count(/c\d \+=/g, program) / (count(/framed\[/g, program) / 4)).toBe(9); // of four outputs, one tap a pair of parities
    expect(program.scratch[0]).toBe(2 * 32 * 17 * 17);
  });

  it('reads images of a 1 x 1 kernel as they lie, two channels and two pixels a cell', () => {
    const even = forwardProgram(geometry([2, 16, 8, 8], [16, 16, 1, 1], 1, 0));
    expect(names(even)).toEqual(['correlate', 'unpack']);
    expect(even.launches[0]!.cells).toEqual([32, 8, 2]);
    const odd = forwardProgram(geometry([2, 16, 7, 7], [16, 16, 1, 1], 1, 0));
    expect(names(odd)).toEqual(['correlate', 'unpack']);
    expect(odd.launches[0]!.cells).toEqual([49, 4, 2]);
  });
});

describe('what is refused', () => {
  it.each([
    [
      [32, 3, 224, 224],
      [64, 4, 7, 7],
      {},
      'conv2d: input has 3 channels but weight needs 4 (input [32, 3, 224, 224], weight [64, 4, 7, 7], stride 1,1, padding 0,0, dilation 1,1, groups 1)',
    ],
    [[1, 4, 5, 5], [3, 2, 1, 1], { groups: 2 }, 'conv2d: 3 output channels do not divide into 2 groups'],
    [[1, 1, 2, 2], [1, 1, 3, 3], {}, 'conv2d: a kernel of 3 x 3 does not fit into the padded input'],
    [[1, 1, 5], [1, 1, 3, 3], {}, 'conv2d: input needs 4 axes'],
    [[1, 1, 5, 5], [1, 1, 3, 3], { stride: 0 }, 'conv2d: stride 0 given; it needs to be a whole number of at least 1'],
  ])('%j with %j', (x, w, options, message) => {
    expect(() => conv2d(zeros(x), zeros(w), options)).toThrow(message);
  });
});
