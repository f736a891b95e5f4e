export type ServerSettings = Readonly<Record<string, string | number>>

/**
 * For a hub of one machine: bulk merges and short look-ups. Durability is a promise to the providers,
 * so `fsync` and `synchronous_commit` stay on; only tests turn `fsync` off. The server's log names
 * neither statements nor values (`terse`, `panic`): they hold identity numbers.
 */
export const serverSettings: ServerSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 100,
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  work_mem: '16MB',
  maintenance_work_mem: '128MB',
  wal_buffers: '16MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: 0.9,
  random_page_cost: 1.1,
  jit: 'off',
  max_locks_per_transaction: 256,
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  tcp_keepalives_idle: 60,
}

/** For tests, which start often and lose nothing. */
export const testSettings: ServerSettings = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  shared_buffers: '64MB',
  max_connections: 200,
}
