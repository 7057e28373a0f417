/**
 * The pieces of a Winograd convolution. Tiles are numbered image by image, row by row; a block of T of them lies as
 *
 *     v [36][T][c]   transformed input        m [36][T][columns]   products, or transformed dy, columns padded to whole panels
 *
 * so that for each of the 36 points the rest is a matrix product.
 */
import {
  type I32,
  type I32Var,
  type Int,
  load,
  local,
  range,
  span,
  splat,
  store,
  subroutine,
  threadScratch,
  times,
  when,
} from '../../../devices/simd/emit/index.ts';
import { COLUMN_BYTES, rankOne, type Tile, zeroTile } from '../../../devices/simd/tile.ts';
import { inputMap, type Map1d, outputMap, slopeMap, TRANSFORM_BYTES, transformSquare } from './transforms.ts';

type Five = [I32Var, I32Var, I32Var, I32Var, I32Var];

/** Image, row and column of a tile. */
function tileAt(tile: I32Var, rows: I32Var, columns: I32Var): { image: I32Var; row: I32Var; column: I32Var } {
  const image = local(tile.div(rows.mul(columns)));
  const rest = local(tile.sub(image.mul(rows).mul(columns)));
  const row = local(rest.div(columns));
  return { image, row, column: local(rest.sub(row.mul(columns))) };
}

/** What a transform reads: images [n][h][w][c] and how far before a tile's own 4 x 4 pixels it begins, by bytes where it says so. */
export interface TileSource {
  readonly height: I32Var;
  readonly width: I32Var;
  readonly beforeRows: I32Var;
  readonly beforeColumns: I32Var;
  readonly pixelBytes: I32Var;
  readonly images: I32Var;
}

/** Where transformed tiles go: bytes from point to point and from tile to tile, and the first. */
export interface TileTarget {
  readonly plane: Int;
  readonly pitch: Int;
  readonly to: I32;
}

/**
 * Transforms `count` tiles from tile `first` on. A tile that reaches over the edge is copied to the thread's memory first, with zeros
 * around it. rows | columns | height | width | before: rows, columns | bytes a pixel | images | first | count | plane | pitch | to
 */
function tileTransform(name: string, map: Map1d, size: number) {
  const transform = subroutine(name, 13, (rows, columns, height, width, beforeRows, beforeColumns, ...rest) => {
    const [pixel, images, first, count, plane] = rest.slice(0, 5) as Five;
    const [pitch, to] = rest.slice(5) as [I32Var, I32Var];
    const patch = local(threadScratch.add(TRANSFORM_BYTES));
    range(0, count, 1, (t) => {
      const { image, row, column } = tileAt(local(first.add(t)), rows!, columns!);
      const [top, left] = [local(row.shl(2).sub(beforeRows!)), local(column.shl(2).sub(beforeColumns!))];
      const source = local(images.add(image.mul(height!).add(top).mul(width!).add(left).mul(pixel)));
      const stride = local(width!.mul(pixel));
      const bottom = height!.sub(size).ge(top).and(top.ge(0));
      when(bottom.and(width!.sub(size).ge(left)).and(left.ge(0)).eq(0), () => {
        copyPatch(height!, width!, top, left, pixel, source, patch);
        source.set(patch);
        stride.set(pixel.mul(size));
      });
      const target = local(to.add(t.mul(pitch)));
      range(0, pixel, 16, (c) => {
        transformSquare(
          map,
          size,
          6,
          (j) => {
            const at = local(source.add(c).add(j.mul(pixel)));
            return times(size, (k) => {
              const value = load(at);
              if (k < size - 1) at.increase(stride);
              return value;
            });
          },
          (i, values) => {
            const at = local(target.add(c).add(i.mul(6).mul(plane)));
            values.forEach((value, k) => {
              store(at, value);
              if (k < 5) at.increase(plane);
            });
          },
        );
      });
    });
  });
  /** height | width | top | left | bytes a pixel | where row `top` and column `left` would lie | to */
  const copyPatch = subroutine(`${name}Patch`, 7, (height, width, top, left, pixel, source, to) => {
    range(0, size, 1, (i) => {
      const row = local(top!.add(i));
      const inside = local(row.ge(0).and(row.lt(height!)));
      const from = local(source!.add(i.mul(width!).mul(pixel!)));
      range(0, size, 1, (j) => {
        const column = local(left!.add(j));
        when(
          inside.and(column.ge(0)).and(column.lt(width!)),
          () => range(0, pixel!, 16, (c) => store(to!.add(c), load(from.add(c)))),
          () => range(0, pixel!, 16, (c) => store(to!.add(c), splat(0))),
        );
        from.increase(pixel!);
        to!.increase(pixel!);
      });
    });
  });
  return (rows: I32Var, columns: I32Var, source: TileSource, first: Int, count: Int, { plane, pitch, to }: TileTarget): void => {
    const { height, width, beforeRows, beforeColumns, pixelBytes, images } = source;
    transform(rows, columns, height, width, beforeRows, beforeColumns, pixelBytes, images, first, count, plane, pitch, to);
  };
}

