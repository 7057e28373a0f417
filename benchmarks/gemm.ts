/** Matrix products on one thread against the probe: both operands as they lie, and either transposed. */
import { SimdDevice } from '../core/devices/simd/device.ts';
import { matmul, sum, type Tensor, tensor } from '../core/index.ts';
import { randomArray } from '../tests/support/random.ts';
import { measureProbe } from './probe.ts';
import { stepTimes } from './stepTimes.ts';

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

export async function gemmRows(report: (row: GemmRow) => void): Promise<void> {
  const device = await SimdDevice.open({ threads: 1 });
  for (const [rows, columns, length] of SIZES) {
    const random = (shape: readonly number[], seed: number): Tensor => tensor(Float32Array.from(randomArray(shape, seed)), shape);
    const [a, b] = [random([rows, length], 1), random([length, columns], 2)];
    const [flippedA, flippedB] = [random([length, rows], 1), random([columns, length], 2)];
    const probe = await measureProbe();
    const rate = async (product: Tensor): Promise<number> => {
      const steps = await stepTimes(device, [sum(product)]);
      const milliseconds = steps.reduce((total, step) => total + (step.op === 'sum' ? 0 : step.milliseconds), 0);
      return (2 * rows * columns * length) / (milliseconds * 1e6) / probe;
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
