/** `npm run web:screenshots`: takes the pictures of the playground that the docs show. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Playground } from '../support/playground.ts';
import { takeScreenshots } from './screenshots.ts';

const directory = fileURLToPath(new URL('../../docs/playground/', import.meta.url));
mkdirSync(directory, { recursive: true });
const playground = await Playground.start(false);
try {
  const files = await takeScreenshots(playground, directory);
  console.log(`docs/playground: ${files.join(', ')}`);
} finally {
  await playground.stop();
}
