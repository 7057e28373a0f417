/** The faults still fit the sources, so that the long run does not stop in the middle. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FAULTS } from './faults.ts';

it('every fault has its text once in its file, and tests that exist', () => {
  const wrong = FAULTS.filter(
    ({ file, find, tests }) => readFileSync(file, 'utf8').split(find).length !== 2 || !tests.every((test) => existsSync(test)),
  );
  expect(wrong.map(({ what }) => what)).toEqual([]);
  expect(new Set(FAULTS.map(({ what }) => what)).size).toBe(FAULTS.length);
  expect(FAULTS.length).toBeGreaterThanOrEqual(40);
});
