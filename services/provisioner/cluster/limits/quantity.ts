const factors: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A Kubernetes quantity in cores, bytes or pieces. Throws for a text that is none. */
export function amountOf(quantity: string | number): number {
  const [, digits, suffix = ''] = /^([\d.]+(?:e\d+)?)([A-Za-z]*)$/.exec(String(quantity)) ?? []
  const factor = factors[suffix]
  if (digits === undefined || factor === undefined || Number.isNaN(Number(digits)))
    throw new Error(`${quantity} is not a quantity`)
  return Number(digits) * factor
}
