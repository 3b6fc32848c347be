/**
 * A Node process to be killed: `node parent.ts FILE OPTIONS` starts a shell script (the JSON of options with it) that has
 * descriptor 3, then tells 'started', and waits.
 */
import { type SpawnOptions, spawn } from '../../lib';

async function main([script, options]: string[]): Promise<void> {
  const parsed = JSON.parse(options!) as SpawnOptions;
  await spawn('sh', ['-c', script!], { ...parsed, stdio: ['ignore', 'ignore', 'inherit', 3] });
  process.stdout.write('started\n');
}

void main(process.argv.slice(2));
