"""The page's style sheet: dark ink on white, one accent, numbers in columns; the same on paper."""

CSS = """
:root { color-scheme: light; --ink: #1c2430; --soft: #566070; --rule: #dfe3e8; --pale: #f6f7f9;
  --accent: #1f4e8c; --warm: #b5461f; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #fff; color: var(--ink); line-height: 1.5; font-size: 15px;
  font-family: -apple-system, "Segoe UI", "Helvetica Neue", Arial, "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums lining-nums; overflow-wrap: anywhere; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 28px 64px; }
h1, h2, h3 { font-weight: 600; line-height: 1.25; text-wrap: balance; }
h1 { font-family: Georgia, "Times New Roman", "Liberation Serif", serif; font-size: 34px; margin: 2px 0 8px;
  letter-spacing: -.01em; }
h2 { font-family: Georgia, "Times New Roman", "Liberation Serif", serif; font-size: 22px; margin: 52px 0 4px;
  padding-top: 14px; border-top: 2px solid var(--ink); }
h3 { font-size: 14px; margin: 26px 0 2px; }
p { margin: 6px 0; max-width: 78ch; }
a { color: inherit; }
.eyebrow { text-transform: uppercase; letter-spacing: .09em; font-size: 11.5px; font-weight: 600;
  color: var(--accent); }
.lede { color: var(--soft); margin: 0 0 4px; }
.note { color: var(--soft); font-size: 13px; }
.absent { color: var(--soft); font-size: 13.5px; background: var(--pale); border-left: 3px solid var(--rule);
  padding: 8px 12px; margin: 10px 0; max-width: none; }
.banner { border: 2px solid var(--warm); background: #fdf3ee; color: #7c2c10; padding: 12px 16px;
  margin: 18px 0 4px; border-radius: 3px; max-width: none; }
.banner strong { letter-spacing: .06em; }
.verdict { border-left: 4px solid var(--accent); padding: 2px 0 2px 18px; margin: 24px 0 8px; }
.verdict p { max-width: 86ch; }
.verdict ul { margin: 0; padding-left: 18px; max-width: none; }
.verdict li { margin: 3px 0; }
.verdict li::marker { color: var(--accent); }
.meta { display: flex; flex-wrap: wrap; gap: 6px 34px; margin: 0 0 6px; font-size: 13.5px; }
.meta dt { font-size: 11.5px; color: var(--soft); }
.meta dd { margin: 0; }
.verdict p:first-child { font-family: Georgia, "Times New Roman", "Liberation Serif", serif; font-size: 20px;
  line-height: 1.38; margin-bottom: 8px; }
.keys { display: grid; grid-template-columns: repeat(6, 1fr); margin: 24px 0 8px;
  border: solid var(--rule); border-width: 1px 0 0 1px; }
.key { padding: 12px 14px 11px; min-width: 0; border: solid var(--rule); border-width: 0 1px 1px 0; }
.key dt { font-size: 12px; color: var(--soft); line-height: 1.3; }
.key dd { margin: 0; }
.key .value { font-size: 23px; font-weight: 600; letter-spacing: -.015em; line-height: 1.35;
  white-space: nowrap; }
.key .detail { font-size: 12px; color: var(--soft); line-height: 1.4; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 32px; align-items: start; }
.pair > * { min-width: 0; }
figure { margin: 18px 0 6px; }
figure h3, .block h3 { margin: 0 0 2px; }
.block { margin: 18px 0 6px; }
figcaption { color: var(--soft); font-size: 12.5px; margin: 0 0 6px; max-width: 90ch; line-height: 1.4; }
figure svg { display: block; width: 100%; height: auto; }
figure svg * { stroke-linejoin: round; stroke-linecap: butt; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; margin: 6px 0 10px; line-height: 1.35; }
th { font-weight: 600; text-align: left; font-size: 12px; color: var(--soft); vertical-align: bottom;
  border-bottom: 1px solid #8b939e; padding: 4px 10px 4px 0; }
td { padding: 4px 10px 4px 0; border-bottom: 1px solid #eceef1; vertical-align: top; }
tbody th { color: var(--ink); font-size: 13px; font-weight: 400; border-bottom: 1px solid #eceef1;
  vertical-align: top; }
.r { text-align: right; white-space: nowrap; }
th.r { white-space: normal; overflow-wrap: normal; }
table { overflow-wrap: normal; }
td:not(.r) { overflow-wrap: anywhere; min-width: 5.5em; }
td:first-child:not(.r) { min-width: 4em; }
td.r + td:not(.r), th.r + th:not(.r) { padding-left: 12px; }
th:last-child, td:last-child { padding-right: 0; }
tr.group th { font-weight: 600; color: var(--accent); padding-top: 14px; font-size: 12.5px;
  border-bottom: 1px solid #c3cad3; }
tr.chosen td, tr.chosen th { background: #eef3f9; font-weight: 600; }
.months { table-layout: fixed; font-size: 12px; }
.months th, .months td { text-align: center; padding: 4px 1px; white-space: nowrap; border: 1px solid #fff; }
.months tbody th { text-align: left; font-size: 12.5px; font-weight: 600; }
.months .total { font-weight: 600; border-left: 3px solid #fff; }
.facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0 28px; margin: 6px 0;
  font-size: 12.5px; }
.facts div { display: flex; justify-content: space-between; gap: 12px; padding: 2.5px 0;
  border-bottom: 1px solid #eceef1; }
.facts dt { color: var(--soft); flex: none; }
.facts dd { margin: 0; text-align: right; min-width: 0; }
.facts .set dd { font-weight: 600; color: var(--accent); }
.plain { display: grid; grid-template-columns: fit-content(42%) 1fr; gap: 3px 18px;
  font-size: 13px; margin: 8px 0; }
.plain dt { color: var(--soft); }
.plain dd { margin: 0; }
.small { font-size: 12px; color: var(--soft); columns: 2; column-gap: 36px;
  line-height: 1.45; margin: 8px 0; }
.small p { margin: 0 0 6px; break-inside: avoid; max-width: none; }
.small b { color: var(--ink); font-weight: 600; }
footer { margin-top: 48px; padding-top: 10px; border-top: 1px solid var(--rule); font-size: 12px;
  color: var(--soft); }
@media (max-width: 860px) {
  main { padding: 24px 16px 40px; }
  h1 { font-size: 27px; }
  .keys { grid-template-columns: repeat(2, 1fr); }
  .pair, .facts { grid-template-columns: 1fr; }
  .small { columns: 1; }
}
@page { size: A4; margin: 14mm 13mm 15mm; }
@media print {
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 22pt; }
  h2 { font-size: 14.5pt; margin-top: 24px; }
  h1, h2, h3, figcaption, thead, tr.group { break-after: avoid; }
  figure, tr, .whole, .key, .keys, .verdict, .banner, .months { break-inside: avoid; }
  table, .plain { font-size: 8pt; }
  tbody th { font-size: 8pt; }
  th { font-size: 7.6pt; }
  .months { font-size: 7.4pt; }
  .keys { grid-template-columns: repeat(6, 1fr); margin: 14px 0 6px; }
  .key { padding: 7px 8px; }
  .key .value { font-size: 13pt; }
  .key dt, .key .detail { font-size: 7.2pt; }
  .verdict ul { margin: 0; padding-left: 18px; max-width: none; }
.verdict li { margin: 3px 0; }
.verdict li::marker { color: var(--accent); }
.meta { display: flex; flex-wrap: wrap; gap: 6px 34px; margin: 0 0 6px; font-size: 13.5px; }
.meta dt { font-size: 11.5px; color: var(--soft); }
.meta dd { margin: 0; }
.verdict p:first-child { font-size: 13pt; }
  .pair { grid-template-columns: 1fr 1fr; gap: 0 18px; }
  .facts { grid-template-columns: repeat(4, 1fr); gap: 0 16px; font-size: 7.2pt; }
  th, td { padding-right: 7px; }
  .plain { break-inside: avoid; }
  .note, figcaption { font-size: 8pt; }
  .banner { font-size: 9pt; padding: 8px 12px; margin: 10px 0 2px; }
  .verdict li { font-size: 9pt; }
  .meta { font-size: 8.4pt; gap: 4px 22px; }
  .meta dt { font-size: 7.4pt; }
  .small { font-size: 7.6pt; columns: 2; }
  .scroll { overflow: visible; }
}
"""
