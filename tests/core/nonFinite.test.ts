/**
 * NaN and infinity: the simd, cpu and webasm devices give NaN, infinities and zeros where the reference does. webgpu promises it only for
 * arithmetic: WGSL allows a shader compiler to assume that there are no such values, and exp, log, tanh and comparisons then drop them.
 */
import { describe, expect, it } from 'vitest';
import {
  abs,
  add,
  avgPool2d,
  batchNorm,
  clamp,
  concat,
  conv2d,
  div,
  exp,
  gradient,
  less,
  log,
  logSoftmax,
  matmul,
  max,
  maximum,
  maxPool2d,
  minimum,
  mul,
  pad,
  relu,
  type Shape,
  slice,
  sqrt,
  sum,
  type Tensor,
  tanh,
  tensor,
  where,
} from '../../core/index.ts';
import { onEveryDevice, openedDevices, reference } from '../support/devices.ts';
import { evaluate } from '../support/evaluate.ts';

const values = (list: readonly number[], shape: Shape = [list.length]): Tensor => tensor(Float32Array.from(list), shape);
const special = (): Tensor => values([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, -2, 0]);
/** NaN in one corner, infinity in the middle. */
const images = (c = 2): Tensor =>
  values(
    Array.from({ length: c * 49 }, (_, k) => (k === 1 ? Number.NaN : k === 24 ? Number.POSITIVE_INFINITY : k % 7)),
    [1, c, 7, 7],
  );
const kernel = (c: number): Tensor =>
  values(
    Array.from({ length: c * c * 9 }, (_, k) => 1 + (k % 3)),
    [c, c, 3, 3],
  );

const arithmetic: Readonly<Record<string, () => Tensor>> = {
  add: () => add(special(), 1),
  'mul by 0': () => mul(special(), 0),
  div: () => div(1, special()),
  abs: () => abs(special()),
  relu: () => relu(special()),
  sum: () => sum(special()),
  matmul: () => matmul(values([1, Number.NaN, 2, Number.POSITIVE_INFINITY], [2, 2]), values([1, 2, 3, 4], [2, 2])),
  conv2d: () => conv2d(images(), kernel(2), { padding: 1 }),
  avgPool2d: () => avgPool2d(images(), { kernelSize: 2 }),
  batchNorm: () => batchNorm(images(), values([1, 1]), values([5, 5])).output,
  slice: () => slice(special(), [{ step: 2 }]),
  concat: () => concat([special(), special()], 0),
  pad: () => pad(special(), [[1, 1]]),
};

const others: Readonly<Record<string, () => Tensor>> = {
  exp: () => exp(special()),
  log: () => log(special()),
  tanh: () => tanh(special()),
  sqrt: () => sqrt(special()),
  maximum: () => concat([maximum(special(), 0), maximum(0, special())], 0),
  minimum: () => concat([minimum(special(), 0), minimum(0, special())], 0),
  clamp: () => clamp(special(), -1, 0.5),
  less: () => less(special(), 0),
  where: () => where(less(special(), 5), special(), 3),
  max: () => max(special()),
  'max of rows': () => max(values([1, Number.NaN, 3, 4, 5, 6], [2, 3]), 1),
  'max of columns': () => max(values([1, Number.NaN, 3, 4, 5, 6], [2, 3]), 0),
  maxPool2d: () => maxPool2d(images(), { kernelSize: 3, stride: 2, padding: 1 }),
  'gradient of maxPool2d': () => {
    const x = images();
    return gradient(sum(maxPool2d(x, { kernelSize: 2 })), [x])[0]!;
  },
  logSoftmax: () =>
    logSoftmax(values([1, Number.NaN, 2, 1, Number.POSITIVE_INFINITY, 2, 1, Number.NEGATIVE_INFINITY, 2], [3, 3]), 1),
};

/** What kind of number each element is. */
const kinds = (data: ArrayLike<number>): string[] =>
  Array.from(data, (value) => (Number.isFinite(value) ? (value === 0 ? '0' : 'finite') : String(value)));

describe('max', () => {
  it('is NaN where NaN is among the values, as in PyTorch', async () => {
    const [rows] = await evaluate([others['max of rows']!()], reference);
    expect([...rows!]).toEqual([Number.NaN, 6]);
  });
  it('of two is NaN where either is', async () => {
    const [a, b] = [values([Number.NaN, 1, 3]), values([1, Number.NaN, 2])];
    const [larger, smaller] = await evaluate([maximum(a, b), minimum(a, b)], reference);
    expect([[...larger!], [...smaller!]]).toEqual([
      [Number.NaN, Number.NaN, 3],
      [Number.NaN, Number.NaN, 2],
    ]);
  });
});

onEveryDevice((device) => {
  const table = device.name === 'webgpu' ? arithmetic : { ...arithmetic, ...others };
  it.each(Object.entries(table))('%s keeps NaN and infinity', async (_, make) => {
    const result = make();
    const [[expected], [actual]] = [await evaluate([result], reference), await evaluate([result], device)];
    expect(kinds(actual!)).toEqual(kinds(expected!));
  });
});

it('Winograd spreads NaN and infinity over whole tiles: the result says so, if not where', async () => {
  const result = conv2d(
    values(
      Array.from({ length: 16 * 64 }, (_, k) => (k === 500 ? Number.NaN : k % 5)),
      [1, 16, 8, 8],
    ),
    kernel(16),
    { padding: 1 },
  );
  const expected = kinds((await evaluate([result], reference))[0]!);
  const simd = openedDevices.find(({ name }) => name === 'simd')!.device!;
  const actual = kinds((await evaluate([result], simd))[0]!);
  expected.forEach((kind, k) => kind === 'NaN' && expect(actual[k]).toBe('NaN'));
});
