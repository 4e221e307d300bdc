import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { tempFolder } from '../temp-folder.ts'

/** A certificate authority, another one, and certificates of the first for `localhost` and for another host. */
export async function certificates() {
  const folder = await tempFolder('storewright-certificates-')
  const files = (name: string) => ({
    cert: join(folder.path, `${name}.pem`),
    key: join(folder.path, `${name}.key`),
  })
  const make = async (name: string, host?: string) => {
    const { cert, key } = files(name)
    const authority = files('authority')
    const signed = host === undefined ? [] : ['-CA', authority.cert, '-CAkey', authority.key]
    const extensions = [`subjectAltName=DNS:${host}`, 'basicConstraints=CA:FALSE']
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const written = ['-days', '2', '-subj', `/CN=${name}`, '-keyout', key, '-out', cert]
    await execa('openssl', [
      'req',
      '-x509',
      ...curve,
      ...written,
      ...(host === undefined ? [] : extensions.flatMap((extension) => ['-addext', extension])),
      ...signed,
    ])
    return { cert, key, pem: await readFile(cert, 'utf8'), keyPem: await readFile(key, 'utf8') }
  }
  return {
    authority: await make('authority'),
    stranger: await make('stranger'),
    here: await make('here', 'localhost'),
    elsewhere: await make('elsewhere', 'elsewhere.example'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
