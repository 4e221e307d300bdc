import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createServer, request as send } from 'node:http'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'
import { expect, test } from 'vitest'
import { operations } from '#contracts'
import { createLogger } from '#observability'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { buildServer } from '../build-server.ts'

const logger = createLogger({ service: 'test', level: 'silent' })
const executablePath = findChromium()
const isMissing = executablePath === undefined
const note = isMissing ? ' (no chromium on PATH: CHROMIUM=<path> names another)' : ''
const prefix = '/storewright'
// It is opened too.
const oneOperation = 'operations-Stores-createStore'
// A busy machine takes long to start a browser, and to lay out the page.
const patienceMs = 180_000
const patient = { timeout: patienceMs }

test.skipIf(isMissing)(
  `a browser shows every operation at /docs, asks no other host and blocks nothing${note}`,
  patient,
  async () => {
    await using api = await serve()
    await using browser = await openBrowser()

    expect(await browser.read(`${api.url}/docs`)).toEqual(soundPage(api.url))
  },
)

test.skipIf(isMissing)(
  `a browser shows /docs in the same way behind a path that a proxy takes away${note}`,
  patient,
  async () => {
    const port = await freePort()
    const outside = `http://127.0.0.1:${port}`
    await using api = await serve(outside + prefix)
    await using _ = await takePrefixAway(port, api.url)
    await using browser = await openBrowser()

    expect(await browser.read(`${outside}${prefix}/docs`)).toEqual(soundPage(outside))
  },
)

const soundPage = (origin: string) => ({
  shown: new Set(
    Object.values(operations).map(({ tag, operationId }) => `operations-${tag}-${operationId}`),
  ),
  origins: [origin],
  faults: [],
})

async function openBrowser() {
  const browser = await chromium.launch({ executablePath: executablePath ?? '' })
  const page = await browser.newPage()
  page.setDefaultTimeout(patienceMs)
  const origins = new Set<string>()
  const faults: string[] = []
  page.on('console', (line) => {
    if (['error', 'warning'].includes(line.type())) faults.push(`${line.type()}: ${line.text()}`)
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('requestfailed', (request) => faults.push(`failed: ${request.url()}`))
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (protocol !== 'data:') origins.add(origin)
  })
  page.on('response', (answer) => {
    if (answer.status() >= 400) faults.push(`${answer.status()}: ${answer.url()}`)
  })
  await page.exposeFunction('tellOfViolation', (what: string) => faults.push(`blocked: ${what}`))
  await page.addInitScript(
    `document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
      tellOfViolation(effectiveDirective + ' ' + blockedURI))`,
  )
  return {
    read: async (url: string) => {
      await page.goto(url)
      await page.locator('.opblock').first().waitFor()
      const shown = await page.locator('.opblock').evaluateAll((all) => all.map(({ id }) => id))
      await page.locator(`#${oneOperation} .opblock-summary-control`).click()
      await page.locator(`#${oneOperation} .responses-table .response`).first().waitFor()
      return { shown: new Set(shown), origins: [...origins], faults }
    },
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

async function serve(publicUrl?: string) {
  const app = buildServer({ service: 'test', logger, publicUrl })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { url, [Symbol.asyncDispose]: () => app.close() }
}

/** What stands in front of the API in many installations. */
async function takePrefixAway(port: number, target: string) {
  const server = createServer((asked, answer) => {
    const { url = '', method, headers } = asked
    if (!url.startsWith(`${prefix}/`)) {
      answer.writeHead(404).end()
      return
    }
    const inner = send(target + url.slice(prefix.length), { method, headers }, (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers)
      given.pipe(answer)
    })
    asked.pipe(inner)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function findChromium(): string | undefined {
  const { CHROMIUM, PATH = '' } = process.env
  if (CHROMIUM) return CHROMIUM
  const names = ['chromium', 'chromium-browser', 'google-chrome']
  const places = PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)))
  return places.find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
