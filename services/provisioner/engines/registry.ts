import type { Engine } from '#domain'
import type { EngineSupport } from './engine-support.ts'
import { medusa } from './medusa.ts'
import { woocommerce } from './woocommerce.ts'

/** What the provisioner knows about each engine. The compiler finds a missing one. */
export const engineRegistry: Record<Engine, EngineSupport> = { medusa, woocommerce }
