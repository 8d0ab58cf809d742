#include "telemetry/page_parts.hpp"

namespace miraclemax::telemetry {

// Colours are told apart in both schemes (at least 4.5:1 on their ground), and never say anything alone: each
// has its shape or word.
const std::string& page_style() {
    static const std::string style = R"(
:root{color-scheme:light dark;--ground:#f5f4f0;--card:#fff;--ink:#1c2128;--muted:#626a73;--line:#e4e1da;
--good:#23704f;--bad:#b3261e;--warn:#8a5a00;--accent:#2c5f8a;--area:#2c5f8a1f;--faint:#ecebe5;
--goodback:#e6f2ec;--badback:#fbeae8;--warnback:#fbf1dc;--shadow:0 1px 2px #1c212812,0 4px 16px #1c21280a}
@media(prefers-color-scheme:dark){:root{--ground:#131519;--card:#1b1e24;--ink:#e4e6ea;--muted:#9aa2ad;--line:#2b2f37;
--good:#6cc79c;--bad:#ff8f85;--warn:#e8b95e;--accent:#7fb4e2;--area:#7fb4e226;--faint:#262a32;
--goodback:#17291f;--badback:#331c1b;--warnback:#2e2615;--shadow:none}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
p,h1,h2,ul,ol,dl,dd{margin:0;padding:0}ul,ol{list-style:none}
header,main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{display:flex;align-items:center;gap:12px;padding-top:22px;padding-bottom:18px}
.brand{font-weight:650;letter-spacing:-.01em}
.host{color:var(--muted);flex:1;min-width:0}.host::before{content:"/";margin-right:12px;color:var(--line)}
.pill{display:inline-flex;align-items:center;gap:7px;padding:4px 12px 4px 8px;border-radius:99px;font-weight:600;
font-size:13px;white-space:nowrap}
.pill.good{background:var(--goodback);color:var(--good)}.pill.bad{background:var(--badback);color:var(--bad)}
.pill.warn{background:var(--warnback);color:var(--warn)}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:20px 24px;margin-bottom:18px;
box-shadow:var(--shadow)}
h2{font-size:13px;font-weight:600;color:var(--muted);margin-bottom:12px}
h1{font-size:28px;line-height:1.25;font-weight:650;letter-spacing:-.02em;text-wrap:balance}
a{color:var(--accent);text-underline-offset:2px}
code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,"Liberation Mono",monospace}
.small,.muted,.said,.more{color:var(--muted)}.small{font-size:13px;font-weight:400}
.bad{color:var(--bad)}.why{color:var(--bad);font-size:13px;font-weight:400}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.icon{flex:none;vertical-align:-3px}
.icon.good{color:var(--good)}.icon.bad{color:var(--bad)}.icon.warn{color:var(--warn)}.icon.none{color:var(--muted)}
.icon .f{fill:currentColor}.icon .k,.icon .s,.icon .o{fill:none;stroke:var(--card);stroke-width:1.8;
stroke-linecap:round;stroke-linejoin:round}
.icon .s,.icon .o{stroke:currentColor;stroke-width:1.4}
.problems{padding:0;background:none;border:0;box-shadow:none}
.problems h2{margin-bottom:8px}
.problems li{display:flex;gap:12px;padding:14px 18px;margin-bottom:8px;border-radius:12px;background:var(--warnback);
border-left:4px solid var(--warn)}
.problems li.critical{background:var(--badback);border-color:var(--bad)}
.problems li .icon{margin-top:3px}.problems .k{stroke:var(--warnback)}.problems .critical .k{stroke:var(--badback)}
.sev{color:var(--warn)}.critical .sev{color:var(--bad)}
.more{font-size:13px}.more>*{display:inline-block;margin-right:16px}.more b{color:var(--ink);font-weight:600}
.summary{padding:26px 24px}
.next{color:var(--muted);font-size:17px;margin-top:4px}.summary .why{margin-top:10px;font-size:15px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:18px;margin-top:22px;
padding-top:20px;border-top:1px solid var(--line)}
dt{font-size:13px;color:var(--muted)}.facts dd:nth-of-type(1){font-size:19px;font-weight:600;letter-spacing:-.01em}
.wide{padding-bottom:8px}
table{width:100%;border-collapse:collapse}
thead th{font-size:13px;font-weight:500;color:var(--muted);text-align:left;padding:0 14px 8px 0;white-space:nowrap}
tbody th,td{padding:12px 14px 12px 0;border-top:1px solid var(--line);text-align:left;vertical-align:top}
tbody th{min-width:170px;font-weight:600}.who{display:flex;gap:10px}.who .icon{margin-top:3px}
.who div>*,td div>span,td div>time,td div>b{display:block}td div>span time{display:inline}.when{white-space:nowrap}
td b{font-weight:600}td:last-child{padding-right:0}
tr:target{background:var(--faint)}
.spark{display:block;margin-bottom:2px;overflow:visible}
.spark .line{fill:none;stroke:var(--accent);stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
.spark .area{fill:var(--area)}.spark .dot{fill:var(--accent)}
.spark .cross{fill:none;stroke:var(--bad);stroke-width:1.6;stroke-linecap:round}
.copies li{display:flex;gap:6px;align-items:center;font-size:13px;white-space:nowrap}.copies .icon{width:13px;height:13px}
.copies .lacks{color:var(--muted)}
.strip{display:flex;gap:3px;height:40px;align-items:flex-end}
.strip li{position:relative;flex:1;height:100%;border-radius:3px;background:var(--faint)}
.strip .good{background:var(--good);opacity:.8}
.strip .bad{height:55%;background:var(--bad)}
.strip .bad::before{content:"\D7";position:absolute;left:0;right:0;bottom:100%;text-align:center;line-height:18px;
font-size:16px;font-weight:700;color:var(--bad)}
.ends{display:flex;justify-content:space-between;gap:12px;margin-top:8px;font-size:13px;color:var(--muted)}
.ends b{color:var(--bad)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:18px;align-items:start}
.items li{padding:12px 0;border-top:1px solid var(--line)}.items li:first-child{border:0;padding-top:0}
.items li:last-child{padding-bottom:0}
.title{display:flex;gap:8px;align-items:center}.title b{font-weight:600}
.gauge{display:block;width:100%;margin:8px 0 4px;border-radius:3px}.track{fill:var(--faint)}.taken{fill:var(--accent)}
.said{font-size:13px}.said>span:not(:last-child)::after{content:"\B7";margin:0 6px}
.items code{color:var(--muted);font-size:12px;display:block}
.rows>div{display:flex;justify-content:space-between;gap:16px;padding:8px 0;border-top:1px solid var(--line)}
.rows>div:first-child{border:0;padding-top:0}.rows dt{font-size:15px;color:var(--ink)}.rows dd{text-align:right}
.rows time{display:block;font-weight:600}.told{margin-top:10px}
footer{display:flex;flex-wrap:wrap;gap:4px 24px;padding-top:6px;padding-bottom:36px;font-size:13px;color:var(--muted)}
footer p:last-child{margin-left:auto}footer a{margin-left:12px}
@media(max-width:900px){.pair{grid-template-columns:1fr;gap:0}}
@media(max-width:760px){header,main,footer{padding-left:14px;padding-right:14px}
section{padding:16px}.problems{padding:0}h1{font-size:23px}.next{font-size:15px}
.facts{grid-template-columns:1fr 1fr;gap:14px;margin-top:16px;padding-top:16px}.facts dd:nth-of-type(1){font-size:17px}
table,tbody,tr,td,tbody th{display:block}thead{display:none}
tbody tr{padding:14px 0 8px;border-top:1px solid var(--line)}tbody tr:first-child{border:0;padding-top:0}
tbody th{border:0;padding:0 0 8px}td{display:flex;gap:12px;border:0;padding:4px 0}
td::before{content:attr(data-label);flex:none;width:72px;font-size:13px;line-height:22px;color:var(--muted)}
td>div{min-width:0;flex:1}.figure>div{display:flex;align-items:center;gap:10px;flex-wrap:wrap}
.spark{margin:0;width:72px}.copies{display:flex;flex-wrap:wrap;gap:2px 12px}
header{flex-wrap:wrap;gap:4px 12px}.brand{flex:1}.host{order:3;flex-basis:100%}.host::before{content:none}
.strip{gap:2px}.strip .bad::before{font-size:13px}.ends span:nth-child(2){display:none}
footer p:last-child{margin-left:0}footer a{margin:0 12px 0 0}}
@media print{body{background:none}section{box-shadow:none;break-inside:avoid}}
)";
    return style;
}

} // namespace miraclemax::telemetry
