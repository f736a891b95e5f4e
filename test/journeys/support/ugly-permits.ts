import { company, office, permit } from './licences.ts'
import type { TableLine } from './verdicts.ts'

export const decision = '宁示审许〔2025〕0001号'
/** A permit's family: authority, document number, permit number and holder (`records`, Identity). */
export const permitKey = (
  number: string,
  permitNo: string,
  code = company(1),
  issuer = office,
): string => [issuer, number, permitNo, code].join('|')

/** The ugly permit file (双公示), and what must become of each line in a strict resource. */
export const uglyPermits: readonly TableLine[] = [
  {
    what: 'a permit under a decision',
    row: permit(decision, 'XK001'),
    key: permitKey(decision, 'XK001'),
    strict: { flags: [], values: { documentNo: decision, permitNo: 'XK001' } },
  },
  {
    what: 'another permit under the same decision: two things, though the document is one',
    row: permit(decision, 'XK002'),
    key: permitKey(decision, 'XK002'),
    strict: { flags: [], values: { documentNo: decision, permitNo: 'XK002' } },
  },
  {
    what: 'the same permit number for another holder: again another',
    row: permit(decision, 'XK001', { XK_XDR_SHXYM: company(2), XK_XDR_MC: '宁乡示例物流有限公司' }),
    key: permitKey(decision, 'XK001', company(2)),
    strict: { flags: [] },
  },
  {
    what: 'a document number in other brackets, with spaces: stored in the one form',
    row: permit('宁示审许 (2025) 0003 号', 'XK003'),
    key: permitKey('宁示审许〔2025〕0003号', 'XK003'),
    strict: { flags: [], values: { documentNo: '宁示审许〔2025〕0003号' } },
  },
  {
    what: 'valid for ever, as the publication writes it',
    row: permit('宁示审许〔2025〕0004号', 'XK004', { XK_YXQZI: '2099/12/31' }),
    key: permitKey('宁示审许〔2025〕0004号', 'XK004'),
    strict: { flags: [], values: { longTerm: true, validTo: undefined } },
  },
  {
    what: 'a period that ends before it begins',
    row: permit('宁示审许〔2025〕0005号', 'XK005', { XK_YXQZI: '2024/02/28' }),
    strict: { rejected: 'cross-period', field: 'validFrom' },
  },
  {
    what: 'the same of a permit that is no longer valid: its end lands',
    row: permit('宁示审许〔2025〕0006号', 'XK006', { XK_YXQZI: '2024/02/28', XK_ZT: '2' }),
    key: permitKey('宁示审许〔2025〕0006号', 'XK006'),
    strict: { flags: ['cross-period'], values: { status: '2' } },
  },
  {
    what: 'a company without any code',
    row: permit('宁示审许〔2025〕0007号', 'XK007', { XK_XDR_SHXYM: '00000000000000000X' }),
    key: [office, '宁示审许〔2025〕0007号', 'XK007'].join('|'),
    strict: { rejected: 'cross-holder', field: 'holders.kind' },
  },
  {
    what: 'no holder’s name',
    row: permit('宁示审许〔2025〕0008号', 'XK008', { XK_XDR_MC: '' }),
    strict: { rejected: 'required', field: 'holders.name' },
  },
  {
    what: 'no status',
    row: permit('宁示审许〔2025〕0009号', 'XK009', { XK_ZT: '' }),
    strict: { rejected: 'required', field: 'status' },
  },
  {
    what: 'neither a document number nor a permit number: nothing tells it from another',
    row: permit('', '', { XK_XDR_SHXYM: '' }),
    strict: { rejected: 'cross-holder', field: 'holders.kind' },
  },
]
