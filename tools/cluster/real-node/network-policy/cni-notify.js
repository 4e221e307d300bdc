import { request } from 'node:http'
import { text } from 'node:stream/consumers'

// A network plugin, run last for each pod: tells the enforcer which address the pod has, and holds the pod back
// until the enforcer's rules for it are in force. Plain JavaScript, because it starts in 40 ms.

const TIMEOUT_MS = 20_000
const { CNI_COMMAND: command, CNI_CONTAINERID: container, CNI_ARGS: args = '' } = process.env

try {
  const config = JSON.parse(await text(process.stdin))
  const { prevResult: result } = config
  if (command === 'VERSION') print({ cniVersion: '0.4.0', supportedVersions: ['0.3.1', '0.4.0'] })
  if (command === 'ADD') {
    const known = Object.fromEntries(args.split(';').map((each) => each.split('=')))
    await tell(config.socket, {
      container,
      namespace: known.K8S_POD_NAMESPACE,
      name: known.K8S_POD_NAME,
      uid: known.K8S_POD_UID,
      ip: result.ips[0].address.split('/')[0],
    })
    print(result)
  }
  if (command === 'DEL') await tell(config.socket, { container })
} catch (error) {
  print({ cniVersion: '0.4.0', code: 100, msg: error.message })
  process.exitCode = 1
}

/**
 * @param {string} socketPath
 * @param {object} notification
 */
async function tell(socketPath, notification) {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const answer = await new Promise((resolve, reject) => {
    const sent = request({ socketPath, method: 'POST', path: '/', signal, agent: false }, resolve)
    sent.once('error', reject)
    sent.end(JSON.stringify(notification))
  })
  if (answer.statusCode !== 204) throw new Error(await text(answer))
}

/** @param {object} result */
function print(result) {
  process.stdout.write(JSON.stringify(result))
}
