/** The table of a network, and that making it runs nothing. */
import { describe, expect, it } from 'vitest';
import { lastPlan } from '../../core/index.ts';
import { BasicBlock, Conv2d, Flatten, GlobalAvgPool2d, Linear, measure, Sequential, summary } from '../../nn/index.ts';

const net = (): Sequential =>
  new Sequential(
    new Conv2d(3, 4, { kernelSize: 3, padding: 1 }),
    new BasicBlock(4, 8, { stride: 2 }),
    new GlobalAvgPool2d(),
    new Flatten(),
    new Linear(8, 10),
  );

describe('summary', () => {
  it('is a table of shapes, parameters and multiply-adds', () => {
    expect(summary(net(), [1, 3, 8, 8])).toMatchInlineSnapshot(`
      "module          output        parameters  multiply-adds  activations
      Sequential      [1, 3, 8, 8]                                 0.8 KiB
      0               [1, 4, 8, 8]         112          6,912      1.0 KiB
      1.conv1         [1, 8, 4, 4]         288          4,608      0.5 KiB
      1.bn1           [1, 8, 4, 4]          16                     0.5 KiB
      1               [1, 8, 4, 4]                                 0.5 KiB
      1.conv2         [1, 8, 4, 4]         576          9,216      0.5 KiB
      1.bn2           [1, 8, 4, 4]          16                     0.5 KiB
      1.downsample.0  [1, 8, 4, 4]          32            512      0.5 KiB
      1.downsample.1  [1, 8, 4, 4]          16                     0.5 KiB
      2               [1, 8, 1, 1]                                 0.0 KiB
      3               [1, 8]                                       0.0 KiB
      4               [1, 10]               90             80      0.0 KiB
      total                              1,146         21,328      5.4 KiB"
    `);
  });

  it('counts what the formulas say', () => {
    const { modules, parameters, multiplyAdds } = measure(net(), [2, 3, 8, 8]);
    const of = (name: string) => modules.find((row) => row.name === name)!;
    expect(of('0')).toEqual({ name: '0', outputShape: [2, 4, 8, 8], parameters: 4 * 27 + 4, multiplyAdds: 2 * 64 * 4 * 27 });
    expect(of('4').multiplyAdds).toBe(2 * 8 * 10);
    expect(parameters).toBe(112 + (4 * 8 * 9 + 16 + 8 * 8 * 9 + 16) + (4 * 8 + 16) + 90);
    expect(multiplyAdds).toBe(modules.reduce((total, row) => total + row.multiplyAdds, 0));
  });

  it('leaves modes and statistics alone and runs nothing', () => {
    const network = net();
    network.layers[1]!.eval();
    summary(network, [1, 3, 8, 8]);
    expect([...network.namedModules()].map(([module]) => module.training).filter((training) => !training).length).toBe(8);
    expect(network.buffers().every((buffer) => buffer.version === 0)).toBe(true);
    expect(lastPlan()).toBeUndefined();
  });
});
