const factors: Record<string, number> = { '': 1, m: 0.001, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }

/** A Kubernetes quantity as a number: cores or bytes. */
export function quantity(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text) ?? []
  const factor = factors[unit]
  if (digits === undefined || factor === undefined) throw new Error(`not a quantity: ${text}`)
  return Number(digits) * factor
}
