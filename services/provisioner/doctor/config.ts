import { eventStoreVariables, parseEnvironment } from '#config'
import { z } from 'zod'

const schema = z.object({
  ...eventStoreVariables,
  DRIVER: z.enum(['render', 'cluster']).default('render'),
  /** Driver cluster: of somebody who may list namespaces and Secrets. */
  KUBECONFIG: z.string().optional(),
  RELEASES_DIR: z.string().default('.storewright/releases'),
})

export type DoctorConfig = z.output<typeof schema>

/** What the doctor reads of the provisioner's environment. Throws ConfigError. */
export const parseConfig = (env: NodeJS.ProcessEnv): DoctorConfig => parseEnvironment(schema, env)
