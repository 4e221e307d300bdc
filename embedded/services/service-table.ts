/** Every service, in the order they start; they end in the opposite order. */
export const serviceNames = [
  'projector',
  'relay',
  'provisioner',
  'query-api',
  'command-api',
] as const

export type ServiceName = (typeof serviceNames)[number]

interface RunningService {
  url?: string
  close: () => Promise<void>
}

type Start = (env: NodeJS.ProcessEnv) => Promise<RunningService>

/** Starts a service inside this process, with the configuration it takes from `env`. */
export const startInProcess: Record<ServiceName, Start> = {
  projector: async (env) => {
    const { start } = await import('../../services/projector/start.ts')
    const { parseConfig } = await import('../../services/projector/config.ts')
    return start(parseConfig(env))
  },
  relay: async (env) => {
    const { start } = await import('../../services/relay/start.ts')
    const { parseConfig } = await import('../../services/relay/config.ts')
    return start(parseConfig(env))
  },
  provisioner: async (env) => {
    const { start } = await import('../../services/provisioner/start.ts')
    const { parseConfig } = await import('../../services/provisioner/config.ts')
    return start(parseConfig(env))
  },
  'query-api': async (env) => {
    const { start } = await import('../../services/query-api/start.ts')
    const { parseConfig } = await import('../../services/query-api/config.ts')
    return start(parseConfig(env))
  },
  'command-api': async (env) => {
    const { start } = await import('../../services/command-api/start.ts')
    const { parseConfig } = await import('../../services/command-api/config.ts')
    return start(parseConfig(env))
  },
}
