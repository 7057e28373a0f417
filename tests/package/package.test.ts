/**
 * The package as its users get it: packed, installed into blank projects, imported by Node, by TypeScript, by a page that Vite builds; each
 * trains two steps. A further Node is tried by naming it: TAPEGRAD_NODES=/path/to/node.
 */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';
import { describeBundlers } from './onBundlers.ts';
import { describeNode } from './onNode.ts';
import { describeTarball } from './onTarball.ts';
import { describeTypeScript } from './onTypeScript.ts';
import { type Installed, install, pack, temporaryFolder } from './tarball.ts';

const folder = temporaryFolder();
let [bare, typed]: Installed[] = [];

beforeAll(() => {
  const tarball = pack(folder);
  bare = install(folder, ['node', 'page'], tarball, ['--omit=optional']);
  typed = install(folder, ['typescript'], tarball, ['fast-check']);
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeTarball(() => bare!);
describeNode(() => bare!);
describeBundlers(() => bare!);
describeTypeScript(() => typed!);
