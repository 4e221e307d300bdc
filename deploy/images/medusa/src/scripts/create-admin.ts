import { readFileSync } from 'node:fs'
import type { ExecArgs, IAuthModuleService } from '@medusajs/framework/types'
import { Modules } from '@medusajs/framework/utils'
import { createUserAccountWorkflow } from '@medusajs/medusa/core-flows'
import { reportDone } from '../report-done'

const PASSWORD_LENGTH_MIN = 12
const PROVIDER = 'emailpass'

/** Makes the store's administrator; a second call finds one and changes nothing. */
export default async function createAdmin({ container }: ExecArgs): Promise<void> {
  const email = secret('ADMIN_EMAIL_FILE')
  const users = container.resolve(Modules.USER)
  const auth = container.resolve(Modules.AUTH)

  const identity = (await identityOf(auth, email)) ?? (await register(auth, email))
  const [user] = await users.listUsers({ email })
  if (user === undefined) {
    const input = { authIdentityId: identity.id, userData: { email } }
    await createUserAccountWorkflow(container).run({ input })
  } else if (identity.app_metadata?.user_id !== user.id) {
    // A run that ended between the two left a user who cannot log in.
    await auth.updateAuthIdentities({ id: identity.id, app_metadata: { user_id: user.id } })
  }
  reportDone()
}

async function identityOf(auth: IAuthModuleService, email: string) {
  const filter = { provider_identities: { entity_id: email, provider: PROVIDER } }
  const [identity] = await auth.listAuthIdentities(filter)
  return identity
}

async function register(auth: IAuthModuleService, email: string) {
  const password = secret('ADMIN_PASSWORD_FILE')
  if (password.length < PASSWORD_LENGTH_MIN)
    throw new Error('the administrator password is too short')
  const body = { email, password }
  const request = { url: '', headers: {}, query: {}, protocol: 'https', body }
  const { error, authIdentity } = await auth.register(PROVIDER, request)
  if (authIdentity === undefined) throw new Error(error ?? 'no identity was made')
  return authIdentity
}

/** From a mounted file: an argument or variable would show it to every process of the pod. */
function secret(variable: string): string {
  const value = readFileSync(process.env[variable] ?? '', 'utf8').trim()
  if (value === '') throw new Error(`the file named by ${variable} is empty`)
  return value
}
