import { defineConfig } from 'oxlint'

/** The modules each shared module may import, beyond npm packages. Anything else is a lint error. */
const mayImport = {
  async: [],
  domain: [],
  contracts: ['#domain'],
  config: [],
  observability: [],
  eventstore: ['#async', '#domain', '#observability'],
  messaging: ['#domain', '#contracts', '#observability'],
  postgres: ['#domain', '#observability'],
  http: ['#domain', '#contracts', '#observability'],
}
const services = ['command-api', 'query-api', 'provisioner', 'projector', 'relay']

interface Pattern {
  group: string[]
  message: string
}

const byPath: Pattern = {
  group: [...Object.keys(mayImport), ...services].map((name) => `../**/${name}/**`),
  message: 'Import a shared module by its #name; a service never imports another service.',
}
const pure: Pattern = { group: ['*', '!./**', '!../*.ts'], message: 'The domain is pure.' }
const embeddedOnly: Pattern = {
  group: ['**/embedded/**', '#embedded', '#embedded/*', '#test/*'],
  message: 'Only embedded and the tests import embedded.',
}

const forbid = (...patterns: Pattern[]) => ({
  'no-restricted-imports': ['error', { patterns }] satisfies ['error', { patterns: Pattern[] }],
})

const moduleRules = Object.entries(mayImport).map(([name, allowed]) => ({
  files: [`shared/${name}/**`],
  excludeFiles: ['**/*.test.ts'],
  rules: forbid(
    byPath,
    name === 'domain'
      ? pure
      : {
          group: ['#*', ...allowed.map((other) => `!${other}`)],
          message: `#${name} may import ${allowed.join(', ') || 'no other module'}.`,
        },
  ),
}))

const serviceRules = {
  files: ['services/**'],
  excludeFiles: ['**/*.test.ts'],
  rules: forbid(byPath, embeddedOnly),
}

export default defineConfig({
  // Generated.
  ignorePatterns: ['clients/typescript/src/schema.ts', 'clients/typescript/dist'],
  plugins: ['typescript', 'import', 'unicorn', 'promise', 'node', 'vitest'],
  options: { typeAware: true },
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    ...forbid(byPath),
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'no-console': 'error',
    'typescript/consistent-return': 'off',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-unnecessary-type-parameters': 'off',
    'typescript/switch-exhaustiveness-check': 'error',
    'unicorn/consistent-function-scoping': 'off',
  },
  overrides: [
    ...moduleRules,
    serviceRules,
    // The one-command stack, the tests and what is generated put every module and service together.
    {
      files: ['embedded/**', 'tools/**', 'tests/**', 'deploy/**', 'clients/tests/**'],
      rules: { 'no-restricted-imports': 'off' },
    },
  ],
})
