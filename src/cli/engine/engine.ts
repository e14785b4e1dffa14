/** `medix engine`: this machine's engine for other programs. */
import { addCommands, type SetUpCommand } from '../command.ts';

export const setUpEngine: SetUpCommand = (group, context, isAsked) =>
  addCommands(
    group,
    [
      {
        name: 'serve',
        usage: '[options] <model>',
        description: 'Serve a model to programs that train over the Tinker protocol, until stopped',
        load: async () => (await import('./serve.ts')).setUpEngineServe,
      },
    ],
    context,
    isAsked,
  );
