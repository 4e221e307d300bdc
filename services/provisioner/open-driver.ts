import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AppError, engines } from '#domain'
import type { Logger } from '#observability'
import { leaseTimes, type ProvisionerConfig } from './config.ts'
import { type Helm, openHelm } from './helm/helm.ts'
import { openWorkFolder } from './helm/work-folder.ts'
import { secretsOf } from './installation.ts'
import type { Driver } from './reconcile/driver.ts'
import { openRenderDriver } from './drivers/render/driver.ts'

/** Opens the configured driver after it has checked helm. Throws HELM_MISSING, CONFIG_INVALID, and what a driver throws at its start. */
export async function openDriver(
  config: ProvisionerConfig,
  logger: Logger,
): Promise<Driver & AsyncDisposable> {
  const { killAfterMs, heartbeatTimeoutMs } = leaseTimes(config)
  const folder = await openWorkFolder()
  try {
    const helm = openHelm({
      executable: config.HELM_BIN,
      workDir: folder.path,
      limitMs: config.HELM_LIMIT_MS,
      killAfterMs,
      heartbeatTimeoutMs,
    })
    const version = await helm.checkVersion()
    logger.info({ helm: version, driver: config.DRIVER }, 'Helm is usable')
    const driver = await openNamed(config, { helm, workDir: folder.path, logger })
    return { ...driver, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
  } catch (error) {
    await folder[Symbol.asyncDispose]()
    throw error
  }
}

async function openNamed(
  config: ProvisionerConfig,
  { helm, workDir, logger }: { helm: Helm; workDir: string; logger: Logger },
): Promise<Driver> {
  const chartsDir = resolve(config.CHARTS_DIR)
  switch (config.DRIVER) {
    case 'render': {
      const releasesDir = resolve(config.RELEASES_DIR)
      return openRenderDriver({ helm, chartsDir, releasesDir })
    }
    case 'cluster': {
      refuseMissingSecrets(config)
      // Loaded here: the Kubernetes client takes 60 MiB that driver render has no use for.
      const { openClusterDriver } = await import('./drivers/cluster/driver.ts')
      return openClusterDriver({
        helm,
        workDir,
        logger,
        chartsDir,
        plansDir: resolve(config.PLANS_DIR),
        helmLimitMs: config.HELM_LIMIT_MS,
        removalLimitMs: config.REMOVAL_LIMIT_MS,
        routeLimitMs: config.ROUTE_LIMIT_MS,
        secretsDir: config.STORE_SECRETS_DIR,
        kubeconfig: config.KUBECONFIG,
        namespaceRole: config.NAMESPACE_ROLE,
        smokeTest: smokeTestOf(config),
      })
    }
  }
}

/** A Secret that a store would find missing is missing for all of them. */
function refuseMissingSecrets({ STORE_SECRETS_DIR: folder, STORE_VALUES_FILE }: ProvisionerConfig) {
  if (folder === undefined) return
  const named = new Set(engines.flatMap((engine) => secretsOf(STORE_VALUES_FILE, engine)))
  const missing = [...named].filter((name) => !existsSync(join(folder, name)))
  if (missing.length === 0) return
  const message = `STORE_SECRETS_DIR ${folder} lacks Secrets that STORE_VALUES_FILE names: ${missing.join(', ')}`
  throw new AppError('CONFIG_INVALID', message)
}

function smokeTestOf({ SMOKE_TEST, SMOKE_TEST_URL, SMOKE_TEST_LIMIT_MS }: ProvisionerConfig) {
  if (SMOKE_TEST === 'off') return undefined
  return { urlTemplate: SMOKE_TEST_URL, limitMs: SMOKE_TEST_LIMIT_MS }
}
