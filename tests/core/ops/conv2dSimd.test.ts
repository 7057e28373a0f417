/** The algorithms of conv2d on device simd: Winograd in blocks and in stages, direct ones with whole and broken panels. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { SimdDevice } from '../../../core/devices/simd/device.ts';
import { type Conv2dOptions, conv2d, gradient, mul, sum, tensor } from '../../../core/index.ts';
import { type Geometry, geometryOf } from '../../../core/ops/conv2d/geometry.ts';
import { forwardSimd, inputGradientSimd, weightGradientSimd } from '../../../core/ops/conv2d/simd.ts';
import { logAccuracy } from '../../support/accuracyLog.ts';
import { reference } from '../../support/devices.ts';
import { evaluate, scaledError } from '../../support/evaluate.ts';
import { randomArray } from '../../support/random.ts';

/** Rounding of float32 sums of up to some thousand products, by the largest result. */
const DIRECT_TOLERANCE = 2e-6;
/** F(4x4, 3x3) multiplies rounding errors by its transforms' entries: up to 1.1e-5 measured over common layers. */
const WINOGRAD_TOLERANCE = 5e-5;

const devices = await Promise.all([1, 2, 3].map((threads) => SimdDevice.open({ threads })));
afterAll(() => devices.forEach((device) => device.destroy()));

type Size = readonly [number, number, number, number];

async function check(x: Size, w: Size, options: Conv2dOptions, tolerance: number): Promise<void> {
  const [input, weight] = [x, w].map((shape, k) => tensor(Float32Array.from(randomArray(shape, k + 1)), shape));
  const y = conv2d(input!, weight!, options);
  const dy = tensor(Float32Array.from(randomArray(y.shape, 3)), y.shape);
  const results = [y, ...gradient(sum(mul(y, dy)), [input!, weight!])];
  const expected = await evaluate(results, reference);
  const bits: Float64Array[][] = [];
  for (const device of devices) {
    const actual = await evaluate(results, device);
    ['y', 'dx', 'dw'].forEach((name, k) => {
      const error = scaledError(actual[k]!, expected[k]!);
      logAccuracy(device, error, tolerance, tolerance === WINOGRAD_TOLERANCE ? 'conv2d by Winograd *' : 'conv2d directly *');
      expect(error, name).toBeLessThan(tolerance);
    });
    bits.push(actual.map((values) => Float64Array.from(values)));
  }
  expect(bits[1]).toEqual(bits[0]);
  expect(bits[2]).toEqual(bits[0]);
}

const channels = fc.constantFrom(16, 20, 32, 36, 48);
const length = fc.constantFrom(4, 5, 7, 8, 9, 14, 17);

describe('winograd', () => {
  it('agrees with the reference over random shapes and paddings', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ n: fc.constantFrom(1, 2, 3), c: channels, o: channels, h: length, w: length, p: fc.constantFrom(0, 1, 2) }),
        async ({ n, c, o, h, w, p }) => {
          if (Math.min(h, w) + 2 * p < 3) return;
          await check([n, c, h, w], [o, c, 3, 3], { padding: p }, WINOGRAD_TOLERANCE);
        },
      ),
      { numRuns: 12 },
    );
  });

  it.each([
    ['many tiles, in blocks', [24, 16, 32, 32], [16, 16, 3, 3]],
    ['few tiles, in stages', [2, 64, 14, 14], [96, 64, 3, 3]],
  ] as [string, Size, Size][])('%s', async (_, x, w) => {
    await check(x, w, { padding: 1 }, WINOGRAD_TOLERANCE);
  });

  it('is not taken where direct was asked for: the error is that of sums', async () => {
    const shapes: [Size, Size] = [
      [2, 16, 12, 12],
      [16, 16, 3, 3],
    ];
    await check(...shapes, { padding: 1, algorithm: 'direct' }, DIRECT_TOLERANCE);
  });
});

describe('direct', () => {
  it.each([
    ['a first layer', [3, 3, 20, 20], [16, 3, 3, 3], { padding: 1 }],
    ['stride 2 by phases', [3, 16, 17, 16], [32, 16, 3, 3], { padding: 1, stride: 2 }],
    ['1x1 with stride 2: phases without taps', [3, 16, 9, 9], [24, 16, 1, 1], { stride: 2 }],
    ['7x7 with stride 2', [2, 3, 41, 40], [20, 3, 7, 7], { padding: 3, stride: 2 }],
    ['1x1', [2, 40, 14, 14], [72, 40, 1, 1], {}],
    ['many channels, in blocks of 16', [2, 128, 7, 9], [144, 128, 3, 3], { padding: 1, stride: 2 }],
    ['many channels, 1x1', [2, 144, 6, 5], [128, 144, 1, 1], {}],
    ['many channels, 1x1 with stride 2', [3, 128, 9, 8], [144, 128, 1, 1], { stride: 2 }],
    ['many channels, 1x1 with two strides', [2, 128, 7, 9], [128, 128, 1, 1], { stride: [1, 3] }],
    ['few rows in many images', [40, 3, 2, 5], [16, 3, 2, 1], {}],
    ['groups, depthwise', [2, 12, 9, 11], [12, 1, 3, 3], { padding: 1, groups: 12 }],
    ['dilation and stride', [2, 8, 21, 19], [8, 4, 3, 3], { padding: [2, 1], stride: [2, 3], dilation: [2, 3], groups: 2 }],
    ['an output smaller than the stride', [1, 2, 2, 1], [3, 2, 1, 1], { stride: 3, padding: 1 }],
  ] as [string, Size, Size, Conv2dOptions][])('%s', async (_, x, w, options) => {
    await check(x, w, options, DIRECT_TOLERANCE);
  });
});

describe('the choice', () => {
  const geometry = (x: Size, w: Size, options: Partial<Geometry> = {}): Geometry =>
    geometryOf(x, w, { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, ...options });
  const programs = [forwardSimd, inputGradientSimd, weightGradientSimd];
  const algorithms = (of: Geometry): (string | undefined)[] => programs.map((program) => program(of).algorithm);

  it('is Winograd for 3x3 of stride 1 over 16 channels and more, in all three passes', () => {
    expect(new Set(algorithms(geometry([8, 16, 32, 32], [16, 16, 3, 3])))).toEqual(new Set(['winograd F(4x4,3x3)']));
  });

  it.each([
    ['strides', geometry([8, 16, 32, 32], [16, 16, 3, 3], { stride: [2, 2] })],
    ['few channels', geometry([8, 3, 32, 32], [16, 3, 3, 3])],
    ['other kernels', geometry([8, 16, 32, 32], [16, 16, 5, 5])],
    ['direct on request', geometry([8, 16, 32, 32], [16, 16, 3, 3], { algorithm: 'direct' })],
  ])('is direct for %s', (_, of) => {
    expect(new Set(algorithms(of))).toEqual(new Set(['direct']));
  });

  it('says where it takes the general way', () => {
    expect(inputGradientSimd(geometry([1, 4, 9, 9], [4, 4, 3, 3], { stride: [2, 2], dilation: [2, 2] })).algorithm).toBe(
      'direct, dy spread by zeros',
    );
  });
});
