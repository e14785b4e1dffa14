/** A process that runs one `medix eval` command and prints the seconds it took, loading of code aside. */
import { Command } from 'commander';
import { setUpEval } from '../src/cli/eval/eval.ts';
import { never, seconds } from './timing.ts';

const silent = () => {};
const terminal = {
  print: silent,
  printJson: silent,
  write: silent,
  writeBold: silent,
  showStatus: silent,
  isInteractive: false,
};
const program = new Command('medix');
await setUpEval(program.command('eval'), { terminal, signal: never, clock: Date.now }, () => true);
const [time] = await seconds(() =>
  program.parseAsync(['eval', ...process.argv.slice(2)], { from: 'user' }),
);
console.log(time);
