/** `medix eval samples`: the questions of a task with their ids, for answers made elsewhere. */
import { readHubAccess } from '../../config/environment.ts';
import { defaultCacheFolder } from '../../data/hub-cache.ts';
import { openTask } from '../../eval/tasks/open-task.ts';
import { readTaskSamples } from '../../eval/tasks/read-task-samples.ts';
import { openTaskSource } from '../../eval/tasks/task-source.ts';
import type { SetUpCommand } from '../command.ts';

type Options = {
  readonly taskFolder?: string;
  readonly data?: string;
  readonly images?: string;
  readonly cache: string;
};

export const setUpEvalSamples: SetUpCommand = (command, { terminal, signal }) => {
  command
    .argument('<task>', 'task id, or the path of a task file')
    .option('--task-folder <dir>', 'folder with your own task files, each named <id>.yaml')
    .option(
      '--data <path>',
      'local file or folder with the rows of the task, used instead of the hub',
    )
    .option('--images <dir>', 'folder with the image files that the rows name')
    .option('--cache <dir>', 'folder that keeps files downloaded from the hub', defaultCacheFolder)
    .addHelpText('after', help)
    .action(async (name: string, { taskFolder, data, images, cache }: Options) => {
      const task = await openTask(name, taskFolder);
      const source = await openTaskSource(task, {
        ...(data === undefined ? {} : { data }),
        ...(images === undefined ? {} : { imageRoot: images }),
        hub: readHubAccess(),
        cache,
      });
      for await (const row of readTaskSamples(task, source, signal)) {
        if (row.kind === 'rejected') continue;
        const { id, problem } = row.sample;
        terminal.printJson({ id, question: problem });
      }
    });
};

const help = `
To evaluate answers that another program has written, save them as JSON lines {"id": …, "response": …} and
give the file to \`medix eval run\` as model={kind: file, path: answers.jsonl, name: my-model}.`;
