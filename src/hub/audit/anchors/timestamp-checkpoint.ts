import { hash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openssl } from './openssl.ts'

/** A timestamping authority (RFC 3161) that is reached by HTTP (section 3.4). */
export interface TimestampAuthority {
  url: string
  /** PEM file with the certificates that it is trusted by, up to the root. */
  caPath: string
}

const answerMsMax = 30_000
const tokenBytesMax = 65_536

/**
 * Has the note stamped: answers the authority's TimeStampResp (DER), verified against the request with its
 * nonce and the authority's certificates. Requests and checks are OpenSSL's; nothing of ASN.1 is done here.
 * Whoever holds both files checks them again with
 *   openssl ts -verify -data checkpoint.txt -in checkpoint.tsr -CAfile ca.pem
 */
export async function timestampCheckpoint(
  authority: TimestampAuthority,
  note: string,
): Promise<Buffer> {
  const digest = hash('sha256', note)
  // The certificate comes with the token (-cert), so that it can still be verified in years.
  const query = await openssl('ts', '-query', '-digest', digest, '-sha256', '-cert')
  const token = await ask(authority.url, query)
  await verifyToken(authority, query, token)
  return token
}

async function ask(url: string, query: Buffer): Promise<Buffer> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/timestamp-query' },
    body: new Uint8Array(query),
    signal: AbortSignal.timeout(answerMsMax),
  })
  const token = Buffer.from(await answer.arrayBuffer())
  if (!answer.ok) throw new Error(`the timestamping authority answered ${answer.status}`)
  if (token.length > tokenBytesMax) {
    throw new Error(`the timestamping authority answered ${token.length} bytes`)
  }
  return token
}

async function verifyToken(
  { caPath }: TimestampAuthority,
  query: Buffer,
  token: Buffer,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'shuqiao-timestamp-'))
  try {
    const [queryPath, tokenPath] = [join(folder, 'query.tsq'), join(folder, 'token.tsr')]
    await Promise.all([writeFile(queryPath, query), writeFile(tokenPath, token)])
    await openssl('ts', '-verify', '-queryfile', queryPath, '-in', tokenPath, '-CAfile', caPath)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
