import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import type { HttpSettings } from '../../../schemas/api/connectors.ts'
import { type HttpClient, openHttpClient } from '../../../src/connectors/http/client.ts'
import {
  type Answering,
  sendJson,
  startHttpServer,
  type TestServer,
} from '../../support/servers/http.ts'

const servers: TestServer[] = []
const clients: HttpClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
  for (const server of servers.splice(0)) await server.close()
})
async function start(
  answering: Answering,
  tls?: { key: string; cert: string },
): Promise<TestServer> {
  const server = await startHttpServer(answering, tls)
  servers.push(server)
  return server
}
function open(settings: HttpSettings, signal?: AbortSignal): HttpClient {
  const client = openHttpClient(settings, { signal })
  clients.push(client)
  return client
}

describe('trying again', () => {
  test('429, 502, 503 and 504 are tried again and then given as they are', async () => {
    const statuses = [429, 502, 503, 504, 200]
    const server = await start((_, response) =>
      sendJson(response, '{}', {
        status: statuses.shift() ?? 503,
        headers: { 'retry-after': '0' },
      }),
    )
    expect((await open({ url: server.url }).request({})).status).toBe(200)
    expect(server.asked).toHaveLength(5)
    const answer = await open({ url: server.url, retry: { attempts: 2 } }).request({})
    expect([answer.status, server.asked.length]).toEqual([503, 7])
  })

  test('other faults are not tried again', async () => {
    const server = await start((_, response) => sendJson(response, '{}', { status: 500 }))
    expect((await open({ url: server.url }).request({})).status).toBe(500)
    expect(server.asked).toHaveLength(1)
  })

  test('a line that breaks is tried again, one that stays broken is unreachable', async () => {
    let count = 0
    const server = await start((_, response) => {
      count += 1
      if (count === 2) return sendJson(response, '{"a":1}')
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"a"')
      return void setTimeout(() => response.destroy(), 10)
    })
    const settings = { url: server.url, retry: { attempts: 2 } }
    expect((await open(settings).request({})).text).toBe('{"a":1}')
    await expect(open(settings).request({})).rejects.toMatchObject({ code: 'source-unreachable' })
  })

  test('a server that is silent is unreachable after the time of the settings', async () => {
    const server = await start(() => undefined)
    const client = open({ url: server.url, timeoutSeconds: 1, retry: { attempts: 1 } })
    await expect(client.request({})).rejects.toMatchObject({ code: 'source-unreachable' })
  })

  test('a cancelled run ends the pause at once', async () => {
    const controller = new AbortController()
    const server = await start((_, response) => {
      sendJson(response, '{}', { status: 503, headers: { 'retry-after': '100' } })
      setTimeout(() => controller.abort(new Error('cancelled')), 20)
    })
    await expect(open({ url: server.url }, controller.signal).request({})).rejects.toThrow()
  })
})

