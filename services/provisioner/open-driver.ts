import { resolve } from 'node:path'
import type { Logger } from '#observability'
import type { ProvisionerConfig } from './config.ts'
import { openHelm } from './helm/helm.ts'
import { openWorkFolder } from './helm/work-folder.ts'
import type { Driver } from './reconcile/driver.ts'
import { openRenderDriver } from './render/render-driver.ts'

/** The driver the configuration names, after a look at its helm. Throws HELM_MISSING. */
export async function openDriver(
  config: ProvisionerConfig,
  logger: Logger,
): Promise<Driver & AsyncDisposable> {
  const folder = await openWorkFolder()
  try {
    const helm = openHelm({
      executable: config.HELM_BIN,
      workDir: folder.path,
      limitMs: config.HELM_LIMIT_MS,
      killAfterMs: config.HELM_KILL_AFTER_MS,
      heartbeatTimeoutMs: config.HEARTBEAT_TIMEOUT_MS,
    })
    const version = await helm.checkVersion()
    const releasesDir = resolve(config.RELEASES_DIR)
    logger.info({ helm: version, driver: config.DRIVER, releasesDir }, 'Helm is usable')
    const chartsDir = resolve(config.CHARTS_DIR)
    const driver = await openRenderDriver({ helm, chartsDir, releasesDir })
    return { ...driver, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
  } catch (error) {
    await folder[Symbol.asyncDispose]()
    throw error
  }
}
