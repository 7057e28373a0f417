/** Every form of kernel on the webgpu driver: lanes, axes of cells, more cells than one row of workgroups. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openWebGpuDriver, type WebGpuDriver } from '../../../core/devices/gpu/webgpu-driver.ts';
import { workgroupFor } from '../../../core/devices/gpu/webgpu-wgsl.ts';
import * as ops from '../../../core/index.ts';
import { type Tensor, tensor } from '../../../core/index.ts';
import { FLOAT32_TOLERANCE, reference } from '../../support/devices.ts';
import { evaluate, relativeError } from '../../support/evaluate.ts';
import { randomArray } from '../../support/random.ts';
import { deviceOf, testOp, withWebGpu } from '../../support/webgpu.ts';

it.each([
  [
    [1086, 4, 32],
    [64, 1, 1],
  ], // positions of a frame: whole runs of neighbours
  [
    [286, 8],
    [64, 1, 1],
  ],
  [
    [78, 16, 32],
    [32, 2, 1],
  ], // 128 places for 78 cells would be too many
  [
    [7, 5, 3],
    [8, 8, 1],
  ],
  [
    [10, 2, 300],
    [4, 2, 8],
  ],
  [
    [1, 1, 1],
    [1, 1, 1],
  ],
  [
    [64, 262_000],
    [16, 4, 1],
  ], // more rows than one dispatch has of a single row each
])('cells %j are taken by workgroups of %j', (cells, expected) => {
  expect(workgroupFor(cells)).toEqual(expected);
});

await withWebGpu(() => {
  let driver: WebGpuDriver;
  beforeAll(async () => {
    driver = await openWebGpuDriver();
  });
  afterAll(() => driver.destroy());

  const compare = async (probe: (x: Tensor) => Tensor, size: number): Promise<void> => {
    const x = tensor(Float32Array.from(randomArray([size], 5)));
    const [expected] = await evaluate([probe(x)], reference);
    const [actual] = await evaluate([probe(x)], deviceOf(driver));
    expect(relativeError(actual!, expected!)).toBeLessThan(FLOAT32_TOLERANCE);
  };

  it('of four lanes write neighbours', async () => {
    const source = 'function (x) { const i = this.thread.x * 4; return [x[i], x[i + 1] * 2, x[i + 2] * 3, x[i + 3] * 4]; }';
    await compare(
      testOp(source, { cells: [47], lanes: 4 }, (x, k) => x * (1 + (k % 4))),
      188,
    );
  });

  it.each([[[41]], [[9, 5]], [[41, 3, 5]], [[3, 70, 2]]])('over cells %j', async (cells) => {
    const [nx = 1, ny = 1] = cells;
    const source = `function (x) {
      const i = this.thread.x + this.constants.nx * (this.thread.y + this.constants.ny * this.thread.z);
      return x[i] + 1000 * this.thread.z + 100 * this.thread.y + this.thread.x;
    }`;
    const formula = (x: number, k: number): number =>
      x + 1000 * Math.floor(k / (nx * ny)) + 100 * (Math.floor(k / nx) % ny) + (k % nx);
    await compare(
      testOp(source, { cells, constants: { nx, ny } }, formula),
      cells.reduce((a, b) => a * b),
    );
  });

  it('of one source over one axis and over two', async () => {
    const source = 'function (x) { return x[this.thread.x] + 10 * this.thread.y; }';
    await compare(
      testOp(source, { cells: [6] }, (x) => x),
      6,
    );
    const x = tensor([1, 2]);
    const [value] = await evaluate([testOp(source, { cells: [2, 9] })(x)], deviceOf(driver));
    expect([...value!].slice(-4)).toEqual([71, 72, 81, 82]);
  });

  it('of four lanes over three axes', async () => {
    const source = `function (x) {
      const i = 4 * (this.thread.x + 3 * (this.thread.y + 5 * this.thread.z));
      return [x[i], x[i + 1], x[i + 2], x[i + 3] + this.thread.z];
    }`;
    await compare(
      testOp(source, { cells: [3, 5, 2], lanes: 4 }, (x, k) => (k % 4 === 3 ? x + Math.floor(k / 60) : x)),
      120,
    );
  });

  it('over more cells than one row of workgroups has', async () => {
    await compare((x) => ops.neg(x), 65_535 * 64 + 1000);
  });

  it('shares a pipeline between sizes, and builds it once', async () => {
    const pipelines = vi.spyOn(driver.device, 'createComputePipelineAsync');
    const cube = (size: number): Tensor => ops.pow(tensor(randomArray([size], 1)), 3.25);
    for (const size of [3, 41, 3, 470]) await evaluate([cube(size)], deviceOf(driver));
    expect(pipelines).toHaveBeenCalledTimes(1);
    vi.restoreAllMocks();
  });
});
