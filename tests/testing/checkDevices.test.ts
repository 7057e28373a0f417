import { describe, expect, it } from 'vitest';
import { defineOp, matmul, mul, relu, State, tensor, useDevice } from '../../core/index.ts';
import { checkDevices, DeviceMismatchError } from '../../testing/index.ts';

/** Right as loops, and as a kernel wrong from the fourth element on. */
const lame = defineOp({
  name: 'lame',
  inputs: ['x'],
  shape: ([x]) => x,
  reference: ({ inputs: [x], output }) => output.set(x),
  gradient: ({ dy }) => [() => dy],
  gpu(x) {
    return this.thread.x < 3 ? x![this.thread.x]! : 0;
  },
});

describe('checkDevices', () => {
  it('reports every device, and those that are not here with the reason', async () => {
    await useDevice('reference');
    const weight = new State([[1, 2, 3]], { label: 'weight' });
    const formula = (x: Parameters<typeof relu>[0]) => relu(matmul(tensor([[1]]), mul(x, weight.read())));
    const report = await checkDevices((x) => formula(x!), [[1, 3]], { devices: ['simd', 'cpu', 'webgl2'], parameters: [weight] });
    expect(report.devices.map(({ name }) => name)).toEqual(['simd', 'cpu']);
    for (const { largestDifference } of report.devices) expect(largestDifference).toBeLessThan(1e-6); // a few roundings of 6e-8
    expect(report.skipped).toEqual([{ name: 'webgl2', reason: expect.stringMatching(/^useDevice: .*webgl2/) }]);
    expect([...(await weight.data())]).toEqual([1, 2, 3]);
  });

  it('shrinks to the smallest shapes on which a device disagrees', async () => {
    const error = await checkDevices((x) => lame(x!), [[5, 7]], { devices: ['simd', 'cpu'] }).catch((thrown: unknown) => thrown);
    if (!(error instanceof DeviceMismatchError)) throw new Error(`a DeviceMismatchError was expected, not ${error}`);
    expect(error.problem).toMatchObject({ device: 'cpu', what: 'the value', found: 0, seed: 1 });
    expect(error.problem.shapes[0]!.reduce((size, length) => size * length)).toBe(4);
    expect(error.message).toMatch(
      /^checkDevices: the value is wrong on cpu: at element \[\d, \d\] it gives 0, the reference -?0\.\d+, a relative/,
    );
  });
});
