import type { ReadOnlyClient } from '../../../services/provisioner/diagnosis/reader.ts'

const core = '/api/v1/namespaces/s-x'
const apps = '/apis/apps/v1/namespaces/s-x'
const b64 = (text: string) => Buffer.from(text).toString('base64')

/** A namespace whose engine crashes for want of its database, written by hand in the shape of its answers. */
export const recorded: Record<string, unknown> = {
  [`${core}/secrets`]: {
    items: [
      { metadata: { name: 'store-secret' }, data: { 'database-password': b64('wc0rKs8aBcD1') } },
    ],
  },
  [`${core}/pods`]: {
    items: [
      {
        metadata: {
          name: 's-x-server-1',
          uid: 'u1',
          creationTimestamp: '2026-01-01T00:00:00Z',
          ownerReferences: [
            {
              apiVersion: 'apps/v1',
              kind: 'ReplicaSet',
              name: 's-x-server',
              uid: 'r1',
              controller: true,
            },
          ],
        },
        status: {
          phase: 'Running',
          conditions: [
            { type: 'PodScheduled', status: 'True' },
            { type: 'Ready', status: 'False', reason: 'ContainersNotReady' },
          ],
          initContainerStatuses: [
            {
              name: 'set-up',
              image: 'm:1',
              restartCount: 0,
              state: { terminated: { exitCode: 0, reason: 'Completed' } },
              lastState: {},
            },
          ],
          containerStatuses: [
            {
              name: 'medusa',
              image: 'm:1',
              restartCount: 4,
              state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off wc0rKs8aBcD1' } },
              lastState: {
                terminated: { exitCode: 1, reason: 'Error', message: 'key wc0rKs8aBcD1' },
              },
            },
          ],
        },
      },
      {
        metadata: {
          name: 's-x-database-0',
          uid: 'u2',
          ownerReferences: [{ kind: 'StatefulSet', name: 's-x-database' }],
        },
        status: {
          phase: 'Pending',
          conditions: [
            { type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' },
          ],
        },
      },
      {
        metadata: { name: 'old', uid: 'u3', deletionTimestamp: '2026-01-01T00:00:00Z' },
        status: { phase: 'Running' },
      },
    ],
  },
  [`${apps}/deployments`]: {
    items: [
      {
        metadata: { name: 's-x-server', uid: 'd1' },
        spec: { replicas: 1 },
        status: {
          replicas: 1,
          conditions: [
            { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: wc0rKs8aBcD1' },
          ],
        },
      },
    ],
  },
  [`${apps}/statefulsets`]: {
    items: [
      {
        metadata: { name: 's-x-database', uid: 't1' },
        spec: { replicas: 1 },
        status: { replicas: 0 },
      },
      {
        metadata: { name: 's-x-cache', uid: 't2' },
        spec: {},
        status: { replicas: 1, readyReplicas: 1 },
      },
    ],
  },
  [`${apps}/replicasets`]: {
    items: [
      {
        metadata: { name: 's-x-server', uid: 'r1' },
        spec: { replicas: 1 },
        status: { replicas: 1 },
      },
      {
        metadata: { name: 's-x-server-old', uid: 'r0' },
        spec: { replicas: 0 },
        status: { replicas: 0 },
      },
    ],
  },
  [`${core}/persistentvolumeclaims`]: {
    items: [
      {
        metadata: { name: 's-x-database', uid: 'c1', creationTimestamp: '2026-01-01T00:00:00Z' },
        status: { phase: 'Bound' },
      },
    ],
  },
  '/apis/batch/v1/namespaces/s-x/jobs': {
    items: [
      {
        metadata: { name: 'cron-1', ownerReferences: [{ kind: 'CronJob', name: 'cron' }] },
        status: {
          conditions: [
            { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'no' },
          ],
        },
      },
      { metadata: { name: 'migrate' }, status: {} },
    ],
  },
  [`${core}/resourcequotas`]: {
    items: [
      {
        metadata: { name: 'plan' },
        status: {
          hard: { pods: '10', 'services.nodeports': '0', 'requests.cpu': '2' },
          used: { pods: '10', 'services.nodeports': '0', 'requests.cpu': '1' },
        },
      },
    ],
  },
  [`${core}/events`]: {
    items: [
      warning('t1', 'FailedCreate', 'an older word', { lastTimestamp: '2026-01-01T00:00:01Z' }),
      warning('t1', 'FailedCreate', 'exceeded quota: plan wc0rKs8aBcD1', {
        lastTimestamp: '2026-01-01T00:00:09Z',
      }),
      warning('t2', 'FailedCreate', 'of yesterday', {
        lastTimestamp: null,
        eventTime: '2026-01-01T00:00:05Z',
      }),
      warning('u1', 'BackOff', 'of a series', {
        series: { lastObservedTime: '2026-01-01T00:00:20Z' },
      }),
    ],
  },
  [`${core}/pods/s-x-server-1/log`]: 'connecting as wc0rKs8aBcD1\n\ncannot connect\n',
}

function warning(uid: string, reason: string, message: string, times: object) {
  const involvedObject = { kind: 'StatefulSet', name: 's-x-database', uid }
  return {
    metadata: { name: `${uid}.${reason}` },
    involvedObject,
    type: 'Warning',
    reason,
    message,
    ...times,
  }
}

/** A client that answers what was recorded, and remembers what it was asked. */
export function recordedClient(answers: Record<string, unknown> = recorded) {
  const asked: string[] = []
  const client: ReadOnlyClient = {
    get: (path) => {
      asked.push(path)
      const answer = answers[path.split('?')[0] ?? '']
      if (answer instanceof Error) return Promise.reject(answer)
      if (answer === undefined) return Promise.reject(new Error('answered with 404'))
      return Promise.resolve(answer)
    },
  }
  return { client, asked }
}
