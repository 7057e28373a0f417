/** Matrix products on one thread against the probe: both operands as they lie, and either transposed. */
import { SimdDevice } from '../core/devices/simd/device.ts';
import { matmul, sum, type Tensor, tensor } from '../core/index.ts';
import { planFor } from '../tests/support/evaluate.ts';
import { randomArray } from '../tests/support/random.ts';
import { measureProbe, median } from './probe.ts';

/** Rows, columns, and the length of the sums. */
const SIZES = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [128, 16, 64],
] as const;

/** Shares of the probe; N is an operand as it lies, T one that is transposed first, the time of which counts. */
export interface GemmRow {
  readonly size: string;
  readonly NN: number;
  readonly NT: number;
  readonly TN: number;
}

const RUNS = 12;
const WARM_UP = 3;

export async function gemmRows(report: (row: GemmRow) => void): Promise<void> {
  const device = await SimdDevice.open({ threads: 1 });
  for (const [rows, columns, length] of SIZES) {
    const random = (shape: readonly number[], seed: number): Tensor => tensor(Float32Array.from(randomArray(shape, seed)), shape);
    const [a, b] = [random([rows, length], 1), random([length, columns], 2)];
    const [flippedA, flippedB] = [random([length, rows], 1), random([columns, length], 2)];
    const probe = await measureProbe();
    const rate = async (product: Tensor): Promise<number> => {
      const plan = planFor([sum(product)], device);
      const prepared = await device.prepare(plan);
      const feeds = plan.feeds.map((value) => new Float32Array(plan.values[value]!.size).map((_, k) => Math.sin(k)));
      const times: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        await prepared.run(feeds, []);
        times.push(plan.steps.reduce((total, { op }, k) => total + (op.name === 'sum' ? 0 : prepared.times![k]!), 0));
      }
      prepared.release();
      return (2 * rows * columns * length) / (median(times.slice(WARM_UP)) * 1e6) / probe;
    };
    report({
      size: `${rows} x ${columns} x ${length}`,
      NN: await rate(matmul(a, b)),
      NT: await rate(matmul(a, flippedB, { transposeB: true })),
      TN: await rate(matmul(flippedA, b, { transposeA: true })),
    });
  }
  device.destroy();
}
