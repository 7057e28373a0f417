/** The kernels behind weightGradient.ts: products of taps and dy, and their sum over chunks. */
import {
  type F32x4,
  type F32x4Var,
  type I32,
  type I32Var,
  load,
  local,
  min,
  range,
  select,
  splat,
  store,
  subroutine,
  times,
  when,
} from '../../../devices/simd/emit/index.ts';
import type { SimdKernel } from '../../../devices/simd/kernel.ts';
import { storeUpTo } from '../../../devices/simd/rows.ts';
import { COLUMN_BYTES, rankOne, type Tile, zeroTile } from '../../../devices/simd/tile.ts';

/** Panels of 16 output channels that a task works on. */
export const TASK_PANELS = 4;
/** Taps that pass over all of them in turn, while they stay in the first cache. */
const BLOCK_TAPS = 16;

type Four = [I32Var, I32Var, I32Var, I32Var];
type Five = [I32Var, I32Var, I32Var, I32Var, I32Var];

/**
 * task: chunk, kernel row and panels | kernel rows | tasks a row | panels | images a chunk | images | groups | bytes a partial |
 * rows | width | images a band | rows a band | whether a band is one run | x: array, byte strides of image, row, pixel, group | kernel row
 * stride | runs | taps of a run | run stride | dy: array, byte strides of image, row, pixel, group | partial | bytes from 16 channels to
 * the next: of x, of dy
 */
export const productKernel: SimdKernel = {
  name: 'conv2dWeightGradient',
  parameters: 30,
  emit: (task, kernelRows, panelTasks, panels, perChunk, images, groups, partialBytes, ...rest) => {
    const [height, width, imageBand, rowBand, isRun] = rest.slice(0, 5) as Five;
    const [x, xImage, xRow, xPixel, xGroup] = rest.slice(5, 10) as Five;
    const [kernelRow, runs, run, runStride] = rest.slice(10, 14) as Four;
    const [dy, dyImage, dyRow, dyPixel, dyGroup] = rest.slice(14, 19) as Five;
    const [partial, xBlock, dyBlock] = rest.slice(19) as [I32Var, I32Var, I32Var];
    const upper = local(task.div(panelTasks!));
    const firstPanel = local(task.sub(upper.mul(panelTasks!)).mul(TASK_PANELS));
    const lastPanel = min(firstPanel.add(TASK_PANELS), panels!);
    const chunk = local(upper.div(kernelRows!));
    const i = local(upper.sub(chunk.mul(kernelRows!)));
    const firstImage = local(chunk.mul(perChunk!));
    const lastImage = min(firstImage.add(perChunk!), images!);
    const rowBytes = local(runs.mul(run).mul(COLUMN_BYTES));
    const panelBytes = local(kernelRows!.mul(rowBytes));
    range(firstImage, lastImage, imageBand, (image) => {
      const count = min(lastImage.sub(image), imageBand);
      range(0, height, rowBand, (top) => {
        const rows = min(height.sub(top), rowBand);
        const pixels = local(select(isRun, count.mul(width), width));
        const walked = local(select(isRun, 1, count));
        range(0, groups!, 1, (group) => {
          const input = local(x.add(image.mul(xImage)).add(top.mul(xRow)).add(group.mul(xGroup)).add(i.mul(kernelRow)));
          const slope = local(dy.add(image.mul(dyImage)).add(top.mul(dyRow)).add(group.mul(dyGroup)));
          const result = local(
            partial.add(chunk.mul(partialBytes!)).add(group.mul(panels!).mul(panelBytes)).add(i.mul(rowBytes)),
          );
          range(0, runs, 1, (k) => {
            const taps = local(input.add(k.mul(runStride)));
            const to = local(result.add(k.mul(run).mul(COLUMN_BYTES)));
            range(0, run, BLOCK_TAPS, (block) => {
              range(firstPanel, lastPanel, 1, (panel) => {
                const columns = local(slope.add(panel.mul(dyBlock)));
                const sums = local(to.add(panel.mul(panelBytes)));
                range(block, min(block.add(BLOCK_TAPS), run), 2, (tap) => {
                  // An odd last tap is computed twice.
                  const paired = local(tap.add(1).lt(run));
                  const at = local(sums.add(tap.mul(COLUMN_BYTES)));
                  const second = local(at.add(paired.mul(COLUMN_BYTES)));
                  const source = local(taps.add(tap.shr(4).mul(xBlock)).add(tap.and(15).shl(2)));
                  const space = [walked, rows, pixels, xImage, xRow, xPixel, dyImage, dyRow, dyPixel];
                  productTile(source, paired.shl(2), columns, ...space, at, second);
                });
              });
            });
          });
        });
      });
    });
  },
};

