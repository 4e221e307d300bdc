const REDACTED = '[redacted]'

/** Shorter values are ordinary words, and no secrets. */
const SECRET_CHARACTERS_MIN = 4

/** A log breaks a secret of several lines. */
const LINE_CHARACTERS_MIN = 12

/** The text without any of the secrets, in clear or encoded, and without what looks like one. */
export function redact(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret.length >= SECRET_CHARACTERS_MIN)
  const forms = [...new Set(known.flatMap(formsOf))].toSorted((a, b) => b.length - a.length)
  const clear = forms.reduce((shown, form) => shown.replaceAll(form, REDACTED), text)
  return patterns.reduce((shown, [pattern, by]) => shown.replaceAll(pattern, by), clear)
}

/** As it is, and as Kubernetes' data, URLs and JSON encode it. */
function formsOf(secret: string): string[] {
  const base64 = Buffer.from(secret).toString('base64')
  const url = encodeURIComponent(secret.toWellFormed())
  const json = JSON.stringify(secret).slice(1, -1)
  const lines = secret.split('\n').filter((line) => line.length >= LINE_CHARACTERS_MIN)
  return [secret, base64, base64.replace(/=+$/, ''), url, json, ...lines]
}

const name =
  '[\\w.-]{0,60}(?:passw(?:or)?d|passphrase|secret|token|api[-_]?key|credential|private[-_]?key)[\\w.-]{0,60}'

/** What looks like a secret in any text, the most specific form first. Bounded: a log may be anything. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [^-]*PRIVATE KEY-----[\s\S]*?(?:-----END [^-]*-----|$)/g, REDACTED],
  [/\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, REDACTED],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  [/(\b[a-z][a-z\d+.-]{0,20}:\/\/)[^\s/@"']{0,200}:[^\s/@"']{0,200}@/gi, `$1${REDACTED}@`],
  // `password=x`, `"password": "x"`; a quota's `secrets=1` is none.
  [
    new RegExp(
      `(\\b${name}["']?\\s*[:=]\\s*)(?!\\d{1,5}(?![\\w.]))(?:"[^"]*"|'[^']*'|[^\\s,;"'&]+)`,
      'gi',
    ),
    `$1${REDACTED}`,
  ],
  [/\b(?:sk|pk|rk|ghp|gho|ghs|xox[abp]|AKIA)[-_]?[A-Za-z\d]{16,}\b/g, REDACTED],
  // Long random text; a digest of an image is none.
  [/(?<!sha256:)(?<![\w/+-])(?=[\w+]*\d)(?=[\w+]*[A-Za-z])[\w+]{40,}={0,2}/g, REDACTED],
]

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
