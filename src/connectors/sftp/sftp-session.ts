import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import type SftpClient from 'ssh2-sftp-client'
import type { SFTPWrapper } from 'ssh2'
import type { SftpSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'

const readyMsMax = 20_000
/** A server that has been silent for so long, three times in a row, is taken for lost. */
const keepaliveMs = 10_000

export interface SftpSession {
  client: SftpClient
  /** The protocol's own calls, for reading ahead at offsets. */
  wire: SFTPWrapper
  /** The folder that relative paths begin in; empty: the account's own. */
  home: string
}

/** `SHA256:…` as ssh-keygen prints it. */
export const fingerprintOf = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`

export interface SftpPlace {
  host: string
  port: number
  user: string
  password: string
  home: string
}

/** The parts of `sftp://user:password@host:22/folder`, percent-decoded. */
export function readSftpUrl(url: string): SftpPlace {
  if (!URL.canParse(url)) throw badUrl()
  const { hostname, port, username, password, pathname } = new URL(url)
  if (hostname === '' || username === '') throw badUrl()
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 22 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    home: pathname === '/' ? '' : decodeURIComponent(pathname),
  }
}

/**
 * Signs in. Another host key than the one of the settings, or credentials that the server does not take,
 * are `request-invalid` (trying again would not help); everything else is `source-unreachable`.
 */
export async function openSftpSession(settings: SftpSettings): Promise<SftpSession> {
  const { default: Client } = await import('ssh2-sftp-client')
  const { host, port, user, password, home } = readSftpUrl(settings.url)
  const ignored = (): void => undefined
  // What goes wrong between two calls shows at the next one.
  const client: SftpClient = new Client('shuqiao', { error: ignored, end: ignored, close: ignored })
  let shown: string | null = null
  try {
    const wire = await client.connect({
      // Small requests do not wait for the answer to the one before (Nagle).
      sock: connect({ host, port, noDelay: true }),
      username: user,
      ...(password !== '' && { password }),
      ...(settings.privateKey !== undefined && { privateKey: settings.privateKey }),
      ...(settings.passphrase !== undefined && { passphrase: settings.passphrase }),
      readyTimeout: readyMsMax,
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: 3,
      hostVerifier: (key: Buffer) => {
        shown = fingerprintOf(key)
        return shown === settings.hostKey
      },
    })
    return { client, wire, home }
  } catch (error) {
    await client.end().catch(ignored)
    if (shown !== null && shown !== settings.hostKey) throw otherHost(settings.hostKey, shown)
    throw isSignInError(error) ? notSignedIn(error) : sftpUnreachable(error)
  }
}

const isSignInError = (error: unknown): boolean =>
  error instanceof Error &&
  /authentication methods failed|privateKey|passphrase|Cannot parse/i.test(error.message)

const badUrl = (): Refusal =>
  new Refusal(
    'request-invalid',
    'SFTP 地址须形如 sftp://用户:口令@主机:22 / The SFTP URL must look like sftp://user:password@host:22',
  )

const otherHost = (expected: string, shown: string): Refusal =>
  new Refusal(
    'request-invalid',
    `服务器主机密钥不符:设置为 ${expected},服务器出示 ${shown};请向对方核实 / The server’s host key is ${shown}, not ${expected} as set; ask its owner which is right`,
  )

const notSignedIn = (cause: unknown): Refusal =>
  new Refusal(
    'request-invalid',
    'SFTP 登录被拒绝,请核对用户、口令或私钥 / The SFTP server refused the sign-in; check user, password or key',
    { cause },
  )

/** What the server says may name paths, never secrets; but messages of the library hold the address. */
export function sftpUnreachable(cause: unknown): Refusal {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return new Refusal(
    'source-unreachable',
    `SFTP 服务器不可达或连接中断 ${code} / The SFTP server cannot be reached, or the line broke ${code}`,
    { cause },
  )
}
