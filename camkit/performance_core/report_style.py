"""Style of the report: light and dark, wide and narrow."""

STYLE = """
:root { color-scheme: light dark; --bg: #f5f6f8; --card: #fff; --ink: #17202e; --dim: #576175; --edge: #dfe3ea;
    --grid: #e6e9ef; --area: #9db9ee; --fill: #2b63d9; --p50: #15803d; --p99: #b45309; --p999: #be185d; --max:
    #b91c1c; --good: #15803d; --poor: #b91c1c; --track: #e3e7ee; --driver: #2b63d9; --corrupt: #b91c1c; --pool:
    #b45309; --link: #0f766e; --late: #7c3aed; --stage: #64748b; --bad: #be185d; --unmatched: #a16207;
    --aborted: #334155; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #10141b; --card: #181e28; --ink: #e7eaf0; --dim: #a0abbd; --edge: #2b3443; --grid: #293140;
    --area: #3a5a9c; --fill: #6f9cff; --p50: #4ade80; --p99: #fbbf24; --p999: #f472b6; --max: #f87171; --good:
    #4ade80; --poor: #f87171; --track: #2b3443; --driver: #6f9cff; --corrupt: #f87171; --pool: #fbbf24; --link:
    #2dd4bf; --late: #a78bfa; --stage: #94a3b8; --bad: #f472b6; --unmatched: #facc15; --aborted: #cbd5e1; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 10px; }
h3 { font-size: 14px; margin: 18px 0 4px; overflow-wrap: anywhere; }
p { margin: 0 0 10px; }
.dim { color: var(--dim); }
.small { font-size: 13px; }
section { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 20px;
    margin-top: 18px; }
.keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 18px; }
.key { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 14px 16px; }
.key b { display: block; font-size: 25px; line-height: 1.2; font-weight: 650; }
.key span { color: var(--dim); font-size: 13px; }
.good { color: var(--good); }
.poor { color: var(--poor); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--edge); vertical-align: middle; }
thead th { color: var(--dim); font-weight: 500; font-size: 13px; }
tbody th { font-weight: 600; min-width: 116px; }
td.n, th.n { text-align: right; white-space: nowrap; }
tr:last-child > * { border-bottom: 0; }
tr.sum > * { border-top: 2px solid var(--dim); font-weight: 650; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
svg { display: block; width: 100%; height: auto; }
svg.wide { min-width: 620px; }
svg.half { min-width: 300px; }
svg.row { min-width: 220px; }
svg.meter { width: 120px; min-width: 80px; }
svg.graph { width: auto; max-width: none; }
svg text { fill: var(--dim); font: 13px system-ui, sans-serif; }
svg .fine { font-size: 11.5px; }
svg .name { fill: var(--ink); font-weight: 600; }
.area { fill: var(--area); }
.grid { stroke: var(--grid); stroke-width: 1; vector-effect: non-scaling-stroke; }
.mark { stroke-width: 2; vector-effect: non-scaling-stroke; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.max { stroke-width: 1; opacity: .7; }
.mark.p50, .line.p50 { stroke: var(--p50); }
.mark.p99, .line.p99 { stroke: var(--p99); }
.mark.p999 { stroke: var(--p999); }
.mark.max, .line.max { stroke: var(--max); }
.line.captured { stroke: var(--dim); }
.line.delivered { stroke: var(--fill); }
.line.depth { stroke: var(--fill); }
.track { fill: var(--track); }
.fill { fill: var(--fill); }
.thread { fill: var(--bg); stroke: var(--edge); }
.node { fill: var(--card); stroke: var(--fill); stroke-width: 1.5; }
.wire { stroke: var(--dim); stroke-width: 1.5; fill: none; }
.tip { fill: var(--dim); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; color: var(--dim); font-size: 13px; margin: 2px 0 8px; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px;
    vertical-align: -1px; }
.pair { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 0 28px; }
.pair > div { min-width: 0; }
td.shape { width: 42%; min-width: 240px; padding-right: 20px; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px; }
details summary { cursor: pointer; }
@media (max-width: 640px) {
  main { padding: 18px 12px 32px; }
  section { padding: 16px 14px; }
  h1 { font-size: 21px; }
  .keys { grid-template-columns: 1fr 1fr; }
  .pair { grid-template-columns: 1fr; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
  table.shapes, table.shapes tbody { display: block; }
  table.shapes thead { display: none; }
  table.shapes tr { display: grid; grid-template-columns: repeat(5, auto); border-bottom: 1px solid var(--edge);
    padding: 8px 0; }
  table.shapes tr > * { border: 0; padding: 2px 8px 2px 0; text-align: left; }
  table.shapes th, td.shape { grid-column: 1 / -1; width: auto; padding-right: 0; }
  table.shapes td.n::before { content: attr(data-what); display: block; color: var(--dim); font-size: 11px; }
}
@media print {
  body { background: #fff; }
  section, .key { break-inside: avoid; }
}
"""

CAUSES = ("driver", "corrupt", "pool", "link", "late", "stage", "bad", "unmatched", "aborted")
COLOURS = "".join(
    f".cause.{cause} {{ fill: var(--{cause}); }} i.{cause}, .swatch.{cause} {{ background: var(--{cause}); }}\n"
    for cause in CAUSES
)
MARKS = "".join(f"i.{mark} {{ background: var(--{mark}); }} " for mark in ("p50", "p99", "p999", "max"))
