/** The style sheet of the report: light and dark, wide and narrow. @module */

/** CSS. Colours of arms are `--arm-<name>`; charts read them. */
export const reportStyle = `
:root {
  color-scheme: light dark;
  --page: #f6f6f3; --panel: #ffffff; --text: #1d2227; --soft: #5d6770; --line: #d9dcd8;
  --good: #1a7a3c; --bad: #b3261e; --mark: #eef3fb;
  --arm-base: #6b7280; --arm-common_one_epoch: #b26a00; --arm-common_matched_steps: #c2410c;
  --arm-one_phrasing_diverse: #7c3aed; --arm-delia: #0b6bcb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --panel: #1d2125; --text: #e6e8ea; --soft: #a3adb6; --line: #363c42;
    --good: #6fd08c; --bad: #ff8a80; --mark: #1d2a3a;
    --arm-base: #a3adb6; --arm-common_one_epoch: #f0b35a; --arm-common_matched_steps: #ff8a5b;
    --arm-one_phrasing_diverse: #b79bff; --arm-delia: #6cb4ff;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0.25rem 0; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 0.5rem; }
h3 { font-size: 1rem; margin: 1rem 0 0.4rem; }
p { margin: 0.4rem 0; max-width: 75ch; }
.soft { color: var(--soft); }
small, .small { font-size: 0.84rem; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.84rem; }
.grid {
  display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr));
}
.panel, figure {
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 0.8rem;
  margin: 0; min-width: 0;
}
figure svg { display: block; width: 100%; height: auto; color: var(--text); }
figcaption { font-size: 0.9rem; margin-bottom: 0.4rem; }
figcaption b { display: block; }
.charts {
  display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr));
}
.facts { display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.facts .panel b { display: block; font-size: 1.6rem; line-height: 1.2; }
.claims {
  list-style: none; padding: 0; margin: 0.75rem 0; display: grid; gap: 0.75rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr));
}
.claims p { margin: 0.2rem 0 0; }
.claims .verdict, .answers .verdict { display: block; }
p.small { max-width: 100ch; }
.verdict { font-size: 0.84rem; font-weight: 600; color: var(--soft); }
.yes { color: var(--good); }
.no { color: var(--bad); }
.scroll {
  overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  margin: 0.5rem 0;
}
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 0.55rem; text-align: right; white-space: nowrap; vertical-align: top; }
tbody tr { border-top: 1px solid var(--line); }
thead th { font-weight: 600; vertical-align: bottom; }
th[scope="colgroup"] { text-align: center; font-weight: 400; color: var(--soft); padding-bottom: 0; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--panel); }
tbody th { font-weight: 600; }
tr.paper, tr.paper th { color: var(--soft); font-weight: 400; font-style: italic; }
tbody tr.paper { border-top: 0; }
tr.delia td, tr.delia th { background: var(--mark); }
td small { display: block; color: var(--soft); }
.dot {
  display: inline-block; width: 0.65em; height: 0.65em; border-radius: 50%; margin-right: 0.4em;
}
.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.answers {
  display: grid; gap: 0.5rem; margin: 0.5rem 0 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 200px), 1fr));
}
.answers .panel { padding: 0.6rem; }
.answers pre, .prompt { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.3rem 0 0; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; padding: 0.35rem 0; font-weight: 600; }
li { max-width: 75ch; }
@media (max-width: 600px) {
  main { padding: 0.75rem 0.75rem 2rem; }
  th, td { padding: 0.35rem 0.4rem; }
  tbody th { white-space: normal; min-width: 6.5rem; }
  .facts { grid-template-columns: 1fr 1fr; }
}
@media print { details { display: block; } }
`;
