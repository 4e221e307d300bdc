import { loadavg } from 'node:os'

/** Prints a table as Markdown: the first column left, the others right. */
export function printTable(head: string[], rows: (string | number)[][]): void {
  const lines = [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
  print(lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n'))
}

/** The machine's load over the last minute, five and fifteen. */
export function loadNow(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
}

/** The value below which that part of all values lies. */
export function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
