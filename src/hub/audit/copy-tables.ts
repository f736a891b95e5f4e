import type { ClientBase, Connection, Submittable } from 'pg'
import { auditLimits } from './limits.ts'

type Callback = (error: Error | null) => void

/**
 * Several COPY statements as one query of the simple protocol, hence one transaction and one answer:
 * what they are to copy follows at once, without waiting for each to ask for it. (When one fails,
 * PostgreSQL passes over what was meant for the others.) Named by `pg`'s own interface of queries.
 */
class CopyTables implements Submittable {
  readonly #sql: string
  readonly #messages: Buffer
  /** Replaced by `pg` with one that knows of the time limit. */
  callback: Callback
  query_timeout: number = auditLimits.flushMsMax

  constructor(sql: string, messages: Buffer, callback: Callback) {
    this.#sql = sql
    this.#messages = messages
    this.callback = callback
  }

  submit(connection: Connection): void {
    connection.stream.cork()
    connection.query(this.#sql)
    connection.stream.write(this.#messages)
    connection.stream.uncork()
  }

  handleCopyInResponse(): void {
    // It is on its way already.
  }

  handleCommandComplete(): void {
    // The transaction ends with the last statement, and that is when the connection is ready.
  }

  handleError(error: Error): void {
    this.callback(error)
  }

  handleReadyForQuery(): void {
    this.callback(null)
  }
}

/** `sql`: COPY statements, `;` between them. `messages`: CopyData and CopyDone of each, in their order. */
export const copyTables = (client: ClientBase, sql: string, messages: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const callback: Callback = (error) => (error ? reject(error) : resolve())
    client.query(new CopyTables(sql, messages, callback))
  })
