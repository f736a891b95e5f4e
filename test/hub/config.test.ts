import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/hub/config.ts'
import { StartRefusal } from '../../src/hub/start-refusal.ts'

const refusal = (environment: Record<string, string>): string => {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof StartRefusal) return error.message
    throw error
  }
  return ''
}

describe('the settings', () => {
  test('every fault is named at once', () => {
    const faulty = {
      SHUQIAO_PORT: '65536',
      SHUQIAO_DATABASE_URL: 'mysql://there',
      SHUQIAO_REDIS_URL: 'localhost:6379',
      SHUQIAO_ROLES: 'api,boss',
      SHUQIAO_LOG_LEVEL: 'loud',
      SHUQIAO_ADMIN_TOKEN: 'with space',
      SHUQIAO_TRUST_PROXY: '10.0.0.0/8,proxy.local,10.0.0.0/33',
      SHUQIAO_TLS_CERT: '/does/not/exist',
      SHUQIAO_REJECT_DAYS: '0',
      SHUQIAO_CALLS_PER_SECOND: '-1',
      SHUQIAO_BODY_BYTES_MAX: '1e6',
      SHUQIAO_FILES_DIR: '/srv/files,files',
      SHUQIAO_WORKERS_SMALL: '101',
      SHUQIAO_WORKERS_LARGE: 'many',
      SHUQIAO_BOARD_WRITABLE: 'yes',
    }
    const message = refusal(faulty)
    for (const name of [...Object.keys(faulty), 'SHUQIAO_TLS_KEY'])
      expect(message).toContain(`${name}:`)
    expect(message).toContain('proxy.local')
    expect(message).toContain('10.0.0.0/33')
    expect(message).not.toContain('"10.0.0.0/8"')
  })

  test('a password in a faulty URL is not repeated', () => {
    expect(refusal({ SHUQIAO_DATABASE_URL: 'mysql://me:secret@there/db' })).not.toContain('secret')
  })

  test('a direct or migration URL without a database URL is a mistake', () => {
    const message = refusal({ SHUQIAO_MIGRATION_URL: 'postgres://owner:x@db/shuqiao' })
    expect(message).toContain('SHUQIAO_MIGRATION_URL')
  })

  test('nothing set gives the documented defaults; blank counts as not set', () => {
    const config = loadConfig({ SHUQIAO_PORT: ' ', SHUQIAO_DATABASE_URL: '' })
    expect(config).toMatchObject({
      http: {
        host: '127.0.0.1',
        port: 8080,
        callsPerSecond: 600,
        anonymousPerSecond: 20,
        trustProxy: [],
      },
      database: { url: undefined },
      dataDir: resolve('.data'),
      keysDir: resolve('.data/keys'),
      filesDirs: [resolve('.data/files')],
      queue: { workerCounts: { small: 3, large: 1 }, isBoardWritable: false },
      roles: ['api', 'worker', 'scheduler', 'sealer'],
      rejectDays: 30,
      idempotencyDays: 7,
      logLevel: 'info',
    })
  })

  test('the keys lie in the data folder unless a folder is named', () => {
    expect(loadConfig({ SHUQIAO_DATA_DIR: '/srv/hub' }).keysDir).toBe('/srv/hub/keys')
    expect(loadConfig({ SHUQIAO_KEYS_DIR: '/srv/keys' }).keysDir).toBe('/srv/keys')
  })

  test('folders of files are a list, and only whole paths', () => {
    expect(loadConfig({ SHUQIAO_FILES_DIR: '/srv/in, /srv/out/' }).filesDirs).toEqual([
      '/srv/in',
      '/srv/out',
    ])
    expect(refusal({ SHUQIAO_FILES_DIR: 'files' })).toContain('SHUQIAO_FILES_DIR')
  })

  test('roles come in their own order, once each', () => {
    expect(loadConfig({ SHUQIAO_ROLES: 'sealer, api,api' }).roles).toEqual(['api', 'sealer'])
  })

  test('a certificate is taken with its own key only', ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), 'shuqiao-tls-'))
    const make = (name: string): Record<string, string> => {
      const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
      const args = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
      ]
      const more = ['-subj', '/CN=hub', '-keyout', key, '-out', certificate]
      if (spawnSync('openssl', [...args, ...more]).status !== 0) skip('openssl is not installed')
      return { SHUQIAO_TLS_CERT: certificate, SHUQIAO_TLS_KEY: key }
    }
    try {
      const [one, other] = [make('one'), make('other')]
      expect(loadConfig(one).http.tls?.certificate).toContain('BEGIN CERTIFICATE')
      const mixed = { ...one, SHUQIAO_TLS_KEY: other['SHUQIAO_TLS_KEY'] ?? '' }
      expect(refusal(mixed)).toContain('does not belong to the certificate')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
