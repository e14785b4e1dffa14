/** A command line of each command that works in the world; those of the fuzz are changed ones. */

export type BaseLine = {
  readonly argv: readonly string[];
  /** Lines of output after which it is asked to stop, where it would work or serve for long. @default never */
  readonly prints?: number;
  /** Of all inputs, as a share beside the others. @default 1 */
  readonly weight?: number;
};

const evaluation = [
  'out=out/new',
  'model={kind: file, path: data/results.jsonl, name: vlm}',
  'tasks=[tasks/organs.yaml, tasks/options.yaml]',
  'imageRoots={options: tasks}',
];
const training = [
  'out=out/new',
  'iterations=1',
  'rollout={promptsPerIteration: 1, groupSize: 2, maxCompletionTokens: 2}',
  'algorithm.maxSampleRounds=1',
  'reward.profile=data/profile.yaml',
];
const reward = ['--profile', 'data/profile.yaml'];
const certified =
  'reward.judge={kind: openai, url: "http://127.0.0.1:9/v1", model: x, attempts: 1, certificate: {path: data/certificate.json, below: refuse}}';

/** By the words that name the command; the keys are those of the command tree. */
export const baseLines: Readonly<Record<string, readonly BaseLine[]>> = {
  'launch easyr1': [
    {
      argv: ['--dry-run', 'model=owner/name', ...training, 'data={train: phantoms, trainCount: 2}'],
    },
  ],
  'launch verl': [
    {
      argv: ['--dry-run', 'model=owner/name', ...training, 'data={train: phantoms, trainCount: 2}'],
    },
  ],
  'launch follow': [{ argv: ['run'] }],
  'launch status': [{ argv: ['run'] }],
  'launch stop': [{ argv: ['run'] }],
  'launch resume': [{ argv: ['run'] }],
  'launch checkpoints': [{ argv: ['run'] }],
  doctor: [{ argv: ['--url', 'http://127.0.0.1:9', '--model', 'model'] }],
  'engine serve': [
    { argv: ['model', '--port', '0', '--checkpoints', 'out/checkpoints'], prints: 1, weight: 0.3 },
  ],
  up: [
    { argv: ['--command', 'false', '--judge', 'model', '--judge-port', '1', '--logs', 'out/logs'] },
  ],
  quickstart: [
    { argv: ['--out', 'out/new', '--seed', '1'], prints: 1, weight: 0.3 },
    { argv: ['--resume', 'run'], prints: 1, weight: 0.5 },
  ],
  sft: [
    {
      argv: [
        'model=model',
        'out=out/new',
        'data.train=data/train.jsonl',
        'demonstrations=from-solutions',
        'iterations=1',
        'batchSize=1',
      ],
      prints: 30,
    },
    {
      argv: [
        'data/train.yaml',
        'out=out/new',
        'data.train=data/train.parquet',
        'demonstrations=from-solutions',
        'iterations=1',
      ],
      prints: 30,
    },
    {
      argv: [
        'model=model',
        'out=out/new',
        'data={train: data/rows.parquet, textOnly: true}',
        'demonstrations=from-solutions',
        'iterations=1',
      ],
      prints: 30,
    },
  ],
  train: [
    { argv: ['data/train.yaml', ...training], prints: 30, weight: 0.5 },
    {
      argv: [
        'data/train.yaml',
        ...training,
        'track={tensorboard: true, wandb: {project: x}}',
        '--metrics-port',
        '0',
      ],
      prints: 30,
      weight: 0.3,
    },
    { argv: ['model=model', 'data.train=data/train.parquet', ...training], prints: 30 },
    { argv: ['--resume', 'run'], prints: 2 },
    { argv: ['data/train.yaml', ...training, certified], prints: 30 },
    { argv: ['data/train.yaml', ...training, '--check', '--prompts', '0'], weight: 0.5 },
  ],
  rollouts: [
    { argv: ['run', '--iteration', '1-', '--sort', 'reward', '--limit', '3'] },
    { argv: ['run', '--use', 'filtered', '--text', 'study', '--json'] },
  ],
  view: [
    { argv: ['run', '--export', 'out/new.html', '--no-images'] },
    { argv: ['--port', '0', '--json'], prints: 1 },
  ],
  generate: [
    {
      argv: [
        '--model',
        'model',
        '--prompt',
        'Which organ?',
        '--image',
        'data/image.png',
        '--max-tokens',
        '2',
        '--template',
        'data/template.jinja',
      ],
      prints: 1000,
      weight: 2,
    },
  ],
  // There is no adapter in the world: what is refused must be refused clearly.
  export: [{ argv: ['out/new', '--merge', 'model'] }],
  logprobs: [
    {
      argv: ['--model', 'model', '--in', 'data/completions.jsonl', '--out', 'out/new.jsonl'],
      weight: 2,
    },
  ],
  'judge certify': [
    {
      argv: [
        'out=out/new.json',
        'embedder=null',
        'probes=data/probes.jsonl',
        'profile=data/profile.yaml',
      ],
      prints: 30,
    },
  ],
  'judge labels': [{ argv: ['run', '--out', 'out/new.jsonl'] }],
  'judge calibrate': [{ argv: ['probes=data/probes.jsonl'], prints: 30 }],
  'eval tasks': [
    {
      argv: [
        'tasks/organs.yaml',
        'tasks/options.yaml',
        'medqa',
        '--images',
        'options=tasks',
        '--cache',
        'cache',
        '--notes',
      ],
    },
  ],
  'eval samples': [
    { argv: ['tasks/options.yaml', '--images', 'tasks'] },
    { argv: ['organs', '--task-folder', 'tasks', '--data', 'tasks/organs.jsonl'] },
  ],
  'eval forecast': [{ argv: evaluation }],
  'eval generate': [{ argv: evaluation }, { argv: ['--resume', 'results'] }],
  'eval judge': [
    { argv: ['--resume', 'results', 'judging.name=again'] },
    { argv: ['data/eval.yaml', 'out=results'] },
  ],
  'eval score': [{ argv: ['--resume', 'results', '--subgroups'], weight: 2 }],
  'eval run': [{ argv: evaluation, weight: 2 }, { argv: ['data/eval.yaml', 'out=out/new'] }],
  'eval compare': [
    { argv: ['results', 'other', '--judging', 'judge', '--out', 'out/new'], weight: 1.5 },
  ],
  'eval contamination': [
    {
      argv: [
        ...[
          '--task',
          'tasks/organs.yaml',
          'tasks/options.yaml',
          '--train',
          'data/train.jsonl',
          'data/train.parquet',
        ],
        ...[
          '--results',
          'results',
          '--out',
          'out/new.json',
          '--draws',
          '10',
          '--images',
          'options=tasks',
        ],
      ],
    },
  ],
  'eval submit': [{ argv: ['results', '--out', 'out/new'], weight: 1.5 }],
  'reward score': [
    { argv: ['data/rows.jsonl', '--out', 'out/new.jsonl', ...reward], weight: 2 },
    {
      argv: [
        'data/rows.jsonl',
        '--out',
        'out/new.jsonl',
        '--config',
        'data/reward.yaml',
        '--batch',
        '2',
      ],
    },
  ],
  replay: [
    { argv: ['run', '--out', 'out/new.jsonl', ...reward], weight: 0.5 },
    { argv: ['run', 'algorithm.advantage=rloo', 'profile.similarity.at=0.5'], weight: 0.5 },
    { argv: ['data/rows.jsonl', '--out', 'out/new.jsonl', ...reward] },
    { argv: ['data/journal.jsonl', '--out', 'out/new.jsonl', ...reward] },
  ],
  'reward explain': [
    { argv: ['run', '1/1/0/phantom/5/train/470/0', ...reward] },
    { argv: ['--row', 'data/rows.jsonl', '--id', '2', ...reward] },
  ],
  'reward serve': [
    { argv: ['port=0', 'reward.profile=data/profile.yaml', 'journal=out/new.jsonl'], prints: 2 },
  ],
  'reward bridge': [{ argv: ['trl', '--out', 'out/new'] }],
  'review create': [
    {
      argv: [
        '--from',
        'results',
        '--from',
        'other',
        '--out',
        'out/new',
        '--images',
        'options=tasks',
        '--cache',
        'cache',
      ],
    },
  ],
  'review serve': [{ argv: ['review', '--port', '0'], prints: 1 }],
  'review score': [{ argv: ['review'] }],
};
