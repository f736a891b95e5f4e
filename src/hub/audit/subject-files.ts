import { csvLines } from '../../exchange/decode/write-csv.ts'
import {
  headLines,
  type Language,
  lookHeadings,
  type ReportHead,
  reportTitle,
  say,
  type ToldLook,
} from './subject-report.ts'

export interface Report {
  head: ReportHead
  looks: readonly ToldLook[]
  language: Language
}

export type ReportFormat = 'html' | 'text' | 'csv'

const isColumn = (name: string): name is keyof ToldLook => name in lookHeadings
const columns = Object.keys(lookHeadings).filter(isColumn)

export const reportTypes: Record<ReportFormat, { type: string; extension: string }> = {
  html: { type: 'text/html; charset=utf-8', extension: 'html' },
  text: { type: 'text/plain; charset=utf-8', extension: 'txt' },
  csv: { type: 'text/csv; charset=utf-8', extension: 'csv' },
}

export async function writeReport(report: Report, format: ReportFormat): Promise<string> {
  if (format === 'html') return htmlReport(report)
  return format === 'text' ? textReport(report) : csvReport(report)
}

function textReport({ head, looks, language }: Report): string {
  const blocks = looks.map((look) =>
    columns.map((name) => `${say(lookHeadings[name], language)}: ${look[name]}`).join('\n'),
  )
  const intro = [say(reportTitle, language), '', ...headLines(head, language)].join('\n')
  return `${[intro, ...blocks].join('\n\n')}\n`
}

/** What the table means stands below it: a spreadsheet takes the first line for the headings. */
async function csvReport({ head, looks, language }: Report): Promise<string> {
  const names = columns.map((name) => say(lookHeadings[name], language))
  const [first = ''] = names
  const intro = headLines(head, language).map((line) => ({ [first]: line }))
  const rows = looks.map((look) =>
    Object.fromEntries(columns.map((name, index) => [names[index] ?? name, look[name]])),
  )
  let text = ''
  for await (const piece of csvLines(names, [...rows, {}, ...intro])) text += piece
  return text
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (sign) => escapes[sign] ?? '')

const style = `body{font:16px/1.6 system-ui,"Microsoft YaHei","PingFang SC",sans-serif;margin:2rem;color:#1a1a1a}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{border:1px solid #999;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:#eee}
@media print{body{margin:0}tr{break-inside:avoid}}`

/** One file that asks nothing of any host: the policy forbids it even if a name held markup. */
function htmlReport({ head, looks, language }: Report): string {
  const title = escapeHtml(say(reportTitle, language))
  const intro = headLines(head, language).map((line) => `<p>${escapeHtml(line)}</p>`)
  const cells = (tag: 'th' | 'td', texts: readonly string[]): string =>
    `<tr>${texts.map((text) => `<${tag}>${escapeHtml(text)}</${tag}>`).join('')}</tr>`
  const headings = columns.map((name) => say(lookHeadings[name], language))
  const rows = looks.map((look) =>
    cells(
      'td',
      columns.map((name) => look[name]),
    ),
  )
  return `<!doctype html>
<html lang="${language === 'en' ? 'en' : 'zh-CN'}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
${intro.join('\n')}
<table>
<thead>${cells('th', headings)}</thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</body>
</html>
`
}
