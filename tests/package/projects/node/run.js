// Trains on the devices that the arguments name and prints the losses as JSON, by device.
import { trainTwoSteps } from './train.js';

const losses = {};
for (const device of process.argv.slice(2)) losses[device] = await trainTwoSteps(device);
console.log(JSON.stringify(losses));