describe('credentials', () => {
  test('bearer, basic and the settings’ own headers are sent', async () => {
    const server = await start((_, response) => sendJson(response, '{}'))
    await open({
      url: server.url,
      auth: { kind: 'bearer', token: 't1' },
      headers: { 'X-Key': 'k' },
    }).request({})
    await open({ url: server.url, auth: { kind: 'basic', user: 'u', password: '口令' } }).request(
      {},
    )
    expect(server.asked[0]?.headers).toMatchObject({ authorization: 'Bearer t1', 'x-key': 'k' })
    expect(server.asked[1]?.headers['authorization']).toBe(
      `Basic ${Buffer.from('u:口令').toString('base64')}`,
    )
  })

  test('none of them follow to another host, by a redirect or by an address that is asked for', async () => {
    const foreign = await start((_, response) => sendJson(response, '{}'))
    const server = await start((_, response) =>
      sendJson(response, '', { status: 302, headers: { location: `${foreign.url}/x` } }),
    )
    const client = open({
      url: server.url,
      auth: { kind: 'bearer', token: 'geheim' },
      headers: { 'x-key': 'geheim' },
    })
    await client.request({})
    await client.request({ url: `${foreign.url}/y` })
    expect(foreign.asked).toHaveLength(2)
    expect(JSON.stringify(foreign.asked)).not.toContain('geheim')
    await expect(
      client.request({ url: server.url, method: 'POST', body: 'x' }),
    ).resolves.toMatchObject({ status: 200 })
    expect(foreign.asked[2]).toMatchObject({ method: 'GET', body: '' })
  })

  test('a redirect within the host keeps them, a ring of redirects is refused', async () => {
    const server = await start(({ path }, response) =>
      path === '/b'
        ? sendJson(response, '{}')
        : sendJson(response, '', {
            status: 307,
            headers: { location: path === '/a' ? '/b' : '/ring' },
          }),
    )
    await open({ url: `${server.url}/a`, auth: { kind: 'bearer', token: 't' } }).request({})
    expect(server.asked.at(-1)?.headers['authorization']).toBe('Bearer t')
    await expect(open({ url: `${server.url}/ring` }).request({})).rejects.toMatchObject({
      code: 'state-conflict',
    })
  })

  test('a token is fetched once, kept, and renewed once when it is refused', async () => {
    let valid = 'a'
    const server = await start(({ path, headers }, response) => {
      if (path === '/token') return sendJson(response, { access_token: valid, expires_in: 3600 })
      const isValid = headers['authorization'] === `Bearer ${valid}`
      return sendJson(response, '{}', { status: isValid ? 200 : 401 })
    })
    const client = open({
      url: `${server.url}/rows`,
      auth: {
        kind: 'oauth',
        tokenUrl: `${server.url}/token`,
        clientId: 'id:1',
        clientSecret: 's/x',
        scope: 'read',
      },
    })
    const tokens = () => server.asked.filter(({ path }) => path === '/token')
    await client.request({})
    await client.request({})
    expect(tokens()).toHaveLength(1)
    expect(tokens()[0]?.headers['authorization']).toBe(
      `Basic ${Buffer.from('id%3A1:s%2Fx').toString('base64')}`,
    )
    expect(tokens()[0]?.body).toBe('grant_type=client_credentials&scope=read')
    valid = 'b'
    expect((await client.request({})).status).toBe(200)
    expect(tokens()).toHaveLength(2)
  })

  test('a token that is refused is told without the secret', async () => {
    const server = await start(({ headers }, response) =>
      sendJson(response, { error: headers['authorization'] }, { status: 400 }),
    )
    const client = open({
      url: server.url,
      auth: { kind: 'oauth', tokenUrl: server.url, clientId: 'c', clientSecret: 'geheim' },
    })
    const error = await client.request({}).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'request-invalid' })
    expect(String(error)).not.toMatch(/geheim|Basic/)
  })
})

describe('answers', () => {
  test('packed ones are unpacked, and a packed flood is refused', async () => {
    const flood = gzipSync(Buffer.alloc(65 * 1024 * 1024))
    const server = await start(({ path }, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(path === '/flood' ? flood : gzipSync('{"姓名":1}'))
    })
    expect((await open({ url: server.url }).request({})).text).toBe('{"姓名":1}')
    await expect(open({ url: `${server.url}/flood` }).request({})).rejects.toMatchObject({
      code: 'payload-too-large',
    })
  })

  test('a certificate counts when the settings name its authority, else not, unless nothing is verified', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'shuqiao-tls-'))
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '30',
        '-keyout',
        key,
        '-out',
        cert,
        '-subj',
        '/CN=127.0.0.1',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
      ],
      { stdio: 'ignore' },
    )
    const pair = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
    rmSync(dir, { recursive: true })
    const { url } = await start((_, response) => sendJson(response, '{}'), pair)
    expect((await open({ url, tls: { ca: pair.cert } }).request({})).status).toBe(200)
    expect((await open({ url, tls: { verify: false } }).request({})).status).toBe(200)
    await expect(open({ url }).request({})).rejects.toMatchObject({ code: 'source-unreachable' })
  })
})
