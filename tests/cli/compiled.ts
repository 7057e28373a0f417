/**
 * The command line as the package has it: compiled, once for all tests of a file. It starts in a third of the time that the sources take,
 * which counts where tests start it dozens of times. Types are not checked here, so that a fault planted in a copy is left to the tests.
 */
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Finished, ROOT, runProcess, TSC, type Watch } from './run.ts';

export interface CompiledCli {
  /** The file that Node starts. */
  readonly program: string;
  /** Runs it as a user does. */
  runCli(args: readonly string[], watch?: Watch): Promise<Finished>;
}

export function compiledCli(): CompiledCli {
  const folder = mkdtempSync(join(tmpdir(), 'tapegrad-compiled-'));
  const program = join(folder, 'cli/main.js');
  beforeAll(() => compile(folder, program));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return { program, runCli: (args, watch) => runProcess([program, ...args], ROOT, watch) };
}

async function compile(folder: string, program: string): Promise<void> {
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  for (const packages of ['node_modules', 'optional']) symlinkSync(join(ROOT, packages), join(folder, packages), 'junction');
  const lean = ['--declaration', 'false', '--declarationMap', 'false', '--sourceMap', 'false'];
  const { stdout } = await runProcess([TSC, '-p', 'tsconfig.build.json', '--outDir', folder, ...lean], ROOT);
  if (!existsSync(program)) throw new Error(`the command line did not compile:\n${stdout}`);
}
