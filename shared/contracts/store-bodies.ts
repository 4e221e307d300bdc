import { countries, currenciesOf, type Engine, labelsMax, plans } from '#domain'
import { z } from 'zod'

/** The display name of a store: data only, and nothing that a shell, a template or YAML could interpret. */
export const storeName = z
  .string()
  .normalize('NFC')
  .trim()
  .max(50, 'must have at most 50 characters')
  .regex(
    /^[\p{L}\p{M}\p{N} .,'&()_-]*$/u,
    "may contain only letters, digits, spaces and . , ' & ( ) - _",
  )
  .regex(/[\p{L}\p{N}]/u, 'must contain a letter or a digit')
  .describe("1–50 letters, digits, spaces and . , ' & ( ) - _")

// \P{Cc} written out: not every reader of the contract has Unicode's properties in its patterns.
export const withoutControls = new RegExp(String.raw`^[^\u0000-\u001f\u007f-\u009f]*$`)

/** What other systems know a store by, such as an order number: text in one Unicode form. */
export const storeReference = z
  .string()
  .normalize('NFC')
  .trim()
  .min(1)
  .max(100, 'must have at most 100 characters')
  .regex(withoutControls, 'must not contain control characters')
  .describe("The tenant's own name for the store, such as an order number; of one store only")

const name63 = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?'
const dnsName = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)*'

/** Keys and values have the form that Kubernetes asks of labels. */
export const labelKey = z
  .string()
  .max(317)
  .regex(
    new RegExp(`^(?:${dnsName}/)?${name63}$`),
    'is no key of a label: 1–63 letters, digits, "-", "_" and ".", with a letter or digit at both ends, behind a DNS name and "/" if wanted',
  )
export const labelValue = z
  .string()
  .regex(
    new RegExp(`^(?:${name63})?$`),
    'must be empty, or 1–63 letters, digits, "-", "_" and ".", with a letter or digit at both ends',
  )
const labels = z
  .record(labelKey, labelValue)
  .refine((all) => Object.keys(all).length <= labelsMax, `must be at most ${labelsMax} labels`)
  .meta({ maxProperties: labelsMax })
  .describe('What the owner tells stores apart by, such as {"team":"shop"}')

const notATimeZone = 'must be a time zone by its IANA name, such as Europe/Vienna'

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

const oneOf = (codes: readonly string[], what: string) =>
  z.enum(codes, `must be ${what}, in capitals`)

const currencyOf = (engine: Engine) =>
  oneOf(currenciesOf[engine], `a currency by ISO 4217 that ${engine} knows, such as EUR`)
    .optional()
    .describe('ISO 4217')
const country = oneOf(countries, 'a country by ISO 3166-1, such as DE')
  .meta({ id: 'Country' })
  .optional()
  .describe('Where the shop is and sells first: ISO 3166-1 alpha-2')
const parametersAre = 'What a new shop is set up with; afterwards it belongs to its owner'

const ofWooCommerce = z
  .strictObject({
    country,
    currency: currencyOf('woocommerce'),
    timeZone: z
      .string()
      .max(64)
      .regex(/^(?:UTC|[A-Z][A-Za-z0-9_+-]*(?:\/[A-Z][A-Za-z0-9_+-]*){1,2})$/, notATimeZone)
      .refine(isTimeZone, notATimeZone)
      .optional()
      .describe('IANA name, such as Europe/Vienna'),
    locale: z
      .string()
      .regex(
        /^[a-z]{2,3}(?:_[A-Z]{2})?(?:_(?:formal|informal))?$/,
        'must be a locale as WordPress writes it, such as de_DE',
      )
      .optional()
      .describe(
        "Of the shop's pages, as WordPress writes it; the installation says which there are",
      ),
  })
  .describe(parametersAre)
const ofMedusa = z
  .strictObject({ country, currency: currencyOf('medusa') })
  .refine((given) => given.country === undefined || given.currency !== undefined, {
    path: ['currency'],
    message: 'is needed with a country: medusa knows no currency of a country',
  })
  .meta({ dependentRequired: { country: ['currency'] } })
  .describe(parametersAre)

const bodyNeeded =
  (example: string) =>
  ({ input }: { input?: unknown }): string | undefined =>
    input === undefined || input === null ? `a JSON body is needed, such as ${example}` : undefined

const ofEveryEngine = {
  name: storeName,
  plan: z.enum(plans).default('small'),
  labels: labels.optional(),
  reference: storeReference.optional(),
}

/** The body of POST /api/stores. */
export const requestStoreBody = z.discriminatedUnion(
  'engine',
  [
    z.strictObject({
      ...ofEveryEngine,
      engine: z.literal('woocommerce'),
      parameters: ofWooCommerce.optional(),
    }),
    z.strictObject({
      ...ofEveryEngine,
      engine: z.literal('medusa'),
      parameters: ofMedusa.optional(),
    }),
  ],
  { error: bodyNeeded('{"name":"Test Store","engine":"woocommerce"}') },
)
export type RequestStoreBody = z.output<typeof requestStoreBody>

/** The body of POST /api/stores/:id/upgrade: without a plan the store keeps its own and moves to the current chart and images. */
export const upgradeStoreBody = z.strictObject(
  { plan: z.enum(plans).optional() },
  { error: bodyNeeded('{"plan":"large"}, or {} for the current chart with the plan it has') },
)
export type UpgradeStoreBody = z.output<typeof upgradeStoreBody>

/** The body of PATCH /api/stores/:id, a JSON Merge Patch (RFC 7396): what is absent stays, null takes away. */
export const changeStoreBody = z.strictObject(
  {
    name: storeName.optional(),
    labels: z.record(labelKey, labelValue.nullable()).nullable().optional(),
    reference: storeReference.nullable().optional(),
  },
  { error: bodyNeeded('{"labels":{"team":"shop"},"reference":null}') },
)
