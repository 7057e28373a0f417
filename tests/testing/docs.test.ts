/** The programs of docs/gradients.md run as they are printed there, and print what stands below them. */
import { afterAll, describe, expect, it } from 'vitest';
import { ProgramFolder, programsOf, readPage } from '../support/page.ts';

const programs = programsOf(readPage('docs/gradients.md'));
const folder = new ProgramFolder(programs);
afterAll(() => folder.remove());

describe('docs/gradients.md', () => {
  it.each(programs.filter(({ output }) => output !== ''))('$name', async ({ name, output }) => {
    expect(await folder.run(name)).toEqual({ stdout: output, stderr: '', code: 0 });
  });
});
