import { afterAll, afterEach, beforeAll } from 'vitest';
import { Playground } from '../support/playground.ts';

/** For a block of tests; the function gives the playground once they run. */
export function playgroundForTests(gpu = true): () => Playground {
  let playground: Playground | undefined;
  beforeAll(async () => {
    playground = await Playground.start(gpu);
  });
  afterEach(() => playground?.closePages());
  afterAll(() => playground?.stop());
  return () => playground!;
}