/** first tap | distance of the second | dy | images | rows | width | strides of x: image, row, pixel | of dy | where both sums lie */
const productTile = subroutine('conv2dWeightGradientTile', 14, (x, distance, dy, images, rows, width, ...rest) => {
  const [xImage, xRow, xPixel, dyImage, dyRow, dyPixel] = rest as [I32Var, I32Var, I32Var, I32Var, I32Var, I32Var];
  const [first, second] = rest.slice(6) as [I32Var, I32Var];
  const tile = zeroTile();
  range(0, images!, 1, () => {
    const [xLine, dyLine] = [local(x!), local(dy!)];
    range(0, rows!, 1, () => {
      const [at, slope] = [local(xLine), local(dyLine)];
      range(0, width!, 1, () => {
        rankOne(tile, [at, at.add(distance!)], slope);
        at.increase(xPixel);
        slope.increase(dyPixel);
      });
      xLine.increase(xRow);
      dyLine.increase(dyRow);
    });
    x!.increase(xImage);
    dy!.increase(dyImage);
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
 * output[o][c][tap] = sum over chunks of partial[chunk][group][panel][tap][c][16]: 16 rows of o at a time, four neighbours of each from
 * four rows of the partial result, so that both sides are read and written by vectors. task: group and panel | chunks | bytes a partial | panels |
 * outputs of a group | channels of a group | taps | partial | output
 */
export const sumKernel: SimdKernel = {
  name: 'conv2dWeightGradientSum',
  parameters: 9,
  emit: (task, chunks, partialBytes, panels, outputs, inputs, taps, partial, output) => {
    const group = local(task.div(panels!));
    const first = local(task.sub(group.mul(panels!)).shl(4));
    const length = local(taps!.mul(inputs!));
    const from = local(partial!.add(task.mul(length).mul(COLUMN_BYTES)));
    const to = local(output!.add(group.mul(outputs!).add(first).mul(length).shl(2)));
    const [c, tap] = [local(0), local(0)];
    range(0, length, 4, (k) => {
      const rows = times(4, () => {
        // Rows behind the last are read as the first, and never stored.
        const at = local(from.add(select(c.lt(inputs!), tap.mul(inputs!).add(c), 0).mul(COLUMN_BYTES)));
        tap.increase(1);
        when(tap.eq(taps!), () => {
          tap.set(0);
          c.increase(1);
        });
        return at;
      });
      const left = local(length.sub(k));
      const target = local(to.add(k.shl(2)));
      range(0, min(outputs!.sub(first), COLUMN_BYTES / 4), 4, (o) => {
        const behind = local(outputs!.sub(first).sub(o));
        const columns = rows.map((row) => sumChunks(row.add(o.shl(2)), chunks!, partialBytes!));
        transposed(columns).forEach((value, lane) => {
          when(behind.gt(lane), () => storeUpTo(target.add(o.add(lane).mul(length).shl(2)), value, left));
        });
      });
    });
  },
};

function sumChunks(from: I32, chunks: I32Var, bytes: I32Var): F32x4Var {
  const at = local(from);
  const sum = local(splat(0));
  range(0, chunks, 1, () => {
    sum.set(sum.add(load(at)));
    at.increase(bytes);
  });
  return sum;
}

/** A square of 4 x 4 floats, rows to columns. */
function transposed([a, b, c, d]: readonly F32x4[]): F32x4Var[] {
  const [low, high] = [local(a!.shuffle(b!, [0, 4, 1, 5])), local(a!.shuffle(b!, [2, 6, 3, 7]))];
  const [low2, high2] = [local(c!.shuffle(d!, [0, 4, 1, 5])), local(c!.shuffle(d!, [2, 6, 3, 7]))];
  return [
    local(low.shuffle(low2, [0, 1, 4, 5])),
    local(low.shuffle(low2, [2, 3, 6, 7])),
    local(high.shuffle(high2, [0, 1, 4, 5])),
    local(high.shuffle(high2, [2, 3, 6, 7])),
  ];
}
