/**
 * The command line. The folder owns options, files and what a person sees; training itself is the loop of the README, in train.ts.
 * A user's mistake ends with one sentence and exit code 1 (bad files and values) or 2 (bad options), never with a stack trace.
 */
import { Command, CommanderError } from 'commander';
import { addDataCommand } from './data.ts';
import { addEvaluateCommand } from './evaluate.ts';
import { addExportCommand } from './export.ts';
import { addModelsCommand } from './models.ts';
import { addPlotCommand } from './plot.ts';
import { addSummaryCommand } from './summary.ts';
import { addTrainCommand } from './train.ts';

const program = new Command('tapegrad')
  .description('Trains and evaluates the networks of "Deep Residual Learning for Image Recognition" (He et al. 2015).')
  .showHelpAfterError('(add --help for the options)')
  .exitOverride();

addTrainCommand(program);
addEvaluateCommand(program);
addDataCommand(program);
addExportCommand(program);
addModelsCommand(program);
addPlotCommand(program);
addSummaryCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has printed the sentence, or the help asked for
  } else {
    console.error(process.env.DEBUG ? error : `error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
