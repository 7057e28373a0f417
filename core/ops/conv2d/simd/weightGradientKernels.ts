/** The kernels behind weightGradient.ts: products of taps and dy, and their sum over chunks. */
import {
  type I32Var,
  load,
  loadF32,
  local,
  min,
  range,
  scalar,
  select,
  store,
  storeF32,
  subroutine,
  when,
} from '../../../devices/simd/emit/index.ts';
import type { SimdKernel } from '../../../devices/simd/kernel.ts';
import { COLUMN_BYTES, rankOne, type Tile, zeroTile } from '../../../devices/simd/tile.ts';

/** Panels of 16 output channels that a task works on. */
export const TASK_PANELS = 4;

type Five = [I32Var, I32Var, I32Var, I32Var, I32Var];

/**
 * task: chunk, kernel row and panels | kernel rows | tasks a row | panels | images a chunk | images | groups | bytes a partial |
 * output rows | output width | rows a band | x: array, byte strides of image, row, pixel, group | kernel row stride | runs | rows of a run |
 * run stride | dy: array, byte strides of image, row, pixel, group | partial | bytes from 16 channels to the next: of x, of dy
 */
export const productKernel: SimdKernel = {
  name: 'conv2dWeightGradient',
  parameters: 28,
  emit: (task, kernelRows, panelTasks, panels, perChunk, images, groups, ...rest) => {
    const [partialBytes, height, width, band, x] = rest.slice(0, 5) as Five;
    const [xImage, xRow, xPixel, xGroup, kernelRow] = rest.slice(5, 10) as Five;
    const [runs, run, runStride, dy, dyImage] = rest.slice(10, 15) as Five;
    const [dyRow, dyPixel, dyGroup, partial, xBlock] = rest.slice(15, 20) as Five;
    const dyBlock = rest[20]!;
    const upper = local(task.div(panelTasks!));
    const firstPanel = local(task.sub(upper.mul(panelTasks!)).mul(TASK_PANELS));
    const lastPanel = min(firstPanel.add(TASK_PANELS), panels!);
    const chunk = local(upper.div(kernelRows!));
    const i = local(upper.sub(chunk.mul(kernelRows!)));
    const firstImage = local(chunk.mul(perChunk!));
    const pitch = local(panels!.mul(COLUMN_BYTES));
    const rowBytes = local(runs.mul(run).mul(pitch));
    range(firstImage, min(firstImage.add(perChunk!), images!), 1, (image) => {
      range(0, height, band, (top) => {
        const rows = min(height.sub(top), band);
        range(0, groups!, 1, (group) => {
          const input = local(x.add(image.mul(xImage)).add(top.mul(xRow)).add(group.mul(xGroup)).add(i.mul(kernelRow)));
          const slope = local(dy.add(image.mul(dyImage)).add(top.mul(dyRow)).add(group.mul(dyGroup)));
          const result = local(partial.add(chunk.mul(partialBytes)).add(group.mul(kernelRows!).add(i).mul(rowBytes)));
          range(firstPanel, lastPanel, 1, (panel) => {
            const columns = local(slope.add(panel.mul(dyBlock)));
            range(0, runs, 1, (k) => {
              const taps = local(input.add(k.mul(runStride)));
              const to = local(result.add(k.mul(run).mul(pitch)).add(panel.mul(COLUMN_BYTES)));
              range(0, run, 2, (tap) => {
                // An odd last tap is computed twice.
                const paired = local(tap.add(1).lt(run));
                const at = local(to.add(tap.mul(pitch)));
                const second = local(select(paired, at.add(pitch), at));
                const distance = local(paired.shl(2));
                const source = local(taps.add(tap.shr(4).mul(xBlock)).add(tap.and(15).shl(2)));
                productTile(rows, width, source, distance, xRow, xPixel, columns, dyRow, dyPixel, at, second);
              });
            });
          });
        });
      });
    });
  },
};

/** rows | width | first tap | distance of the second | x: row and pixel stride | dy | its row and pixel stride | where both sums lie */
const productTile = subroutine('conv2dWeightGradientTile', 11, (rows, width, x, distance, ...rest) => {
  const [xRow, xPixel, dy, dyRow, dyPixel] = rest.slice(0, 5) as Five;
  const [first, second] = rest.slice(5) as Five;
  const tile = zeroTile();
  range(0, rows!, 1, () => {
    const at = local(x!);
    const slope = local(dy);
    range(0, width!, 1, () => {
      rankOne(tile, [at, at.add(distance!)], slope);
      at.increase(xPixel);
      slope.increase(dyPixel);
    });
    x!.increase(xRow);
    dy.increase(dyRow);
  });
  accumulate(tile, [first, second]);
});

/** Both rows are added to what is there; where they have one address they are equal, and the second is left out. */
function accumulate(tile: Tile, [first, second]: readonly [I32Var, I32Var]): void {
  const add = (row: Tile[number], to: I32Var): void => row.forEach((sum, k) => store(to, load(to, 16 * k).add(sum), 16 * k));
  add(tile[0]!, first);
  when(second.ne(first), () => add(tile[1]!, second));
}

/**
 * output[o][c][i][j] = sum over chunks of partial[chunk][group][i][j][c][o]. task: o | chunks | bytes a partial | outputs of a group |
 * channels of a group | i | j | bytes a row of panels | partial | output
 */
export const sumKernel: SimdKernel = {
  name: 'conv2dWeightGradientSum',
  parameters: 10,
  emit: (o, chunks, partialBytes, outputs, inputs, rows, ...rest) => {
    const [columns, pitch, partial, output] = rest as Five;
    const group = local(o.div(outputs!));
    const taps = local(rows!.mul(columns).mul(inputs!));
    const from = local(partial.add(group.mul(taps).mul(pitch)).add(o.sub(group.mul(outputs!)).shl(2)));
    const to = local(output.add(o.mul(taps).shl(2)));
    range(0, inputs!, 1, (c) => {
      range(0, rows!.mul(columns), 1, (tap) => {
        const at = local(from.add(tap.mul(inputs!).add(c).mul(pitch)));
        const total = local(scalar(0));
        range(0, chunks!, 1, () => {
          total.set(total.add(loadF32(at)));
          at.increase(partialBytes!);
        });
        storeF32(to, total);
        to.increase(4);
      });
    });
  },
};
