/**
 * The command line. The folder owns options, files and what a person sees; training itself is in training/. A user's mistake ends with one
 * sentence and exit code 1 (bad files and values) or 2 (bad options), never with a stack trace.
 */
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { addDataCommand } from './data.ts';
import { addEvaluateCommand } from './evaluate.ts';
import { addExperimentCommand } from './experiment.ts';
import { addExportCommand } from './export.ts';
import { addModelsCommand } from './models.ts';
import { addPlotCommand } from './plot.ts';
import { addSummaryCommand } from './summary.ts';
import { addTrainCommand } from './train.ts';

/** Of the package that this file is in, whether as a source or compiled: a package may import itself by name. */
const { version } = createRequire(import.meta.url)('tapegrad/package.json') as { readonly version: string };

function buildProgram(): Command {
  const program = new Command('tapegrad')
    .description('Trains and evaluates the networks of "Deep Residual Learning for Image Recognition" (He et al. 2015).')
    .version(version, '-V, --version', 'print the version')
    .showHelpAfterError('(add --help for the options)')
    .exitOverride();
  addTrainCommand(program);
  addEvaluateCommand(program);
  addPlotCommand(program);
  addExperimentCommand(program);
  addExportCommand(program);
  addDataCommand(program);
  addModelsCommand(program);
  addSummaryCommand(program);
  return program;
}

/** Runs a command with the words behind the program's name; gives the exit code, unless a signal has set one. */
export async function runCommandLine(words: readonly string[]): Promise<number | undefined> {
  try {
    await buildProgram().parseAsync(words, { from: 'user' });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed the sentence, or the help asked for
    console.error(process.env.DEBUG ? error : `error: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}
