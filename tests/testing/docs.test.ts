/** The programs of docs/gradients.md run as they are printed there, and print what stands below them. */
import { describe, expect, it } from 'vitest';
import { programsOf, readPage, runPrograms } from '../support/page.ts';

const programs = programsOf(readPage('docs/gradients.md'));
const printed = await runPrograms(programs);

describe('docs/gradients.md', () => {
  it.each(programs.filter(({ output }) => output !== ''))('$name', ({ name, output }) => {
    expect(printed.get(name)).toBe(output);
  });
});
