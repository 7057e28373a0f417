/** All experiments by name. */
import { bottleneck } from './bottleneck.ts';
import { degradation } from './degradation.ts';
import type { Experiment } from './experiment.ts';
import { imagenetMini } from './imagenetMini.ts';
import { initialisation } from './initialisation.ts';
import { responses } from './responses.ts';
import { shortcuts } from './shortcuts.ts';

export { type ArmImages, type Chosen, carryOut, runsOfExperiment, type Surroundings } from './carryOut.ts';
export { type ArmResult, type Experiment, PRESETS, type PresetName, type Scale } from './experiment.ts';
export { type Circumstances, type Report, writeReport } from './report.ts';
export { type ScaleChanges, scaleOf, scaleOptions } from './scale.ts';

export const EXPERIMENTS: readonly Experiment[] = [degradation, shortcuts, bottleneck, responses, initialisation, imagenetMini];
