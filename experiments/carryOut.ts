/** Trains all arms of an experiment, one after the other. What is finished is not trained again, so an interrupted one goes on. */
import { join } from 'node:path';
import type { DataLoader } from '../data/index.ts';
import { checkSettings, type RunSettings, resolveSettings, type StepReport } from '../training/index.ts';
import type { Arm, ArmResult, Experiment, Scale } from './experiment.ts';
import { trainArm } from './trainArm.ts';

/** The images of one run, ready for the network. */
export interface ArmImages {
  readonly classes: readonly string[];
  /** Height and width. */
  readonly side: number;
  training(batchSize: number): DataLoader;
  readonly heldOut: { readonly split: 'validation' | 'test'; readonly viewsPerImage: number; passes(): DataLoader[] } | undefined;
  close(): Promise<void>;
}

/** What an experiment needs from outside. */
export interface Surroundings {
  readonly open: (settings: RunSettings) => Promise<ArmImages>;
  /** Aborted when the experiment shall end; it goes on another time. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Called with every step of a run that has so many. */
  readonly onStep: (name: string, totalSteps: number, step: StepReport) => void;
}

/** Which images, and the first seed. */
export type Chosen = Pick<RunSettings, 'dataset' | 'data' | 'seed'>;

/** One arm with one seed. */
export interface ArmRun {
  readonly arm: Arm;
  readonly settings: RunSettings;
  readonly responses: boolean;
  /** Of its own, in the experiment's. */
  readonly directory: string;
}

/** The runs of an experiment. All arms have a seed's runs before the next seed begins. */
export function runsOfExperiment(experiment: Experiment, scale: Scale, chosen: Chosen, directory: string): ArmRun[] {
  const seeds = Array.from({ length: scale.seeds }, (_, k) => chosen.seed + k);
  return seeds.flatMap((seed) =>
    experiment.arms(scale).map((arm) => ({
      arm,
      settings: settingsFor(scale, { ...chosen, seed }),
      responses: experiment.responses ?? false,
      directory: join(directory, 'runs', `${arm.name}-seed${seed}`),
    })),
  );
}

/** The model of the settings is not used: arms build their own. */
function settingsFor({ settings }: Scale, { dataset, data, seed }: Chosen): RunSettings {
  return checkSettings({ ...resolveSettings({ ...settings, dataset, seed }), data });
}

/** The results of all runs, or undefined when the signal has ended it. */
export async function carryOut(runs: readonly ArmRun[], surroundings: Surroundings): Promise<ArmResult[] | undefined> {
  const results: ArmResult[] = [];
  for (const [k, run] of runs.entries()) {
    surroundings.say(`${k + 1} of ${runs.length}: ${run.arm.name}, seed ${run.settings.seed}`);
    const result = await trainArm(run, surroundings);
    if (result === undefined) return undefined;
    results.push(result);
  }
  return results;
}
