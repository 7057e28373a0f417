/** The cases that devices in browsers are checked with name every op. */
import { expect, it } from 'vitest';
import * as ops from '../../../core/ops/index.ts';
import { opCases } from '../../support/opCases.ts';

/** The ops, noting the names of those that are called. */
function noting(called: Set<string>): typeof ops {
  const wrapped = Object.entries(ops).map(([name, op]) => {
    const noted = (...given: unknown[]): unknown => {
      called.add(name);
      return Reflect.apply(op, undefined, given);
    };
    return [name, noted];
  });
  return Object.fromEntries(wrapped);
}

it('every op that users can call has a case, and every case a name of its own', () => {
  const called = new Set<string>();
  const cases = opCases(noting(called));
  expect([...called].sort()).toEqual(Object.keys(ops).sort());
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});
