/** Settings as the command line takes, keeps and shows them; what they are is training/runSettings.ts. */
import type { GivenSettings, RunSettings } from '../training/index.ts';

/** Options that a run may be given anew when it goes on: they do not change its weights. */
const FREE: readonly string[] = ['data'];

/**
 * The settings with which a run goes on: those it began with. A different one is refused, but for the place of the data, and for the
 * number of epochs or steps where the rate does not depend on it.
 */
export function resumedSettings(stored: RunSettings, given: GivenSettings): RunSettings {
  const { epochs, steps, data, ...rest } = given;
  const { rate, ...flat } = stored;
  const before: Record<string, unknown> = { ...flat, ...rate };
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined || FREE.includes(name) || JSON.stringify(before[name]) === JSON.stringify(value)) continue;
    const began = before[name] === null ? 'without it' : `with ${String(before[name])}`;
    throw new Error(
      `${optionName(name)} ${String(value)} was given, but the run began ${began}; leave it out, or begin another run, from its weights if you like (--weights)`,
    );
  }
  const lengthMatters = rate.schedule === 'cosine' || (rate.warmUp > 0 && rate.warmUpRate === null);
  const longer = { ...(epochs !== undefined && { epochs, steps: null }), ...(steps !== undefined && { steps }) };
  const changes = Object.entries(longer).some(([name, value]) => before[name] !== value);
  if (changes && lengthMatters)
    throw new Error(
      `the learning rate of this run depends on its length (${lengthOf(stored)}), so --epochs and --steps cannot change now`,
    );
  return { ...stored, ...longer, ...(data !== undefined && { data }) };
}

const optionName = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export const lengthOf = ({ steps, epochs }: RunSettings): string => (steps === null ? `${epochs} epochs` : `${steps} steps`);

/** For people: a setting a line. */
export function formatSettings({ rate, ...settings }: RunSettings): string {
  const entries = Object.entries({ ...settings, ...rate }).filter(
    ([, value]) => value !== null && !(Array.isArray(value) && value.length === 0),
  );
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `  ${name.padEnd(width)}  ${String(value)}`).join('\n');
}
