// How the report looks: by day, by night and on paper. Colours are tokens; each pair of text and ground has a contrast
// of 4.5 to 1 or more.

const LIGHT = `
  --ground:#fff; --panel:#f6f7f5; --ink:#1b1f1d; --soft:#56605a; --rule:#d6dad6; --grid:#e3e6e3;
  --direct:#0b6e4f; --vxlan:#1d4e89; --good:#0b6e4f; --warn:#8a5a00; --bad:#a3302c;
  --good-ground:#e2f2eb; --warn-ground:#fbf0d9; --bad-ground:#fbe6e4;
  --c0:#b0413e; --c1:#c07a1e; --c2:#1d4e89; --c3:#0b6e4f; --c4:#6a4c93; --c5:#4f5d4a; --c6:#a23b72;`
const DARK = `
  --ground:#141816; --panel:#1d2320; --ink:#e6eae7; --soft:#a3aea8; --rule:#38413c; --grid:#2b332f;
  --direct:#4fc79b; --vxlan:#7fb2ec; --good:#6fd6ad; --warn:#f0bf63; --bad:#ff9c94;
  --good-ground:#16382c; --warn-ground:#3d2f10; --bad-ground:#47201d;
  --c0:#ff8a80; --c1:#f0b45b; --c2:#7fb2ec; --c3:#4fc79b; --c4:#c0a3ec; --c5:#b4c3ae; --c6:#f08cc0;`

const TEXT = `
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem clamp(1rem,4vw,3rem) 3rem;max-width:80rem;background:var(--ground);color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7rem;margin:0;letter-spacing:-.01em}
h2{font-size:1.35rem;margin:2.5rem 0 .5rem;padding-top:.75rem;border-top:2px solid var(--ink)}
h2 .mark{font-size:.8rem;vertical-align:.2em}
h4{font-size:.95rem;margin:1rem 0 .3rem}
h3{font-size:1.05rem;margin:1.75rem 0 .5rem}
p{margin:.4rem 0;max-width:60rem}
small,header p,footer,.names,.of span{color:var(--soft)}
small{font-size:.88em}
footer,.names{font-size:.85em}
header p{margin:.2rem 0 .6rem}
footer{margin-top:3rem;border-top:1px solid var(--rule);padding-top:.75rem}
code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9em}
a{color:var(--vxlan)}
nav ul,.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;margin:.4rem 0;padding:0}
.legend{font-size:.87em;margin:.6rem 0 1rem}
.legend li{display:flex;align-items:center;gap:.35rem}
.missing{border-left:3px solid var(--warn);background:var(--warn-ground);padding:.5rem .75rem}
.mark{display:inline-block;border-radius:.6em;padding:0 .5em;font-size:.85em;font-weight:600}
td:not(.wide) .mark{white-space:nowrap}
.mark.good{color:var(--good);background:var(--good-ground)}
.mark.warn{color:var(--warn);background:var(--warn-ground)}
.mark.bad{color:var(--bad);background:var(--bad-ground)}
.none{color:var(--soft)}
.verdict{font-size:1.1rem;border-left:4px solid var(--bad);background:var(--bad-ground);padding:.6rem .9rem}
.verdict.calm{border-color:var(--good);background:var(--good-ground)}
.complaints{list-style:none;padding:0}
.complaints li{border-left:3px solid var(--bad);padding:.1rem 0 .1rem .75rem;margin:.6rem 0}
summary{cursor:pointer;margin:.5rem 0}
`

const TABLES = `
.scroll{overflow-x:auto;margin:.5rem 0 1rem}
.scroll:focus-visible{outline:2px solid var(--vxlan)}
table{border-collapse:collapse;width:100%;font-size:.87rem;overflow-wrap:normal}
caption{text-align:left;color:var(--soft);font-size:.98em;padding-bottom:.3rem}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
thead th{color:var(--soft);font-weight:600;border-bottom:1.5px solid var(--soft);vertical-align:bottom}
tbody th{font-weight:600}
th small{font-weight:400}
.number{text-align:right;font-variant-numeric:tabular-nums}
td.number{white-space:nowrap}
.wide{min-width:12rem}
tbody th{min-width:7.5rem}
`

const PICTURES = `
.card{background:var(--panel);border:1px solid var(--rule);border-radius:.5rem;padding:.6rem .9rem;display:flex;
  flex-direction:column;gap:.15rem;min-width:0}
.card.here{border:2px solid var(--ink);max-width:34rem}
.groups{list-style:none;margin:0 0 0 1.4rem;padding:1rem 0 0 1.6rem;border-left:2px solid var(--soft);
  display:grid;gap:.7rem;max-width:64rem}
.groups .card{position:relative;border-left-width:5px;display:grid;align-items:center;
  grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:.2rem 1.2rem}
.groups .words{display:flex;flex-direction:column;min-width:0}
.groups .card::before{content:"";position:absolute;left:calc(-1.6rem - 3px);top:1.2rem;width:1.6rem;border-top:2px solid var(--soft)}
.card.direct{border-left-color:var(--direct)} .card.vxlan{border-left:5px double var(--vxlan)} .card.none{border-left:5px dotted var(--bad)}
.groups .card.vxlan::before{border-top-style:dashed} .groups .card.none::before{border-top-style:dotted}
.field{max-width:100%;height:auto;margin:.3rem 0}
.direct .field circle{fill:var(--direct)} .vxlan .field circle{fill:var(--vxlan)} .none .field circle{fill:var(--soft)}
.field .wrong{stroke:var(--bad);stroke-width:2.4;fill:none}
.bar{margin:.7rem 0}
.of{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;font-size:.92em}
.bars svg{display:block;font-size:12px}
.cores{max-width:60rem}
.core{display:grid;grid-template-columns:4.5rem 1fr 3.5rem;gap:.6rem;align-items:center;margin:.25rem 0;font-size:.9rem}
.core>svg{background:var(--panel);outline:1px solid var(--rule)}
.piece{stroke:var(--ground);stroke-width:1}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1rem 1.5rem}
figure{margin:0;min-width:0}
figcaption{font-weight:600;font-size:.92em}
figure svg{display:block;width:100%;height:auto;font-size:11px}
figure text{fill:var(--soft)}
.grid{stroke:var(--grid)} .diagonal{stroke:var(--soft);stroke-dasharray:1 4}
.curve{color:var(--c0);fill:currentColor;stroke:none}
.curve .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}
.dashed .line{stroke-dasharray:5 4;stroke-width:1.4}
${[0, 1, 2, 3, 4, 5, 6].map((i) => `.c${i}{color:var(--c${i})}`).join('')}
`

/** A table that scrolls on a screen is whole on paper; folded lists stay folded, as their heading says. */
const PAPER = `
@page{margin:14mm}
@media print{
  :root{${LIGHT}}
  body{font-size:10pt;padding:0;max-width:none}
  .scroll{overflow:visible} table{font-size:7.5pt} th,td{padding:.2rem .3rem} .wide{min-width:8rem} tbody th{min-width:0}
  td.number{white-space:normal}
  article+article{break-before:page}
  figure,.card,.bar,tr,li,.of{break-inside:avoid} h2,h3,caption{break-after:avoid} thead{display:table-header-group}
  .charts{grid-template-columns:1fr 1fr}
  nav{display:none} a{color:inherit}
  *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
`

export const STYLE = `:root{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
${TEXT}${TABLES}${PICTURES}${PAPER}`
