/** Runs the command line as a user does: a process of its own, its output and its exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The compiler, as a program for Node. */
export const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Sees everything printed so far, whenever more comes. */
export type Watch = (printed: string, child: ChildProcess) => void;

/** From the sources, as `npm run cli` does; compiled.ts starts faster. */
export function runSources(args: readonly string[], watch?: Watch): Promise<Finished> {
  return runProcess(['--import', 'tsx', join(ROOT, 'cli/main.ts'), ...args], ROOT, watch);
}

/** A Node process with these arguments; of this process's Node where no other is named. */
export function runProcess(args: readonly string[], cwd: string, watch?: Watch, node = process.execPath): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { cwd, env: process.env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (part) => {
      stdout += part;
      watch?.(stdout + stderr, child);
    });
    child.stderr.on('data', (part) => {
      stderr += part;
      watch?.(stdout + stderr, child);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
