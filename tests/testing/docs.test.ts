/** The programs of docs/gradients.md run as they are printed there, and print what stands below them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT, runProcess } from '../cli/run.ts';

const page = readFileSync(join(ROOT, 'docs/gradients.md'), 'utf8');
/** Inside the repository, so that the package can name itself in imports. */
const folder = mkdtempSync(join(ROOT, 'runs-gradients-'));
afterAll(() => rmSync(folder, { recursive: true }));

const blocks = [...page.matchAll(/```(ts|text)\n([\s\S]*?)```/g)].map(([, kind, text]) => ({ kind: kind!, text: text! }));
const programs = blocks.flatMap(({ kind, text }, k) => {
  if (kind !== 'ts') return [];
  const output = blocks[k + 1]?.kind === 'text' ? blocks[k + 1]!.text : '';
  return [{ name: /^\/\/ (\S+)\n/.exec(text)![1]!, text, output }];
});
for (const { name, text } of programs) writeFileSync(join(folder, name), text);

describe('docs/gradients.md', () => {
  it.each(programs.filter(({ output }) => output !== ''))('$name', async ({ name, output }) => {
    const { stdout, stderr, code } = await runProcess(
      ['--conditions=tapegrad-source', '--import', 'tsx', join(folder, name)],
      folder,
    );
    expect({ stdout, stderr, code }).toEqual({ stdout: output, stderr: '', code: 0 });
  });
});
