/** Average pooling and its input gradient: the sum of a window over its count, and dy over its count added to every tap. */

import { zeroLaunch } from '../../devices/simd/copy.ts';
import { broadcast, type F32x4Var, type I32Var, load, local, max, min, splat } from '../../devices/simd/emit/index.ts';
import type { SimdKernel, SimdProgram } from '../../devices/simd/kernel.ts';
import { storeUpTo } from '../../devices/simd/rows.ts';
import { forEachWindow, WINDOW_PARAMETERS, type Window, windowArguments } from '../maxPool2d/simdWindows.ts';
import type { AverageWindows } from './gpu.ts';

export function averageProgram(windows: AverageWindows): SimdProgram {
  return { scratch: [], threadScratch: 0, launches: [launch(averageKernel, windows)] };
}

export function spreadProgram(windows: AverageWindows): SimdProgram {
  const { n, c, h, w } = windows;
  return { scratch: [], threadScratch: 0, launches: [zeroLaunch('output', n * c * h * w), launch(spreadKernel, windows)] };
}

function launch(kernel: SimdKernel, windows: AverageWindows) {
  const args = [...windowArguments(windows), ...windows.margin, { input: 0 }, 'output' as const];
  return { kernel, tasks: windows.n, args };
}

/** By what a window's sum is divided: its size inside x and the margin that counts. */
function countOf(given: readonly I32Var[], { row, column }: Window): F32x4Var {
  const [, , h, w, , , kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX] = given;
  const [marginY, marginX] = given.slice(WINDOW_PARAMETERS) as [I32Var, I32Var];
  const along = (at: I32Var, stride: I32Var, padding: I32Var, size: I32Var, length: I32Var, margin: I32Var): I32Var => {
    const first = local(at.mul(stride).sub(padding));
    return local(min(first.add(size), length.add(margin)).sub(max(first, local(0).sub(margin))));
  };
  const rows = along(row, strideY!, paddingY!, kernelHeight!, h!, marginY);
  const columns = along(column, strideX!, paddingX!, kernelWidth!, w!, marginX);
  return local(broadcast(rows.mul(columns).toF32()));
}

const averageKernel: SimdKernel = {
  name: 'avgPool2d',
  parameters: WINDOW_PARAMETERS + 4,
  emit: (...given) => {
    const [x, output] = given.slice(WINDOW_PARAMETERS + 2) as [I32Var, I32Var];
    forEachWindow(given.slice(0, WINDOW_PARAMETERS), (window) => {
      const total = local(splat(0));
      window.forEachTap((offset) => total.set(total.add(load(x.add(offset)))));
      storeUpTo(output.add(window.output), local(total.div(countOf(given, window))), window.left);
    });
  },
};

const spreadKernel: SimdKernel = {
  name: 'avgPool2dInputGradient',
  parameters: WINDOW_PARAMETERS + 4,
  emit: (...given) => {
    const [dy, output] = given.slice(WINDOW_PARAMETERS + 2) as [I32Var, I32Var];
    forEachWindow(given.slice(0, WINDOW_PARAMETERS), (window) => {
      const share = local(load(dy.add(window.output)).div(countOf(given, window)));
      window.forEachTap((offset) => {
        const to = local(output.add(offset));
        storeUpTo(to, local(load(to).add(share)), window.left);
      });
    });
  },
};
