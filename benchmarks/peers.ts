/**
 * The same networks on other frameworks, each in a process of its own: folder peers/ has a script for each. What is not installed, does
 * not fit into memory or takes too long is printed as such.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface PeerRow {
  readonly peer: string;
  readonly work: string;
  readonly threads: number;
  readonly imagesPerSecond?: number;
  /** Why there is no number. */
  readonly failure?: string;
}

const TIMEOUT_MS = 180_000;
const folder = fileURLToPath(new URL('peers/', import.meta.url));

/** A Python with torch: the one named by the variable PYTHON, or the one on the path. */
const python = [process.env.PYTHON, 'python3', 'python'].find(
  (candidate) => candidate !== undefined && spawnSync(candidate, ['-c', 'import torch']).status === 0,
);

/** A training step on PyTorch in both of its memory layouts. */
export function torchRows(model: string, batch: number, side: number, threads: number, steps: number): PeerRow[] {
  return ['contiguous', 'channels_last'].map((layout) => {
    const row = { peer: `pytorch ${layout}`, work: `${model} batch ${batch}`, threads };
    if (python === undefined)
      return { ...row, failure: 'no Python with torch was found; set PYTHON to one (pip install torch==2.13.0)' };
    return { ...row, ...run(python, [`${folder}torch_step.py`, model, batch, side, threads, steps, layout]) };
  });
}

/** A training step of resnet20 on JavaScript frameworks, at the batch size that each can take. */
export function trainingRows(): PeerRow[] {
  return [
    script('jax-js, im2col and matmul', 'resnet20 batch 32', 1, 'jax.mjs', 32, 3),
    script('tensorflow.js cpu', 'resnet20 batch 2', 1, 'tfjsCpu.mjs', 2),
  ];
}

/** The forward pass alone. */
export function forwardRows(batch: number, threads: readonly number[]): PeerRow[] {
  const work = `resnet20 batch ${batch} forward`;
  return [
    script('tensorflow.js wasm', work, 1, 'tfjsWasm.mjs', batch, 5),
    ...threads.map((each) => script('onnxruntime-node', work, each, 'onnxruntime.mjs', batch, 10, each)),
  ];
}

function script(peer: string, work: string, threads: number, file: string, ...args: readonly number[]): PeerRow {
  if (!existsSync(`${folder}node_modules`))
    return { peer, work, threads, failure: 'not installed; run ONNXRUNTIME_NODE_INSTALL=skip npm ci --prefix benchmarks/peers' };
  return { peer, work, threads, ...run(process.execPath, [`${folder}${file}`, ...args]) };
}

function run(command: string, args: readonly (string | number)[]): Pick<PeerRow, 'imagesPerSecond' | 'failure'> {
  try {
    const options = { encoding: 'utf8', timeout: TIMEOUT_MS, stdio: 'pipe' } as const;
    const lines = execFileSync(command, args.map(String), options).trim().split('\n');
    return { imagesPerSecond: JSON.parse(lines.at(-1)!).imagesPerSecond };
  } catch (error) {
    return { failure: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'ETIMEDOUT') return `took more than ${TIMEOUT_MS / 1000} s`;
  const text = 'stderr' in error ? String(error.stderr) : error.message;
  return text.split('\n').find((line) => /Error/.test(line)) ?? error.message.split('\n')[0]!;
}
