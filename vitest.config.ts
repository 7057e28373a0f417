import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['tapegrad-source'] },
  ssr: { resolve: { conditions: ['tapegrad-source'] } },
  test: { include: ['tests/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000, pool: 'forks', execArgv: ['--expose-gc'] },
});