/** v = B^T d B for tiles of the input, 6 x 6 every 4 pixels. */
export const transformInput = tileTransform('winogradInput', inputMap, 6);

/** m = A dy A^T for tiles of dy, 4 x 4 side by side. */
export const transformSlope = tileTransform('winogradSlope', slopeMap, 4);

/**
 * y = A^T m A for `count` tiles. tile rows | tile columns | output rows | output width | bytes a pixel | first | count | bytes from
 * point to point | bytes from tile to tile | m | output
 */
export const transformOutput = subroutine('winogradOutput', 11, (rows, columns, height, width, pixel, ...rest) => {
  const [first, count, plane, pitch, m] = rest.slice(0, 5) as Five;
  const output = rest[5]!;
  range(0, count, 1, (t) => {
    const { image, row, column } = tileAt(local(first.add(t)), rows!, columns!);
    const [top, left] = [local(row.shl(2)), local(column.shl(2))];
    const corner = local(output.add(image.mul(height!).add(top).mul(width!).add(left).mul(pixel!)));
    const rowBytes = local(width!.mul(pixel!));
    const [rowsLeft, columnsLeft] = [local(height!.sub(top)), local(width!.sub(left))];
    const source = local(m.add(t.mul(pitch)));
    range(0, pixel!, 16, (c) => {
      transformSquare(
        outputMap,
        6,
        4,
        (j) => {
          const at = local(source.add(c).add(j.mul(plane)));
          return times(6, (k) => {
            const value = load(at);
            if (k < 5) at.increase(plane.mul(6));
            return value;
          });
        },
        (i, values) => {
          when(i.lt(rowsLeft), () => {
            const at = local(corner.add(c).add(i.mul(rowBytes)));
            values.forEach((value, j) => when(columnsLeft.gt(j), () => store(at.add(pixel!.mul(j)), value)));
          });
        },
      );
    });
  });
});

/**
 * m = v u for one point: rows are tiles, k channels, columns a panel. count | v | bytes from tile to tile in v | bytes of k | u of the
 * first panel | bytes a panel | panels | m | bytes from tile to tile in m
 */
export const multiplyTiles = subroutine('winogradProduct', 9, (count, v, vPitch, bytes, u, panelBytes, ...rest) => {
  const [panels, m, mPitch] = rest as [I32Var, I32Var, I32Var];
  range(0, panels, 1, (panel) => {
    const columns = local(m.add(panel.mul(COLUMN_BYTES)));
    range(0, count!, 2, (t) => {
      // An odd last tile is computed twice.
      const next = local(t.add(1).lt(count!));
      const from = local(v!.add(t.mul(vPitch!)));
      const to = local(columns.add(t.mul(mPitch)));
      multiplyPair(bytes!, from, next.mul(vPitch!), u!, to, to.add(next.mul(mPitch)));
    });
    u!.increase(panelBytes!);
  });
});

/** bytes of k | first row | distance of the second | panel | where both go */
const multiplyPair = subroutine('winogradTile', 6, (bytes, first, distance, panel, to, second) => {
  const tile = zeroTile();
  span(first!, first!.add(bytes!), 4, (at) => {
    rankOne(tile, [at, at.add(distance!)], panel!);
    panel!.increase(COLUMN_BYTES);
  });
  tile[0]!.forEach((sum, k) => store(to!, sum, 16 * k));
  tile[1]!.forEach((sum, k) => store(second!, sum, 16 * k));
});

/**
 * du = v^T m for one point, or du += v^T m: rows are channels, k tiles, columns a panel. count | channels | v | bytes from tile to tile in
 * v | panels | m | bytes from tile to tile in m | du | whether to add to it
 */
export const multiplySlopes = subroutine('winogradSlopeProduct', 9, (count, channels, v, vPitch, panels, ...rest) => {
  const [m, mPitch, du, adds] = rest as [I32Var, I32Var, I32Var, I32Var];
  range(0, panels!, 1, (panel) => {
    const columns = local(m.add(panel.mul(COLUMN_BYTES)));
    range(0, channels!, 2, (c) => {
      const to = local(du.add(c.mul(mPitch)).add(panel.mul(COLUMN_BYTES)));
      multiplySlopePair(count!, v!.add(c.shl(2)), vPitch!, columns, mPitch, to, adds);
    });
  });
});

/** tiles | first row | its pitch | columns | their pitch | where the first row's sums lie, the second's a pitch further | whether to add */
const multiplySlopePair = subroutine('winogradSlopeTile', 7, (count, rows, rowPitch, columns, columnPitch, to, adds) => {
  const tile = zeroTile();
  const each = (visit: (sum: Tile[number][number], address: I32, offset: number) => void): void =>
    tile.forEach((sums, i) => {
      const address = local(i === 0 ? to! : to!.add(columnPitch!));
      sums.forEach((sum, k) => visit(sum, address, 16 * k));
    });
  when(adds!, () => each((sum, address, offset) => sum.set(load(address, offset))));
  range(0, count!, 1, () => {
    rankOne(tile, [rows!, rows!.add(4)], columns!);
    rows!.increase(rowPitch!);
    columns!.increase(columnPitch!);
  });
  each((sum, address, offset) => store(address, sum, offset));
});
