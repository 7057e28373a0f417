/**
 * `npm run bench:web`: builds the bench's page, serves it as a page with shared memory, and prints the address to open. With `--chromium`
 * it drives headless Chromium instead, on a GPU made of software, and measures Node's simd between the browser's rows; with `--json`
 * that prints a JSON line a row. The variable CHROMIUM names another browser than /usr/bin/chromium.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, preview } from 'vite';

const known = ['--chromium', '--json'];
const given = process.argv.slice(2);
const unknown = given.find((option) => !known.includes(option));
if (unknown !== undefined) {
  console.error(`error: unknown option ${unknown}; use ${known.join(', ')}`);
  process.exit(2);
}

if (!existsSync(fileURLToPath(new URL('../peers/node_modules', import.meta.url))))
  console.error(
    'The peers are not installed and will be shown as such; run ONNXRUNTIME_NODE_INSTALL=skip npm ci --prefix benchmarks/peers',
  );
const configFile = fileURLToPath(new URL('vite.config.ts', import.meta.url));
await build({ configFile });
const server = await preview({ configFile });
const address = server.resolvedUrls!.local[0]!;
if (given.includes('--chromium')) {
  const { drive } = await import('./drive.ts');
  await drive(address, given.includes('--json'));
  await server.close();
} else {
  console.log(`Open ${address} (Ctrl+C ends)`);
}
