/**
 * What everything is held against: the 2x16 tile alone, 256 products long, all in the first cache. Timed in the same process and minute as
 * what it is compared with, since a shared machine gives no absolute numbers.
 */
import { SimdDevice } from '../core/devices/simd/device.ts';
import { local, range } from '../core/devices/simd/emit/index.ts';
import { COLUMN_BYTES, rankOne, storeTile, TILE_COLUMNS, TILE_ROWS, zeroTile } from '../core/devices/simd/tile.ts';
import { tensor } from '../core/index.ts';
import { type Op, record } from '../core/op.ts';
import { planFor } from '../tests/support/evaluate.ts';
import { median } from './median.ts';

const LENGTH = 256;
const TURNS = 20000;
const FLOATS = LENGTH * (TILE_COLUMNS + TILE_ROWS);

/** Floating-point operations of one run. */
const OPERATIONS = 2 * LENGTH * TILE_ROWS * TILE_COLUMNS * TURNS;

const probe: Op<Readonly<Record<string, never>>> = {
  name: 'probe',
  inputs: ['x'],
  shape: () => [TILE_ROWS * TILE_COLUMNS],
  reference: () => undefined,
  gradient: () => [null],
  gpu: () => ({ scratch: [], launches: [] }),
  simd: () => ({
    scratch: [],
    threadScratch: 0,
    launches: [
      {
        kernel: {
          name: 'probe',
          parameters: 3,
          emit: (_, x, output) => {
            range(0, TURNS, 1, () => {
              const tile = zeroTile();
              const columns = local(x!.add(4 * LENGTH * TILE_ROWS));
              const rows = local(x!);
              range(0, LENGTH, 1, () => {
                rankOne(tile, [rows, rows.add(4)], columns);
                rows.increase(8);
                columns.increase(COLUMN_BYTES);
              });
              storeTile(tile, [local(output!), local(output!.add(COLUMN_BYTES))], local(TILE_COLUMNS));
            });
          },
        },
        tasks: 1,
        args: [{ input: 0 }, 'output'],
      },
    ],
  }),
};

/** GFLOP/s of one thread: the median of several runs after a warm-up. */
export async function measureProbe(): Promise<number> {
  const device = await SimdDevice.open({ threads: 1 });
  const x = new Float32Array(FLOATS).fill(0.5);
  const prepared = await device.prepare(planFor([record(probe, [tensor(x)], {})], device));
  const rates: number[] = [];
  for (let k = 0; k < 12; k++) {
    await prepared.run([x], []);
    if (k >= 3) rates.push(OPERATIONS / (prepared.times![0]! * 1e6));
  }
  device.destroy();
  return median(rates);
}
