/**
 * `npm run check:mutation [FIRST [LAST]]`: plants each fault of faults.ts in a copy of the sources and runs the tests named with it; each
 * must fail. Prints a table, and without a range writes it to docs/mutation.md. The sources themselves are never touched.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FAULTS, type Fault } from './faults.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['core', 'nn', 'optim', 'disk', 'data', 'models', 'training', 'testing', 'experiments', 'cli', 'web', 'tests'];
const SOURCES = [...FOLDERS, 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts'];
const LINKED = ['node_modules', 'optional'];
const TIMEOUT_MS = 180_000;
/** What a fault may do to a file of tests, and what an incomplete copy does too. */
const DOES_NOT_LOAD = 'does not load';

const copy = mkdtempSync(join(tmpdir(), 'tapegrad-mutation-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));
for (const name of SOURCES) cpSync(join(root, name), join(copy, name), { recursive: true });
for (const name of LINKED) symlinkSync(join(root, name), join(copy, name));

const [first = 1, last = FAULTS.length] = process.argv.slice(2).map(Number);
const rows: string[] = [];
let missed = 0;
FAULTS.slice(first - 1, last).forEach((fault, k) => {
  const caughtBy = plant(fault);
  if (caughtBy === undefined) missed += 1;
  const row = `| ${first + k} | ${fault.what} | \`${fault.file}\` | ${caughtBy ?? '**not caught**'} |`;
  console.log(row);
  rows.push(row);
});
console.log(`${rows.length - missed} of ${rows.length} faults caught`);
if (rows.length === FAULTS.length) writeFileSync(join(root, 'docs/mutation.md'), page());
process.exitCode = missed === 0 ? 0 : 1;

/** The first test that fails with the fault in place; undefined when all pass. */
function plant({ what, file, find, replace, tests }: Fault): string | undefined {
  const path = join(copy, file);
  const healthy = readFileSync(path, 'utf8');
  if (healthy.split(find).length !== 2) throw new Error(`the fault "${what}" needs its text exactly once in ${file}`);
  writeFileSync(
    path,
    healthy.replace(find, () => replace),
  );
  for (const test of tests) {
    const failed = firstFailure(test);
    if (failed === undefined) continue;
    writeFileSync(path, healthy);
    if (failed.endsWith(DOES_NOT_LOAD) && firstFailure(test) !== undefined)
      throw new Error(`${test} fails without the fault "${what}" too`);
    return failed;
  }
  writeFileSync(path, healthy);
  return undefined;
}

interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function firstFailure(test: string): string | undefined {
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--bail=1', '--reporter=json', test];
  const { stdout, status, signal } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    env: { ...process.env, CI: 'true' },
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return undefined;
  if (signal !== null) return `${test}: no end within ${TIMEOUT_MS / 1000} s`;
  if (!stdout.includes('{')) return `${test}: ended without a report`; // the fault has brought the process down
  const report: Report = JSON.parse(stdout.slice(stdout.indexOf('{')));
  const failed = report.testResults.flatMap(({ assertionResults }) => assertionResults).find((each) => each.status === 'failed');
  return `${test}: ${failed?.fullName ?? DOES_NOT_LOAD}`;
}

function page(): string {
  return [
    '# Planted faults',
    '',
    'Made by `npm run check:mutation`, which plants one fault after another in a copy of the sources and runs tests until one fails.',
    '',
    '| | fault | in | caught by |',
    '| ---: | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
