/**
 * Foreign text on one line that any terminal, log and event can take, of at most `charactersMax` and a
 * mark; of a longer one the end is kept, where programs tell the cause, or its start.
 */
export function printable(
  text: string,
  charactersMax: number,
  keep: 'start' | 'end' = 'end',
): string {
  const line = text
    .replaceAll(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .toWellFormed()
    .trim()
  if (line.length <= charactersMax) return line
  const part =
    keep === 'end' ? `…${line.slice(-charactersMax)}` : `${line.slice(0, charactersMax)}…`
  // The cut may have halved a character.
  return part.toWellFormed()
}
