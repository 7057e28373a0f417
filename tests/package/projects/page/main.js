// Trains on the devices that the address names, and posts the losses by device, or the error.
import { trainTwoSteps } from './train.js';

async function run() {
  const losses = {};
  for (const device of new URLSearchParams(location.search).getAll('device')) losses[device] = await trainTwoSteps(device);
  return { losses };
}

run()
  .catch((error) => ({ error: String(error) }))
  .then((report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) }));
