import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { sources, steps } from './medusa-app.ts'
import { medusaConfig, nodePackage, postgres } from './recipes.ts'

const deploy = new URL('../../../deploy/', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, deploy), 'utf8')
const values = z.object({ images: z.object({ database: z.string() }) })

test('the Medusa application made here is made by the steps of the Dockerfile, from the same files', () => {
  const dockerfile = read('images/medusa/Dockerfile')
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)]
  expect(sources.toSorted()).toEqual(
    [...new Set(copied.flatMap(([, names]) => names?.split(' ') ?? []))].toSorted(),
  )
  const [, beforeLast = ''] = /^(.*)^FROM base$/ms.exec(dockerfile) ?? []
  const run = [...beforeLast.matchAll(/^RUN (?:--mount=\S+ )?(.*)$/gm)].map(([, text = '']) =>
    // Left out of the layers here instead.
    text.replace(' --omit=dev', ''),
  )
  const performed = steps.map(({ run: command, env = {} }) =>
    [...Object.entries(env).map(([name, value]) => `${name}=${value}`), command].join(' '),
  )
  expect(performed.toSorted()).toEqual([...new Set(run)].toSorted())
})

test('the Medusa image made here says to the container runtime what the one of the Dockerfile says', () => {
  const dockerfile = read('images/medusa/Dockerfile')
  const said = (instruction: string) =>
    [...dockerfile.matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].map(([, text]) => text)
  const environment = said('ENV').flatMap((text) => text?.split(' ') ?? [])
  expect(medusaConfig.Env.slice(1)).toEqual(environment)
  expect([medusaConfig.User]).toEqual(said('USER'))
  expect([medusaConfig.WorkingDir]).toEqual(said('WORKDIR'))
  expect([JSON.stringify(medusaConfig.Cmd)]).toEqual(
    said('CMD').map((text) => JSON.stringify(JSON.parse(text ?? ''))),
  )
  expect(said('FROM')[0]).toContain(`node:${nodePackage.name.split('@')[1]}-`)
})

test('the PostgreSQL made here is of the major version the chart names', () => {
  const { images } = values.parse(load(read('charts/medusa/values.yaml')))
  const [, major] = /postgres:(\d+)/.exec(images.database) ?? []
  expect(postgres.packages).toEqual([`postgresql-${major}`])
  expect(postgres.config.Env[0]).toContain(`/usr/lib/postgresql/${major}/bin:`)
})
