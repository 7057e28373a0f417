/** Pooling windows in a kernel: channels-last images, an image a task, four channels at a time. */
import { type I32, type I32Var, local, range, when } from '../../devices/simd/emit/index.ts';
import type { SimdLaunch } from '../../devices/simd/kernel.ts';
import type { Windows } from './windows.ts';

/** Parameters of every pooling kernel before its arrays, the task included. */
export const WINDOW_PARAMETERS = 14;

export function windowArguments(windows: Windows): SimdLaunch['args'] {
  const { c, h, w, y, x, kernelSize, stride, padding, dilation } = windows;
  return [c, h, w, y, x, ...kernelSize, ...stride, ...padding, ...dilation];
}

/** One vector of channels of one window. Offsets are in bytes, from the beginning of x and of the output. */
export interface Window {
  readonly output: I32Var;
  readonly row: I32Var;
  readonly column: I32Var;
  /** How many channels are left from the vector's first on. */
  readonly left: I32Var;
  /** Calls `write` with the offset of each value in the window, row by row. */
  forEachTap(write: (offset: I32Var) => void): void;
}

export function forEachWindow(parameters: readonly I32Var[], write: (window: Window) => void): void {
  const [image, c, h, w, y, x] = parameters as Six;
  const [kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX] = parameters.slice(6, 12) as Six;
  const [dilationY, dilationX] = parameters.slice(12) as [I32Var, I32Var];
  const pixel = local(c.shl(2));
  const vectors = local(pixel.add(15).and(~15));
  const taps = (count: I32Var, first: I32Var, dilation: I32, length: I32Var, each: (at: I32Var) => void): void =>
    range(0, count, 1, (k) => {
      const at = local(first.add(k.mul(dilation)));
      when(at.ge(0).and(at.lt(length)), () => each(at));
    });
  range(0, y, 1, (row) => {
    range(0, x, 1, (column) => {
      const top = local(row.mul(strideY).sub(paddingY));
      const start = local(column.mul(strideX).sub(paddingX));
      const output = local(image.mul(y).add(row).mul(x).add(column).mul(pixel));
      range(0, vectors, 16, (channel) => {
        write({
          output: local(output.add(channel)),
          row,
          column,
          left: local(pixel.sub(channel).shr(2)),
          forEachTap: (each) =>
            taps(kernelHeight, top, dilationY, h, (from) =>
              taps(kernelWidth, start, dilationX, w, (at) =>
                each(local(image.mul(h).add(from).mul(w).add(at).mul(pixel).add(channel))),
              ),
            ),
        });
      });
    });
  });
}

type Six = [I32Var, I32Var, I32Var, I32Var, I32Var, I32Var];
