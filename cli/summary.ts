/** `summary`: a model layer by layer. Nothing runs. */
import { type Command, Option } from 'commander';
import { buildNetwork, checkNetwork } from '../models/index.ts';
import { measure, summary, zeroWeights } from '../nn/index.ts';
import { chosenNetwork, type NetworkOptions, networkOptions, wholeNumber } from './options.ts';

interface SummaryOptions extends NetworkOptions {
  readonly batchSize: number;
  readonly json?: boolean;
}

export function addSummaryCommand(program: Command): void {
  const command = program
    .command('summary')
    .description('list the layers of a model: output shapes, parameters, multiply-adds and the memory of the outputs')
    .addOption(new Option('--batch-size <n>', 'images at a time').argParser(wholeNumber(1)).default(1))
    .option('--json', 'print one JSON object instead of the table')
    .action(({ batchSize, json, ...chosen }: SummaryOptions) => {
      const settings = chosenNetwork(chosen, { model: 'resnet20', shortcut: null, width: null });
      const { name: model, inputShape } = checkNetwork(settings);
      const network = buildNetwork(settings, { weights: zeroWeights });
      const shape = [batchSize, ...inputShape.slice(1)];
      console.log(json ? JSON.stringify({ model, inputShape: shape, ...measure(network, shape) }) : summary(network, shape));
    });
  for (const option of networkOptions()) command.addOption(option);
}
