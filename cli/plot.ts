/** `plot`: the training curves of several runs in one picture. */
import { type Command, Option } from 'commander';
import { writeWhole } from '../disk/writeWhole.ts';
import { drawCurves, METRICS_FILE, RunDirectory, readMetrics } from '../training/index.ts';

export function addPlotCommand(program: Command): void {
  program
    .command('plot')
    .description('draw training and test error of one run, or of several over each other')
    .argument('<run...>', 'directories that train --out wrote')
    .addOption(new Option('--to <file>', 'the SVG file to write').default('curves.svg'))
    .action(async (directories: string[], { to }: { to: string }) => {
      if (!to.endsWith('.svg'))
        throw new Error(`--to ${to} was given, but the picture is an SVG file; give a name that ends in .svg`);
      const curves = directories.map((directory) => {
        const run = new RunDirectory(directory);
        run.settings();
        const { epochs } = readMetrics(run.file(METRICS_FILE));
        if (epochs.length === 0) throw new Error(`${directory} has no finished epoch yet; there is nothing to draw`);
        return { name: directories.length === 1 ? run.name : directory.replace(/[/\\]+$/, ''), history: epochs };
      });
      writeWhole(to, [await drawCurves(curves)]);
      console.log(`${to} shows ${curves.map(({ name }) => name).join(', ')}`);
    });
}
