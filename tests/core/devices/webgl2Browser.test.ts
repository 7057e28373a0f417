/** Device webgl2 on a page's own thread in Chromium; deviceBrowser.test.ts has every op, in a worker. */
import { beforeAll, describe, expect, it } from 'vitest';
import { bundle, hasChromium, SWIFTSHADER, visit } from '../../support/chromium.ts';

interface Report {
  readonly error?: string;
  readonly trained: readonly number[];
  readonly expected: readonly number[];
  readonly turns: number;
  readonly textures: readonly number[];
  readonly small: readonly number[];
  readonly refused: string;
  readonly lost: string;
  readonly state: string;
  readonly again: string;
}

describe.skipIf(!hasChromium)('webgl2 in Chromium', () => {
  let report: Report;
  beforeAll(async () => {
    const files = await bundle('glPage.ts', true);
    report = await visit<Report>(files, { query: 'counts=5,20', flags: SWIFTSHADER });
  }, 600_000);

  it('finishes', () => expect(report.error).toBeUndefined());

  it('trains a residual block to the losses of the reference, and timers have turns meanwhile', () => {
    expect(report.expected).toHaveLength(3);
    report.expected.forEach((loss, k) => expect(Math.abs(report.trained[k]! - loss)).toBeLessThan(1e-3));
    expect(report.turns).toBeGreaterThan(0);
  });

  it('has after 20 steps as many textures as after 5, and after 300 small ones', () => {
    expect(report.textures[0]).toBeGreaterThan(0);
    expect(report.textures[1]).toBe(report.textures[0]);
    expect(report.small[0]).toBeGreaterThan(0);
    expect(report.small[1]).toBe(report.small[0]);
  });

  it('refuses what its kernels cannot index', () => {
    expect(report.refused).toContain(
      'an array of 16781312 elements was needed, but kernels on device webgl2 index at most 16777216',
    );
  });

  it('notices that the context was lost, and works again on a new one', () => {
    expect(report.lost).toContain('the webgl2 context was lost');
    expect(report.lost).toContain("call useDevice('webgl2') again and load the States from a checkpoint");
    expect(report.state).toContain('counter was lost');
    expect(report.again).toBe('2,4,6');
  });
});
