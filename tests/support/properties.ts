/**
 * Runs before every test file. At home fast-check draws new cases each time, which is how it finds what nobody thought of; in CI it draws
 * the same ones, so that a red run means the change and not the draw.
 */
import fc from 'fast-check';

const CI_SEED = 20261124;

if (process.env.CI === 'true') fc.configureGlobal({ seed: CI_SEED });
