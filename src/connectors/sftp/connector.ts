import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import type { SftpSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Connector, ConnectorContext, ProbeStage } from '../contract.ts'
import { folderSource } from '../file/folder-source.ts'
import { probeFiles, probeStage } from '../file/probe-folder.ts'
import { remoteStore } from './remote-store.ts'
import { openSftpSession, readSftpUrl, sftpUnreachable } from './sftp-session.ts'

const connectMsMax = 10_000

/** Files of an SFTP server: single ones and drop folders. */
export const sftp: Connector<SftpSettings> = {
  kind: 'sftp',
  title: 'SFTP',
  titleEn: 'SFTP',
  isTried: true,
  secrets: ['url', 'privateKey', 'passphrase'],
  origin({ url }) {
    const { host, port } = readSftpUrl(url)
    return `sftp://${host}:${port}`
  },
  probe: probeRemote,
  openSource: (settings, context) =>
    folderSource(remoteStore(settings, context), settings, context),
}

async function* probeRemote(
  settings: SftpSettings,
  context: ConnectorContext,
): AsyncGenerator<ProbeStage> {
  for (const [stage, work] of beginnings(settings)) {
    const told = await probeStage(stage, work)
    yield told
    if (!told.ok) return
  }
  const store = remoteStore(settings, context)
  try {
    yield* probeFiles(store, settings, context.signal)
  } finally {
    await store.close()
  }
}

type Stage = [ProbeStage['stage'], () => Promise<{ message: string }>]

const beginnings = (settings: SftpSettings): Stage[] => [
  [
    'resolve',
    async () => {
      const { host } = readSftpUrl(settings.url)
      const { address } = await lookup(host).catch(unreachable)
      return { message: `${host} → ${address}` }
    },
  ],
  [
    'connect',
    async () => {
      const { host, port } = readSftpUrl(settings.url)
      await knock(host, port)
      return { message: `${host}:${port} 可连接 / ${host}:${port} answers` }
    },
  ],
  [
    'sign-in',
    async () => {
      const { client } = await openSftpSession(settings)
      await client.end()
      return { message: '主机密钥相符,已登录 / The host key fits; signed in' }
    },
  ],
]

const unreachable = (error: unknown): never => {
  throw sftpUnreachable(error)
}

const knock = (host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: connectMsMax })
    const fail = (cause?: unknown): void => {
      socket.destroy()
      reject(cause === undefined ? silent(host, port) : sftpUnreachable(cause))
    }
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', () => fail())
    socket.once('error', fail)
  })

const silent = (host: string, port: number): Refusal =>
  new Refusal('source-unreachable', `${host}:${port} 没有应答 / ${host}:${port} does not answer`)
