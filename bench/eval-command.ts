/** A process that runs one `medix eval` command and prints the seconds it took, loading of code aside. */
import { Command } from 'commander';
import { addEvalCommand } from '../src/cli/eval/eval.ts';
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
addEvalCommand(program, { terminal, signal: never, clock: Date.now });
const [time] = await seconds(() =>
  program.parseAsync(['eval', ...process.argv.slice(2)], { from: 'user' }),
);
console.log(time);
