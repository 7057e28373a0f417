/** The README is run as it is printed: its training loop, the commands it names, its table of lines of code. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT, runProcess } from './cli/run.ts';
import { linesOfCode } from './support/lines.ts';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
/** Inside the repository, so that the package can name itself in imports. */
const folder = mkdtempSync(join(ROOT, 'runs-readme-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A data batch in CIFAR-10's layout: a label byte and 3,072 pixel bytes an image. */
function writeCifar(directory: string, images: number): void {
  mkdirSync(directory, { recursive: true });
  const bytes = Uint8Array.from({ length: images * 3073 }, (_, k) =>
    k % 3073 === 0 ? Math.floor(k / 3073) % 10 : (k * 37) % 256,
  );
  for (const name of ['data_batch_1', 'test_batch']) writeFileSync(join(directory, `${name}.bin`), bytes);
}

describe('README', () => {
  it('has a training loop that runs as printed', async () => {
    const loop = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
    expect(loop).toContain('optimizer.step()');
    writeFileSync(join(folder, 'loop.ts'), loop!);
    writeCifar(join(folder, 'data/cifar-10-batches-bin'), 6);
    const { code, stdout, stderr } = await runProcess(
      ['--conditions=tapegrad-source', '--import', 'tsx', join(folder, 'loop.ts')],
      folder,
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^\d+\.\d+ [01](\.\d+)?\n$/);
    expect(code).toBe(0);
  });

  it('names scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const named = [...readme.matchAll(/npm (?:run (?:-s )?)?(start|test|(?<=run )[\w:]+)/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(3);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });

  it('counts lines of code as they are, within ten', () => {
    const rows = [...readme.matchAll(/^\| `(\w+)\/` \| ([\d,]+) \|/gm)];
    expect(rows.length).toBeGreaterThanOrEqual(6);
    for (const [, name, lines] of rows) {
      expect(Math.abs(Number(lines!.replace(',', '')) - linesOfCode(join(ROOT, name!))), name).toBeLessThanOrEqual(10);
    }
  });
});
