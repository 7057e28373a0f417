/**
 * Max pooling on gpu.js. Cells are [x, (c, y), n], so that every division but one is uniform along x, the contiguous index:
 *
 *     scan      for i, j:  value = x at tap (i, j);  if value > most:  most = value, best = its place h * w
 *     scatter   for the windows that may contain (h, w):  if best[window] = own place:  total += dy[window]
 *
 * A tap outside of x reads the window's first tap inside instead, which changes neither the maximum nor which place has it first. The first NaN counts as the largest value.
 */
import { type GpuProgram, type Kernel, type KernelThis, kernel, type Launch } from '../../devices/gpu/kernel.ts';
import { type Windows, windowConstants } from './windows.ts';

/** The scan, returning what `result` says of `most`, `best` and `plane`. */
function scan(name: string, parameters: string, result: string): Kernel {
  return kernel(
    name,
    `function (${parameters}) {
  const channel = idiv(this.thread.y, this.constants.outputHeight);
  const plane = (this.thread.z * this.constants.channels + channel) * this.constants.height * this.constants.width;
  const top = (this.thread.y - channel * this.constants.outputHeight) * this.constants.strideY - this.constants.paddingY;
  const left = this.thread.x * this.constants.strideX - this.constants.paddingX;
  const rowsAbove = idiv(Math.max(0.0 - top, 0.0) + this.constants.dilationY - 1.0, this.constants.dilationY);
  const columnsBefore = idiv(Math.max(0.0 - left, 0.0) + this.constants.dilationX - 1.0, this.constants.dilationX);
  const firstRow = top + rowsAbove * this.constants.dilationY;
  const firstColumn = left + columnsBefore * this.constants.dilationX;
  let best = firstRow * this.constants.width + firstColumn;
  let most = x[plane + best];
  for (let i = 0; i < this.constants.kernelHeight; i++) {
    let row = Math.max(top + i * this.constants.dilationY, firstRow);
    if (row >= this.constants.height) {
      row = firstRow;
    }
    for (let j = 0; j < this.constants.kernelWidth; j++) {
      let column = Math.max(left + j * this.constants.dilationX, firstColumn);
      if (column >= this.constants.width) {
        column = firstColumn;
      }
      const place = row * this.constants.width + column;
      const value = x[plane + place];
      if (value > most || (value !== value && most === most)) {
        most = value;
        best = place;
      }
    }
  }
  return ${result};
}`,
  );
}

const maxima = scan('maxima', 'x', 'most');
const places = scan('places', 'x', 'best');
const gather = scan('gather', 't, x', 't[plane + best]');

/** Cell: input column x, channel and input row y, image z. Windows are counted back from the last that begins at or before. */
const scatter = kernel('scatter', function (this: KernelThis, dy: Float32Array, best: Float32Array) {
  const channel = idiv(this.thread.y, this.constants.height!);
  const h = this.thread.y - channel * this.constants.height!;
  const place = h * this.constants.width! + this.thread.x;
  const lastY = idiv(h + this.constants.paddingY!, this.constants.strideY!);
  const lastX = idiv(this.thread.x + this.constants.paddingX!, this.constants.strideX!);
  const plane = (this.thread.z * this.constants.channels! + channel) * this.constants.outputHeight!;
  let total = 0.0;
  for (let v = 0; v < this.constants.windowsY!; v++) {
    const y = lastY - v;
    if (y >= 0) {
      if (y < this.constants.outputHeight!) {
        for (let u = 0; u < this.constants.windowsX!; u++) {
          const x = lastX - u;
          if (x >= 0) {
            if (x < this.constants.outputWidth!) {
              const at = (plane + y) * this.constants.outputWidth! + x;
              if (best[at]! === place) {
                total += dy[at]!;
              }
            }
          }
        }
      }
    }
  }
  return total;
});

export function maxProgram(windows: Windows): GpuProgram {
  return { scratch: [], launches: [overOutputs(maxima, windows, [{ input: 0 }], 'output')] };
}

export function gatherProgram(windows: Windows): GpuProgram {
  return { scratch: [], launches: [overOutputs(gather, windows, [{ input: 0 }, { input: 1 }], 'output')] };
}

/** The places of the maxima first, once for each window, then the gradient by each value of x. */
export function scatterProgram(windows: Windows): GpuProgram {
  const { n, c, h, w, y, x } = windows;
  return {
    scratch: [n * c * y * x],
    launches: [
      overOutputs(places, windows, [{ input: 1 }], { scratch: 0 }),
      {
        kernel: scatter,
        constants: windowConstants(windows),
        inputs: [{ input: 0 }, { scratch: 0 }],
        output: 'output',
        cells: [w, c * h, n],
      },
    ],
  };
}

function overOutputs(step: Kernel, windows: Windows, inputs: Launch['inputs'], output: Launch['output']): Launch {
  const { n, c, y, x } = windows;
  return { kernel: step, constants: windowConstants(windows), inputs, output, cells: [x, c * y, n] };
}
