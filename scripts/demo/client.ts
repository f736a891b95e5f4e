/** A caller of the hub, as an approval system or a front-end machine would write one. */
export interface Client {
  get<T>(path: string, headers?: Record<string, string>): Promise<T>
  post<T>(path: string, body: unknown, headers?: Record<string, string>): Promise<T>
  put<T>(path: string, body: unknown): Promise<T>
  /** Sends a file of rows. */
  push<T>(path: string, rows: Uint8Array, mediaType: string): Promise<T>
}

/** A refusal of the hub, with its problem (RFC 9457). */
export class HubRefusal extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string

  constructor(problem: { status: number; code: string; detail: string }) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`)
    this.status = problem.status
    this.code = problem.code
    this.detail = problem.detail
  }
}

export function createClient(url: string, token: string): Client {
  const call = async <T>(
    method: string,
    path: string,
    { body, headers = {} }: { body?: string | Blob; headers?: Record<string, string> } = {},
  ): Promise<T> => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body !== undefined && { body }),
    })
    const content = (await answer.json()) as T
    if (!answer.ok)
      throw new HubRefusal(content as { status: number; code: string; detail: string })
    return content
  }
  const json = (body: unknown, headers: Record<string, string> = {}) => ({
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
  return {
    get: (path, headers) => call('GET', path, headers === undefined ? {} : { headers }),
    post: (path, body, headers) => call('POST', path, json(body, headers)),
    put: (path, body) => call('PUT', path, json(body)),
    push: (path, rows, mediaType) =>
      call('POST', path, {
        body: new Blob([new Uint8Array(rows)]),
        headers: { 'content-type': mediaType },
      }),
  }
}
