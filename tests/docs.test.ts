/** The commands of README.md and of the pages in docs/ run as they stand there, on small data; options that keep them short are added. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiledCli } from './cli/compiled.ts';
import { ROOT, runProcess } from './cli/run.ts';

/** Where the pages' relative paths lead. */
const folder = mkdtempSync(join(tmpdir(), 'tapegrad-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** CIFAR-10 in its official size, every image black and an airplane: the files are holes, which take no room. */
function makeCifar(): void {
  const directory = join(folder, 'data/cifar-10-batches-bin');
  mkdirSync(directory, { recursive: true });
  for (const name of ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch']) {
    writeFileSync(join(directory, `${name}.bin`), '');
    truncateSync(join(directory, `${name}.bin`), 10_000 * 3073);
  }
}

async function makePictures(): Promise<void> {
  for (const split of ['train', 'val']) {
    for (const [label, background] of ['red', 'green'].entries()) {
      const directory = join(folder, 'data/imagenet', split, `class${label}`);
      mkdirSync(directory, { recursive: true });
      for (let k = 0; k < 16; k++) {
        const picture = sharp({ create: { width: 60 + k, height: 50, channels: 3, background } });
        await picture.jpeg().toFile(join(directory, `${k}.jpg`));
      }
    }
  }
}

/** Less of everything. What the command itself gives is kept, and comes later. */
function shortened([command, ...given]: readonly string[]): string[] {
  const running = ['--device', 'simd', '--threads', '2'];
  if (command === 'train' && given.includes('--resume')) return [command, ...given, ...running];
  const folders = given.some((word) => word.includes('imagenet') || word.includes('resnet18'));
  const small = folders ? ['--size', '48', '--limit', '32', '--batch-size', '32'] : ['--limit', '16', '--batch-size', '8'];
  if (command === 'train') {
    const validation = given.includes('cifar') ? ['--validation', '4'] : [];
    return [
      command,
      ...given,
      ...running,
      ...small,
      ...validation,
      ...(given.includes('--epochs') ? [] : ['--epochs', '1', '--steps', '1']),
    ];
  }
  if (command === 'evaluate')
    return [command, ...given, ...running, ...(folders ? ['--size', '48', '--limit', '4'] : ['--limit', '16'])];
  return [command!, ...given];
}

/** But for experiments, which take minutes; tests/experiments has them on tiny networks. */
function commandsOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^ {4}npm run cli -- (?!experiment )([^#\n]+)/gm)].map(([, words]) => words!.trim());
}

const { program } = compiledCli();

const pages = ['docs/training.md', 'README.md', 'docs/pytorch.md'] as const;

beforeAll(async () => {
  makeCifar();
  await makePictures();
});

describe.each(pages)('%s', (page) => {
  it('has commands', () => expect(commandsOf(page).length).toBeGreaterThan(2));
  it.each(commandsOf(page))('%s', async (command) => {
    const args = [program, ...shortened(command.split(/\s+/))];
    if (command.includes('back.safetensors') && !existsSync(join(folder, 'back.safetensors')))
      cpSync(join(folder, 'resnet18.safetensors'), join(folder, 'back.safetensors'));
    const { code, stderr } = await runProcess(args, folder);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('docs/pytorch.md', () => {
  const python = process.env.PYTHON;
  it.skipIf(python === undefined)('has Python that is Python', () => {
    const code = /```python\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/pytorch.md'), 'utf8'))![1]!;
    const { status, stderr } = spawnSync(python!, ['-c', `import ast, sys; ast.parse(sys.stdin.read())`], {
      input: code,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });
});
