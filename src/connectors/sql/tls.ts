import type { ServerSettings } from '../../../schemas/api/connectors.ts'

export const tlsWarnings = ({ tls }: ServerSettings): string[] =>
  tls?.verify === false
    ? [
        '(未核验服务器证书,只可用于试连 / the server’s certificate is not checked: for a first try only)',
      ]
    : []
