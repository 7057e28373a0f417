/** No op works on empty tensors, and every way to one says so at the user's line. */
import { expect, it } from 'vitest';
import { concat, expand, ones, pad, reshape, State, slice, tensor, zeros } from '../../core/index.ts';

it.each<[string, () => unknown]>([
  ['tensor', () => tensor([])],
  ['tensor of a shape', () => tensor(new Float32Array(0), [0, 3])],
  ['State', () => new State([])],
  ['zeros', () => zeros([2, 0])],
  ['ones', () => ones([0])],
  ['reshape', () => reshape(zeros([2]), [2, 0])],
  ['expand', () => expand(zeros([1]), [0])],
  ['slice', () => slice(zeros([5]), [{ start: 3, stop: 3 }])],
  ['concat of nothing', () => concat([], 0)],
  ['pad by less than nothing', () => pad(zeros([2]), [[-2, 0]])],
])('%s refuses an empty result with a sentence', (_, make) => {
  expect(make).toThrow(/^(?!internal)\w+: .{20,}/);
  expect(make).not.toThrow(TypeError);
});
