/** `models`: every network beside the paper's figures. Counting records the networks but runs nothing. */
import type { Command } from 'commander';
import { modelTable } from '../models/index.ts';
import { measure, zeroWeights } from '../nn/index.ts';
import { formatTable } from './table.ts';

export interface ModelRow {
  readonly name: string;
  readonly layers: number;
  readonly parameters: number;
  readonly paperParameters: number | undefined;
  readonly multiplyAdds: number;
  readonly paperMultiplyAdds: number | undefined;
}

export function modelRows(): ModelRow[] {
  return [...modelTable.values()].map(({ name, build, inputShape, layers, parameters, multiplyAdds }) => {
    const measured = measure(build({ weights: zeroWeights, strideOn: '1x1' }), inputShape); // the paper's place for the stride
    return {
      name,
      layers,
      parameters: measured.parameters,
      paperParameters: parameters,
      multiplyAdds: measured.multiplyAdds,
      paperMultiplyAdds: multiplyAdds,
    };
  });
}

export function addModelsCommand(program: Command): void {
  program
    .command('models')
    .description('list every model with its layers, parameters and multiply-adds, beside the figures of the paper')
    .option('--json', 'print one JSON object instead of the table')
    .action(({ json }: { json?: boolean }) => {
      const rows = modelRows();
      console.log(json ? JSON.stringify(rows) : formatRows(rows));
    });
}

function formatRows(rows: readonly ModelRow[]): string {
  const count = (value: number | undefined): string => (value === undefined ? '-' : value.toLocaleString('en-US'));
  const table = [
    ['model', 'layers', 'parameters', 'paper', 'multiply-adds', 'paper'],
    ...rows.map((row) => [
      row.name,
      String(row.layers),
      count(row.parameters),
      count(row.paperParameters),
      count(row.multiplyAdds),
      count(row.paperMultiplyAdds),
    ]),
  ];
  return formatTable(table);
}
