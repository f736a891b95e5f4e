import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface Asked {
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string | string[] | undefined>
  body: string
}

export interface TestServer {
  url: string
  /** Every request so far, in order. */
  asked: Asked[]
  close(): Promise<void>
}

export type Answering = (asked: Asked, response: ServerResponse) => void

/** A real HTTP server that answers as the test says; with `tls` an HTTPS one. */
export async function startHttpServer(
  answering: Answering,
  tls?: { key: string; cert: string },
): Promise<TestServer> {
  const asked: Asked[] = []
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://localhost')
      const one: Asked = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      }
      asked.push(one)
      answering(one, response)
    })
  }
  const server = tls ? createSecureServer(tls, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

export function sendJson(
  response: ServerResponse,
  body: unknown,
  more: { status?: number; headers?: Record<string, string> } = {},
): void {
  response.writeHead(more.status ?? 200, { 'content-type': 'application/json', ...more.headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}
