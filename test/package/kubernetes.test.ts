/** The manifests of assets/kubernetes: fields by the API's names, and what they name of each other and of MediX. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { readConfig } from '../../src/config/read-config.ts';
import { rewardServiceSchema } from '../../src/config/reward-service-config.ts';

const folder = fileURLToPath(new URL('../../assets/kubernetes/', import.meta.url));

/** Objects are strict: the API server drops a field that it does not know, or refuses it. */
const name = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const metadata = z.strictObject({ name });
const port = z.int().min(1).max(65_535);
const quantity = z.union([
  z.int().positive(),
  z.string().regex(/^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/),
]);
const resources = z.strictObject({
  limits: z.record(z.string(), quantity).optional(),
  requests: z.record(z.string(), quantity).optional(),
});
const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string().startsWith('/'), port }),
  periodSeconds: z.int().positive().optional(),
  failureThreshold: z.int().positive().optional(),
});
const container = z.strictObject({
  name,
  image: z.string().regex(/^[\w./-]+:[\w.-]+$/),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  env: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Z_]+$/),
        valueFrom: z.strictObject({
          secretKeyRef: z.strictObject({ name, key: z.string() }),
        }),
      }),
    )
    .optional(),
  ports: z.array(z.strictObject({ containerPort: port, name: name.optional() })).optional(),
  startupProbe: probe.optional(),
  readinessProbe: probe.optional(),
  resources: resources.optional(),
  volumeMounts: z.array(z.strictObject({ name, mountPath: z.string().startsWith('/') })).optional(),
});
const pod = z.strictObject({
  containers: z.array(container).length(1),
  volumes: z
    .array(
      z.strictObject({
        name,
        emptyDir: z.strictObject({ medium: z.literal('Memory').optional() }).optional(),
        persistentVolumeClaim: z.strictObject({ claimName: name }).optional(),
      }),
    )
    .optional(),
});
const labels = z.strictObject({ app: name });
/** KubeRay, ray.io/v1: all values are text. */
const rayStartParams = z.record(z.string(), z.string());
const rayTemplate = z.strictObject({ spec: pod });

const manifest = z.discriminatedUnion('kind', [
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('Deployment'),
    metadata,
    spec: z.strictObject({
      replicas: z.int().positive(),
      selector: z.strictObject({ matchLabels: labels }),
      template: z.strictObject({ metadata: z.strictObject({ labels }), spec: pod }),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('Service'),
    metadata,
    spec: z.strictObject({ selector: labels, ports: z.array(z.strictObject({ port })).length(1) }),
  }),
  z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('PersistentVolumeClaim'),
    metadata,
    spec: z.strictObject({
      accessModes: z.array(z.enum(['ReadWriteOnce', 'ReadWriteMany'])).nonempty(),
      resources,
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('ray.io/v1'),
    kind: z.literal('RayJob'),
    metadata,
    spec: z.strictObject({
      entrypoint: z.string(),
      shutdownAfterJobFinishes: z.boolean(),
      ttlSecondsAfterFinished: z.int().min(0),
      rayClusterSpec: z.strictObject({
        rayVersion: z.string().regex(/^\d+\.\d+\.\d+$/),
        headGroupSpec: z.strictObject({ rayStartParams, template: rayTemplate }),
        workerGroupSpecs: z.array(
          z.strictObject({
            groupName: name,
            replicas: z.int().positive(),
            minReplicas: z.int().positive(),
            maxReplicas: z.int().positive(),
            rayStartParams,
            template: rayTemplate,
          }),
        ),
      }),
    }),
  }),
]);

const files = readdirSync(folder).toSorted();
const texts = files.map((file) => ({ file, text: readFileSync(`${folder}${file}`, 'utf8') }));
const manifests = texts.flatMap(({ file, text }) =>
  parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return { file, value: manifest.parse(document.toJS()) };
  }),
);
const ofKind = <K extends z.output<typeof manifest>['kind']>(kind: K) =>
  manifests.flatMap(({ value }) =>
    value.kind === kind ? [value as Extract<z.output<typeof manifest>, { kind: K }>] : [],
  );
const deployments = ofKind('Deployment');
const services = ofKind('Service');
const jobs = ofKind('RayJob');
const pods = [
  ...deployments.map(({ spec }) => spec.template.spec),
  ...jobs.flatMap(({ spec: { rayClusterSpec: cluster } }) => [
    cluster.headGroupSpec.template.spec,
    ...cluster.workerGroupSpecs.map(({ template }) => template.spec),
  ]),
];

describe('the manifests', () => {
  it('name each object once', () => {
    const names = manifests.map(({ value }) => `${value.kind} ${value.metadata.name}`);
    expect(names.length).toBe(new Set(names).size);
  });

  it('give each deployment the labels that it selects', () => {
    for (const { spec } of deployments) {
      expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
    }
  });

  it('lead each service to a port that its pods have', () => {
    for (const { spec } of services) {
      const found = deployments.find(
        (it) => it.spec.selector.matchLabels.app === spec.selector.app,
      );
      const ports = found?.spec.template.spec.containers[0]?.ports?.map((it) => it.containerPort);
      expect(ports).toContain(spec.ports[0]?.port);
    }
  });

  it('ask for no address in the cluster that no service has', () => {
    const known = services.map(({ metadata, spec }) => `${metadata.name}:${spec.ports[0]?.port}`);
    const asked = texts.flatMap(({ text }) =>
      [...text.matchAll(/(?:https?|redis):\/\/(medix-[a-z-]+:\d+)/g)].map(([, at]) => at),
    );
    expect(asked.length).toBeGreaterThan(3);
    for (const address of asked) expect(known).toContain(address);
  });

  it('mount volumes that their pods have, and claims that exist', () => {
    const claims = ofKind('PersistentVolumeClaim').map(({ metadata }) => metadata.name);
    for (const { containers, volumes = [] } of pods) {
      const names = volumes.map((it) => it.name);
      expect(containers[0]?.volumeMounts?.map((it) => it.name) ?? []).toEqual(names);
      for (const { persistentVolumeClaim } of volumes) {
        if (persistentVolumeClaim) expect(claims).toContain(persistentVolumeClaim.claimName);
      }
    }
  });

  it('give the reward service a config that it takes', async () => {
    const reward = deployments.find(({ metadata }) => metadata.name === 'medix-reward');
    const { command = [], args = [] } = reward?.spec.template.spec.containers[0] ?? {};
    expect(command.slice(0, 4)).toEqual(['npx', 'medix-r1', 'reward', 'serve']);
    const overrides = [...command.slice(4), ...args];
    const config = await readConfig(rewardServiceSchema, { overrides });
    expect(config).toMatchObject({ host: '0.0.0.0', port: 8090 });
  });

  it('train on as many cards as the bundle is written for', () => {
    const [job] = jobs;
    const [group] = job?.spec.rayClusterSpec.workerGroupSpecs ?? [];
    const limits = group?.template.spec.containers[0]?.resources?.limits;
    const said = /--nodes (\d+) --gpus (\d+)/.exec(
      texts.find(({ file }) => file === 'train.yaml')?.text.replaceAll('\n# ', ' ') ?? '',
    );
    expect([group?.replicas, limits?.['nvidia.com/gpu']]).toEqual(said?.slice(1).map(Number));
    expect(job?.spec.entrypoint).toBe(
      'python /shared/medix/bundle/medix_job.py /shared/medix/bundle/job.json',
    );
  });
});
