/** `medix launch`: a training by an existing trainer on a Ray cluster, kept as a run directory here. */
import { addCommands, type SetUpCommand } from '../command.ts';

export const setUpLaunch: SetUpCommand = (group, context, isAsked) =>
  addCommands(
    group,
    [
      {
        name: 'easyr1',
        usage: '[options] [config...]',
        description: 'Start a training by EasyR1, the trainer of the paper',
        load: async () => (await import('./start.ts')).setUpLaunchBy('easyr1'),
      },
      {
        name: 'verl',
        usage: '[options] [config...]',
        description: 'Start a training by verl',
        load: async () => (await import('./start.ts')).setUpLaunchBy('verl'),
      },
      {
        name: 'follow',
        usage: '[options] <run>',
        description: 'Follow the job of a run again, after its launcher was stopped',
        load: async () => (await import('./follow.ts')).setUpLaunchFollow,
      },
      {
        name: 'status',
        usage: '[options] <run>',
        description: 'Say how the job of a run is doing',
        load: async () => (await import('./status.ts')).setUpLaunchStatus,
      },
      {
        name: 'stop',
        usage: '<run>',
        description: 'Stop the job of a run',
        load: async () => (await import('./status.ts')).setUpLaunchStop,
      },
      {
        name: 'resume',
        usage: '[options] <run>',
        description: 'Start a new job that goes on from the last checkpoint of a run',
        load: async () => (await import('./follow.ts')).setUpLaunchResume,
      },
      {
        name: 'checkpoints',
        usage: '[options] <run>',
        description: 'List the checkpoints of a run and where the cluster keeps them',
        load: async () => (await import('./status.ts')).setUpLaunchCheckpoints,
      },
    ],
    context,
    isAsked,
  );
