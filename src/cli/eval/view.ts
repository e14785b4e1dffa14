/** Progress of an evaluation on the terminal. */
import type { StageContext } from '../../eval/evaluation/run-stages.ts';
import type { OnProgress, StageEnd } from '../../eval/stages/progress.ts';
import type { CommandContext } from '../command.ts';
import type { Terminal } from '../terminal.ts';

/** How stages speak to the terminal. */
export function stageContext({ terminal, signal, clock }: CommandContext): StageContext {
  return {
    signal,
    clock,
    onProgress: createStageView(terminal),
    onDownload: (line) => terminal.showStatus(line),
    onWarning: (warning) => terminal.print(`warning: ${warning}`),
  };
}

/** A status line that is rewritten, and a line for each task that is done. */
function createStageView(terminal: Terminal): OnProgress {
  return ({ stage, taskId, done, of, failed, secondsLeft }) => {
    const count = done.toLocaleString('en');
    if (of === undefined) {
      terminal.showStatus(`${stage} ${taskId}: ${count} rows`);
      return;
    }
    const failures = failed > 0 ? `, ${failed.toLocaleString('en')} failed` : '';
    const line = `${stage} ${taskId}: ${count} of ${of.toLocaleString('en')}${failures}`;
    if (done === of) terminal.print(line);
    else
      terminal.showStatus(secondsLeft === undefined ? line : `${line}, ${shown(secondsLeft)} left`);
  };
}

/** What the user should know of how a stage ended; nothing where all went well. */
export function describeEnd(stage: 'generate' | 'judge', { failed, stopped }: StageEnd): string[] {
  const failures = `${stage}: ${failed.toLocaleString('en')} failed; run the command again to try them once more`;
  return [
    ...(failed > 0 ? [failures] : []),
    ...(stopped === undefined ? [] : [`${stage} stopped: ${stopped}`]),
  ];
}

function shown(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
