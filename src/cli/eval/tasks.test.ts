import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setUpEvalTasks } from './tasks.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-eval-tasks-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function run(...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  const terminal = {
    print: (line: string) => lines.push(line),
    write: () => {},
    showStatus: () => {},
    printJson: () => {},
    writeBold: () => {},
    isInteractive: false,
  };
  const group = new Command('eval').exitOverride().configureOutput({ writeErr: () => {} });
  await setUpEvalTasks(
    group.command('tasks'),
    { terminal, signal: new AbortController().signal, clock: () => 0 },
    () => false,
  );
  for (const command of group.commands) {
    command.exitOverride().configureOutput({ writeErr: () => {} });
  }
  await group.parseAsync(['tasks', '--cache', folder, ...args], { from: 'user' });
  return lines;
}

describe('medix eval tasks', () => {
  it('lists every task with size, licence, access and where its rows come from', async () => {
    const [headings, , ...rows] = await run();
    expect(headings).toMatch(/^task +kind +n +licence +access +data$/);
    expect(rows).toHaveLength(18);
    expect(rows.find((row) => row.startsWith('path_vqa'))).toMatch(
      /^path_vqa +open, closed +6,719 +MIT +public +hub: flaviagiammarino\/path-vqa at its newest$/,
    );
    expect(rows.find((row) => row.startsWith('slake_vqa'))).toMatch(
      /hub: BoKelvin\/SLAKE at a9083ce; needs a folder of images$/,
    );
    expect(rows.find((row) => row.startsWith('mimic_cxr_report_generation'))).toMatch(
      /report +\? +PhysioNet .* credentialed /,
    );
  });

  it('shows data of the user, and notes on request', async () => {
    const path = join(folder, 'rows.jsonl');
    await writeFile(path, '');
    const lines = await run(
      'pubmedqa',
      'medqa',
      '--data',
      `medqa=${path}`,
      '--data',
      'pubmedqa=gone',
      '--notes',
    );
    expect(lines[2]).toMatch(new RegExp(`^medqa .* public +${path}$`));
    expect(lines[3]).toMatch(/^pubmedqa .* gone \(missing\)$/);
    expect(lines).toContain('pubmedqa (PubMedQA)');
  });

  it('refuses a misspelt id instead of leaving the task at the hub', async () => {
    await expect(run('--data', 'medqua=x', '--images', 'slake=y')).rejects.toThrow(
      /--data: expected one of .*, got medqua; correct the id\n--images: .* got slake/,
    );
    await expect(run('--data', 'medqa')).rejects.toThrow(/Expected the id of a task/);
  });
});
