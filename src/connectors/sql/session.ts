/**
 * One connection to a SQL store, whatever its driver. Values come back as the store's text or as null;
 * parameters are bound, never spliced. A connection that is lost, or a server that does not answer, is
 * a Refusal `source-unreachable`; what the store says about a statement passes as the driver's own error.
 */
export interface SqlSession {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Answers how many rows a statement changed. */
  execute(text: string, values?: readonly unknown[]): Promise<number>
  /** Everything that `work` does with the session it is given is committed together, or nothing. */
  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T>
  close(): Promise<void>
}
