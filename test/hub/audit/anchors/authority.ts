import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A timestamping authority of OpenSSL behind HTTP, with a certificate authority of its own. */
export interface TestAuthority {
  url: string
  caPath: string
  /** Media types of the requests so far. */
  asked: (string | undefined)[]
  /** Changes what is answered. */
  answer: { status: number; bend: (token: Buffer) => Buffer }
  close(): Promise<void>
}

const settings = (folder: string): string => `
[tsa]
default_tsa = authority
[authority]
serial = ${folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[stamping]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
`

export async function startAuthority(): Promise<TestAuthority> {
  const folder = mkdtempSync(join(tmpdir(), 'shuqiao-tsa-'))
  const at = (name: string): string => join(folder, name)
  const openssl = (...parameters: string[]): void => {
    execFileSync('openssl', parameters, { stdio: 'pipe' })
  }
  writeFileSync(at('tsa.cnf'), settings(folder))
  writeFileSync(at('serial'), '01\n')
  const key = (name: string): string[] => ['-newkey', 'rsa:2048', '-nodes', '-keyout', at(name)]
  openssl('req', '-x509', ...key('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=CA')
  openssl('req', '-new', ...key('tsa.key'), '-out', at('tsa.csr'), '-subj', '/CN=TSA')
  const ca = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial']
  const stamping = ['-extfile', at('tsa.cnf'), '-extensions', 'stamping']
  openssl('x509', '-req', '-in', at('tsa.csr'), ...ca, '-out', at('tsa.pem'), ...stamping)

  const stamp = (query: Buffer): Buffer => {
    writeFileSync(at('query.tsq'), query)
    const identity = ['-signer', at('tsa.pem'), '-inkey', at('tsa.key')]
    const files = ['-queryfile', at('query.tsq'), '-out', at('reply.tsr')]
    openssl(
      'ts',
      '-reply',
      '-config',
      at('tsa.cnf'),
      '-section',
      'authority',
      ...files,
      ...identity,
    )
    return readFileSync(at('reply.tsr'))
  }
  const asked: (string | undefined)[] = []
  const answer = { status: 200, bend: (token: Buffer): Buffer => token }
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      asked.push(request.headers['content-type'])
      const token = answer.bend(stamp(Buffer.concat(parts)))
      response
        .writeHead(answer.status, { 'content-type': 'application/timestamp-reply' })
        .end(token)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port }: Pick<AddressInfo, 'port'> = Object(server.address())
  return {
    url: `http://127.0.0.1:${port}/tsa`,
    caPath: at('ca.pem'),
    asked,
    answer,
    close: async () => {
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
