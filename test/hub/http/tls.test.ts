import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/hub/config.ts'
import { buildTestHub } from '../../support/hub.ts'

/** A certificate of one's own, or null where no openssl is installed. */
function makeCertificate(folder: string): Record<string, string> | null {
  const [key, certificate] = [join(folder, 'hub.key'), join(folder, 'hub.crt')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const files = ['-subj', '/CN=localhost', '-keyout', key, '-out', certificate]
  const made = spawnSync('openssl', ['req', '-x509', ...kind, ...files])
  return made.status === 0 ? { SHUQIAO_TLS_CERT: certificate, SHUQIAO_TLS_KEY: key } : null
}

interface Heard {
  status: number | undefined
  transportSecurity: string | string[] | undefined
}

const ask = (port: number, ca: string) =>
  new Promise<Heard>((resolve, reject) => {
    const sent = request(
      { host: 'localhost', port, path: '/livez', ca, agent: false },
      (answer) => {
        answer.resume()
        const { statusCode: status, headers } = answer
        resolve({ status, transportSecurity: headers['strict-transport-security'] })
      },
    )
    sent.on('error', reject).end()
  })

test('with a certificate the hub speaks TLS and nothing else, and tells browsers to stay with it', async ({
  skip,
}) => {
  const folder = mkdtempSync(join(tmpdir(), 'shuqiao-https-'))
  const settings = makeCertificate(folder)
  if (!settings) skip('openssl is not installed')
  const { tls } = loadConfig(settings ?? {}).http
  if (!tls) throw new Error('The settings name a certificate')
  const hub = await buildTestHub({ http: { tls } })
  try {
    const address = await hub.app.listen({ port: 0, host: 'localhost' })
    const port = Number(new URL(address).port)
    const heard = await ask(port, tls.certificate)
    expect(heard.status).toBe(200)
    expect(heard.transportSecurity).toMatch(/max-age=\d{7,}/)
    await expect(fetch(`http://localhost:${port}/livez`)).rejects.toThrow()
  } finally {
    await hub.close()
    rmSync(folder, { recursive: true })
  }
})
