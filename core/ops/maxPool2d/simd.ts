/** Max pooling, its scatter and its gather. The largest value is found first; then the first tap with the same bits is its place. */

import { zeroLaunch } from '../../devices/simd/copy.ts';
import { type F32x4Var, type I32Var, type I32x4, load, local, splat } from '../../devices/simd/emit/index.ts';
import type { SimdKernel, SimdProgram } from '../../devices/simd/kernel.ts';
import { storeUpTo } from '../../devices/simd/rows.ts';
import type { Layout, LayoutRule } from '../../plan/layout.ts';
import { forEachWindow, WINDOW_PARAMETERS, type Window, windowArguments } from './simdWindows.ts';
import type { Windows } from './windows.ts';

const CHANNELS_LAST: Layout = 'channelsLast';
export const poolLayout: LayoutRule = { inputs: [CHANNELS_LAST], output: CHANNELS_LAST };

export function maxProgram(windows: Windows): SimdProgram {
  return program(maxKernel, windows, [{ input: 0 }, 'output']);
}

export function gatherProgram(windows: Windows): SimdProgram {
  return program(gatherKernel, windows, [{ input: 0 }, { input: 1 }, 'output']);
}

export function scatterProgram(windows: Windows): SimdProgram {
  const { launches, ...rest } = program(scatterKernel, windows, [{ input: 0 }, { input: 1 }, 'output']);
  const { n, c, h, w } = windows;
  return { ...rest, launches: [zeroLaunch('output', n * c * h * w), ...launches] };
}

function program(kernel: SimdKernel, windows: Windows, arrays: SimdProgram['launches'][number]['args']): SimdProgram {
  const args = [...windowArguments(windows), ...arrays];
  return { scratch: [], threadScratch: 0, launches: [{ kernel, tasks: windows.n, args }] };
}

/** The largest value; the first NaN where there is one, with its own bits, by which its place is found. */
function largest(x: I32Var, { forEachTap }: Window): F32x4Var {
  const most = local(splat(Number.NEGATIVE_INFINITY));
  forEachTap((offset) => {
    const value = load(x.add(offset));
    const isFirstNaN = most.eq(most).andNot(value.eq(value));
    most.set(isFirstNaN.choose(value, most.pmax(value)));
  });
  return most;
}

/** Calls `write` for each tap with the mask of the channels whose largest value it is. */
function forEachLargest(x: I32Var, window: Window, write: (offset: I32Var, mask: I32x4) => void): void {
  const most = largest(x, window);
  const found = local(splat(0).bits());
  window.forEachTap((offset) => {
    const mask = local(load(x.add(offset)).bits().eq(most.bits()).andNot(found));
    write(offset, mask);
    found.set(found.or(mask));
  });
}

const maxKernel: SimdKernel = {
  name: 'maxPool2d',
  parameters: WINDOW_PARAMETERS + 2,
  emit: (...given) => {
    const [x, output] = given.slice(WINDOW_PARAMETERS) as [I32Var, I32Var];
    forEachWindow(given.slice(0, WINDOW_PARAMETERS), (window) =>
      storeUpTo(output.add(window.output), largest(x, window), window.left),
    );
  },
};

const gatherKernel: SimdKernel = {
  name: 'maxPool2dGather',
  parameters: WINDOW_PARAMETERS + 3,
  emit: (...given) => {
    const [t, x, output] = given.slice(WINDOW_PARAMETERS) as [I32Var, I32Var, I32Var];
    forEachWindow(given.slice(0, WINDOW_PARAMETERS), (window) => {
      const value = local(splat(0));
      forEachLargest(x, window, (offset, mask) => value.set(mask.choose(load(t.add(offset)), value)));
      storeUpTo(output.add(window.output), value, window.left);
    });
  },
};

const scatterKernel: SimdKernel = {
  name: 'maxPool2dScatter',
  parameters: WINDOW_PARAMETERS + 3,
  emit: (...given) => {
    const [dy, x, output] = given.slice(WINDOW_PARAMETERS) as [I32Var, I32Var, I32Var];
    forEachWindow(given.slice(0, WINDOW_PARAMETERS), (window) => {
      const slope = load(dy.add(window.output));
      forEachLargest(x, window, (offset, mask) => {
        const to = local(output.add(offset));
        storeUpTo(to, local(mask.choose(load(to).add(slope), load(to))), window.left);
      });
    });
  },
};
