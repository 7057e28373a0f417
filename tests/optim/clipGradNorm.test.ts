/** clipGradNorm against its formula. */
import { beforeAll, describe, expect, it } from 'vitest';
import { add, mul, State, sum, tensor, useDevice } from '../../core/index.ts';
import { clipGradNorm } from '../../optim/index.ts';

beforeAll(() => useDevice('reference'));

/** Gradients [3, 0] and [0, 4]: a joint length of 5. */
function parameters(): State[] {
  const [a, b, idle] = ['a', 'b', 'idle'].map((label) => new State([1, 1], { label, trainable: true }));
  add(sum(mul(a!.read(), tensor([3, 0]))), sum(mul(b!.read(), tensor([0, 4])))).backward();
  return [a!, b!, idle!];
}

describe('clipGradNorm', () => {
  it('shortens all gradients alike and returns the length before', async () => {
    const [a, b, idle] = parameters();
    const norm = clipGradNorm([a!, b!, idle!], 1);
    const coefficient = 1 / (5 + 1e-6);
    const [length, gradientA, gradientB] = await Promise.all([norm.item(), a!.grad!.data(), b!.grad!.data()]);
    expect(length).toBeCloseTo(5, 14);
    expect([...gradientA]).toEqual([3 * coefficient, 0]);
    expect([...gradientB]).toEqual([0, 4 * coefficient]);
    expect(idle!.grad).toBeUndefined();
  });

  it('changes nothing that is short enough', async () => {
    const states = parameters();
    clipGradNorm(states, 10);
    expect([...(await states[0]!.grad!.data())]).toEqual([3, 0]);
  });

  it('works in a later tick than backward()', async () => {
    const states = parameters();
    await Promise.resolve();
    clipGradNorm(states, 1);
    expect((await states[1]!.grad!.data())[1]).toBeCloseTo(0.8, 6);
  });

  it('says what is missing', () => {
    expect(() => clipGradNorm([new State([1], { trainable: true })], 1)).toThrow('call loss.backward() first');
    expect(() => clipGradNorm(parameters(), 0)).toThrow('maxNorm 0');
  });
});
