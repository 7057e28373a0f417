/** `summary`: a model layer by layer. Nothing runs. */
import { type Command, Option } from 'commander';
import { modelTable } from '../models/index.ts';
import { measure, summary, zeroWeights } from '../nn/index.ts';
import { modelOption, wholeNumber } from './options.ts';

interface SummaryOptions {
  readonly model: string;
  readonly batchSize: number;
  readonly json?: boolean;
}

export function addSummaryCommand(program: Command): void {
  program
    .command('summary')
    .description('list the layers of a model: output shapes, parameters, multiply-adds and the memory of the outputs')
    .addOption(modelOption().default('resnet20'))
    .addOption(new Option('--batch-size <n>', 'images at a time').argParser(wholeNumber(1)).default(1))
    .option('--json', 'print one JSON object instead of the table')
    .action(({ model, batchSize, json }: SummaryOptions) => {
      const { build, inputShape } = modelTable.get(model)!;
      const network = build({ weights: zeroWeights });
      const shape = [batchSize, ...inputShape.slice(1)];
      console.log(json ? JSON.stringify({ model, inputShape: shape, ...measure(network, shape) }) : summary(network, shape));
    });
}
