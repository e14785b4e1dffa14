/** The section `track` of a training config: where else the metrics of a run go. */
import { z } from 'zod';

/** Schema of {@link TrackConfig}. */
export const trackSection = z.strictObject({
  tensorboard: z
    .union([z.boolean(), z.string().min(1)], { error: 'true, false or a folder' })
    .default(false)
    .describe(
      'Write event files for TensorBoard: true into tensorboard/ of the run directory, or the folder to write them into',
    ),
  mlflow: z
    .strictObject({
      url: z.url().describe('Root of an MLflow server, e.g. http://127.0.0.1:5000'),
      experiment: z
        .string()
        .min(1)
        .default('medix')
        .describe('Name of the experiment, made where there is none'),
      apiKeyEnv: z
        .string()
        .min(1)
        .nullable()
        .default(null)
        .describe('Name of the environment variable that holds its token; null sends none'),
    })
    .nullable()
    .default(null)
    .describe('Send metrics to an MLflow server; null does not'),
  wandb: z
    .strictObject({
      project: z.string().min(1).default('medix').describe('Project at Weights & Biases'),
      entity: z
        .string()
        .min(1)
        .nullable()
        .default(null)
        .describe('User or team of the project; null is that of whoever runs `wandb sync`'),
    })
    .nullable()
    .default(null)
    .describe(
      'Write a file into wandb/ of the run directory that `wandb sync` sends to Weights & Biases; null writes none',
    ),
});

export type TrackConfig = z.output<typeof trackSection>;
