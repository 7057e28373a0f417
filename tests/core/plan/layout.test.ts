/** The layout pass: conversions where an op needs the other order, once each, and nowhere else. */
import { describe, expect, it } from 'vitest';
import { conv2d, explain, gradient, relu, reshape, slice, sum, type Tensor, tensor } from '../../../core/index.ts';
import type { Plan } from '../../../core/plan/plan.ts';
import { resnet20 } from '../../../models/index.ts';
import { crossEntropy } from '../../../nn/index.ts';
import { CANCELLATION_TOLERANCE, openedDevices, reference } from '../../support/devices.ts';
import { evaluate, planFor, relativeError } from '../../support/evaluate.ts';

const simd = openedDevices.find(({ name }) => name === 'simd')!.device!;
const zeros = (shape: readonly number[]): Tensor => tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
const names = (plan: Plan): string[] => plan.steps.map(({ op }) => op.name);
const conversions = (plan: Plan): string[] => names(plan).filter((name) => name.startsWith('to'));

describe('the layout pass', () => {
  const weight = zeros([4, 4, 3, 3]);

  it('converts once on the way in and once on the way out', () => {
    const x = zeros([2, 4, 5, 6]);
    const y = conv2d(relu(conv2d(x, weight, { padding: 1 })), weight, { padding: 1 });
    expect(names(planFor([y], simd))).toEqual(['toChannelsLast', 'conv2d', 'relu', 'conv2d', 'toLogical']);
  });

  it('shares a conversion between its users', () => {
    const x = zeros([2, 4, 5, 6]);
    const plan = planFor([sum(conv2d(x, weight)), sum(conv2d(x, weight, { padding: 1 }))], simd);
    expect(conversions(plan)).toEqual(['toChannelsLast']);
  });

  it('needs none where both orders are the same', () => {
    const [x, w] = [zeros([2, 4, 1, 1]), zeros([3, 4, 1, 1])];
    expect(conversions(planFor([conv2d(x, w)], simd))).toEqual([]);
  });

  it('keeps element-wise ops and slices in the order they find', () => {
    const y = conv2d(zeros([2, 4, 5, 6]), weight);
    const plan = planFor([sum(slice(relu(y), [undefined, { stop: 2 }]))], simd);
    expect(conversions(plan)).toEqual(['toChannelsLast']);
    expect(plan.steps.find(({ op }) => op.name === 'slice')!.outputLayout).toBe('channelsLast');
  });

  it('goes back before a reshape', () => {
    const y = conv2d(zeros([2, 4, 5, 6]), weight);
    expect(conversions(planFor([relu(reshape(y, [2, -1]))], simd))).toEqual(['toChannelsLast', 'toLogical']);
  });

  it('converts what a reshape has made four-dimensional', async () => {
    const values = Float32Array.from({ length: 2 * 4 * 5 * 6 }, (_, k) => Math.sin(k));
    const kernel = Float32Array.from({ length: 4 * 4 * 3 * 3 }, (_, k) => Math.cos(k));
    const w = tensor(kernel, [4, 4, 3, 3]);
    const inner = conv2d(reshape(tensor(values, [2, 120]), [2, 4, 5, 6]), w, { padding: 1 });
    const outer = conv2d(reshape(inner, [2, 4, 6, 5]), w);
    const around = ['toChannelsLast', 'conv2d', 'toLogical'];
    expect(names(planFor([outer], simd))).toEqual([...around, ...around]);
    const [[expected], [actual]] = [await evaluate([outer], reference), await evaluate([outer], simd)];
    expect(relativeError(actual!, expected!)).toBeLessThan(CANCELLATION_TOLERANCE);
  });

  it("shows none between a ResNet's first and last layer, forward and backward", () => {
    const model = resnet20({ seed: 0 });
    const loss = crossEntropy(model.forward(zeros([2, 3, 32, 32])), tensor([1, 2]));
    const plan = planFor(gradient(loss, model.parameters()), simd);
    expect(conversions(plan)).toEqual(['toChannelsLast']);
  });
});

describe('explain', () => {
  it('shows conversions, orders and algorithms', async () => {
    const y = conv2d(zeros([2, 16, 8, 8]), zeros([16, 16, 3, 3]), { padding: 1 });
    const plan = planFor([y], simd);
    const { algorithms } = await simd.prepare(plan);
    const text = explain(plan, { algorithms });
    expect(text).toMatch(/toChannelsLast +\[2, 16, 8, 8\] +\[2, 16, 8, 8\] nhwc/);
    expect(text).toMatch(/conv2d, winograd F\(4x4,3x3\) .*\[2, 16, 8, 8\] nhwc/);
    expect(text).toMatch(/toLogical +\[2, 16, 8, 8\] +\[2, 16, 8, 8\] +slot/);
  });
});
