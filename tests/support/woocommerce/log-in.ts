import type { WebServer } from './web-server.ts'

/** Logs the administrator in; the header that says so. */
export async function logIn({ ask }: Pick<WebServer, 'ask'>, password: string): Promise<string> {
  const body = new URLSearchParams({ log: 'shop-admin', pwd: password, testcookie: '1' }).toString()
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    cookie: 'wordpress_test_cookie=WP%20Cookie%20check',
  }
  const answer = await ask({ method: 'POST', path: '/wp-login.php', headers, body })
  if (answer.status !== 302) throw new Error(`The login was answered with ${answer.status}`)
  return (answer.headers['set-cookie'] ?? []).map((each) => each.split(';')[0]).join('; ')
}
