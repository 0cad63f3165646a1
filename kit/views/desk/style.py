"""How the desk looks, and the one script that it needs: ink on paper, one blue, no colour alone."""

from __future__ import annotations

from typing import Final

from kit.views.timeline import STYLE as _TIMELINE

__all__ = ["SHORTCUTS", "STYLE"]

#: JupyterLab takes arrows and letters from whatever is focused, unless text is typed there: an arrow
#: in a list would leave the cell, and "d d" on a button would delete it. Not inside the desk.
SHORTCUTS: Final = """
(function find(tries) {
  const desk = element.closest(".kit-desk");
  if (desk) {
    desk.addEventListener("focusin", ({ target }) => {
      if (!target.matches(":read-write")) target.setAttribute("data-lm-suppress-shortcuts", "");
    });
  } else if (tries) {
    setTimeout(find, 50, tries - 1);
  }
})(200);
"""

#: The classes are ipywidgets' own where they don't begin with ``kit``.
STYLE: Final = (
    _TIMELINE
    + """
.kit-desk{container-type:inline-size;color:#1a1a1a;background:#fff;padding:0 clamp(2px,2.5%,1.2em) 2em;
 font:15px/1.55 system-ui,"Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif;
 max-width:76em;box-sizing:border-box;overflow:visible}
.kit-desk *{box-sizing:border-box}
.kit-desk .jupyter-widgets,.kit-desk .widget-html-content{margin:0;min-width:0;max-width:100%;
 overflow:visible;font-size:inherit;line-height:inherit;color:inherit}
.kit-desk .widget-html{height:auto}
.kit-desk .widget-html:has(>.widget-html-content:empty){display:none}
.kit-desk .widget-html-content>p{margin:0}
.kit-desk .widget-html-content{width:100%;overflow-wrap:anywhere;height:auto}
.kit-desk header{border-top:4px solid #1a1a1a;border-bottom:1px solid #1a1a1a;padding:.7em 0 .5em;
 display:flex;flex-wrap:wrap;gap:.2em 2em;align-items:baseline;justify-content:space-between}
.kit-desk header h2{font:600 1.9em/1.2 Georgia,"Noto Serif SC","Songti SC","SimSun",serif;margin:0;
 letter-spacing:.02em}
.kit-desk header h2 span,.kit-desk h3 span{font-weight:400;color:#595959}
.kit-desk header p{margin:0;color:#595959;font-size:.9em}
.kit-desk header p b{color:#1a1a1a}
.kit-desk h3{font:600 1.15em/1.3 Georgia,"Noto Serif SC","Songti SC","SimSun",serif;margin:0 0 .5em}
.kit-desk .kit-note{margin:0;color:#595959;font-size:.87em;line-height:1.5}

.kit-desk .widget-tab{margin-top:.6em;background:none}
.kit-desk .widget-tab>.widget-tab-bar{min-height:0;overflow:visible}
.kit-desk .widget-tab>.widget-tab-bar>.lm-TabBar-content{flex-wrap:wrap;
 gap:0 clamp(.7em,3%,1.6em);min-height:0;border-bottom:1px solid #bbb;align-items:stretch}
.kit-desk .widget-tab>.widget-tab-bar .lm-TabBar-tab{flex:0 0 auto;min-width:0;max-width:none;
 min-height:44px;margin:0;padding:.6em .1em;border:0;border-bottom:4px solid transparent;
 background:none;color:#595959;font:inherit;line-height:1.5;transform:none;overflow:visible}
.kit-desk .widget-tab>.widget-tab-bar .lm-TabBar-tab::before{display:none}
.kit-desk .widget-tab>.widget-tab-bar .lm-TabBar-tab.lm-mod-current{border-bottom-color:#0072B2;
 color:#1a1a1a;font-weight:600;background:none}
.kit-desk .widget-tab>.widget-tab-contents{border:0;padding:1.4em 0 0;background:none;color:inherit;
 overflow:visible}

.kit-desk .widget-vbox{gap:.8em;overflow:visible}
.kit-desk .kit-columns{display:grid;grid-template-columns:minmax(0,1fr);gap:1.6em 2.6em;
 overflow:visible}
.kit-desk .kit-row{display:flex;flex-wrap:wrap;gap:.7em;align-items:flex-end;overflow:visible}
.kit-desk .kit-row>.kit-field{flex:1 1 11em}
.kit-desk .kit-section{border-top:1px solid #1a1a1a;margin-top:2.2em;padding-top:.8em}
.kit-desk .kit-paper{align-self:start;gap:0;border-left:1px solid #ddd;padding-left:1.4em;width:100%}
.kit-desk .kit-timeline{margin:0;padding:0;max-width:38em}
.kit-desk .kit-timeline article{border:0;padding:.3em 0}
.kit-desk .kit-timeline article+article,.kit-desk .kit-timeline h3+article~article{
 border-top:1px solid #ddd;padding:.9em 0}
.kit-desk .kit-timeline h3:first-of-type{margin-top:.3em}
.kit-desk .kit-timeline>nav{display:none}
.kit-desk .kit-timeline .kit-text{font:1.18em/1.65 Georgia,"Noto Serif SC","Songti SC","SimSun",serif}

.kit-desk .kit-field{display:flex;flex-direction:column;align-items:stretch;height:auto;width:auto}
.kit-desk .kit-field>.widget-label{width:auto;max-width:100%;height:auto;text-align:left;
 line-height:1.4;padding:0 0 .2em;color:#1a1a1a;font-size:.87em;white-space:normal;overflow:visible}
.kit-desk .kit-field>input,.kit-desk .kit-field>select,.kit-desk .kit-field>textarea{
 width:100%;min-width:0;max-width:100%;margin:0;border:1px solid #767676;border-radius:0;
 background-color:#fff;color:#1a1a1a;padding:.45em .6em;font:inherit;line-height:1.5;flex:none;
 box-shadow:none}
.kit-desk .kit-field>input,.kit-desk .kit-field>select:not([size]){height:44px}
.kit-desk .kit-field>textarea{resize:vertical;height:auto;min-height:5em}
.kit-desk .kit-field>select[size]{height:auto;padding:0}
.kit-desk .kit-field>select[size] option{padding:.45em .6em;border-bottom:1px solid #eee;
 white-space:normal;overflow-wrap:anywhere}

.kit-desk .jupyter-button{width:auto;height:auto;min-height:44px;max-width:100%;margin:0;
 padding:.45em 1.1em;border:1px solid #1a1a1a;border-radius:0;background:#fff;color:#1a1a1a;
 font:inherit;line-height:1.4;white-space:normal;box-shadow:none}
.kit-desk .jupyter-button.kit-main{background:#1a1a1a;color:#fff}
.kit-desk .jupyter-button:hover:enabled{border-color:#0072B2;color:#0072B2;box-shadow:none}
.kit-desk .jupyter-button.kit-main:hover:enabled{background:#0072B2;color:#fff}
.kit-desk .jupyter-button:disabled{background:#fff;color:#767676;border:1px dashed #767676;opacity:1}
.kit-desk .widget-vbox>.jupyter-button{align-self:flex-start}
.kit-desk :focus-visible{outline:3px solid #0072B2;outline-offset:2px}

.kit-desk .kit-message{border-left:4px solid #1a1a1a;background:#f4f4f4;padding:.6em .9em}
.kit-desk .kit-failed{border:1px solid #A32A00;border-left-width:4px;background:#fff}
.kit-desk .kit-ask{border:1px solid #1a1a1a;padding:1em}
.kit-desk .kit-ask p{margin:0}
.kit-desk .kit-state{margin:0 0 .4em}
.kit-desk .kit-state b{border:1px solid #1a1a1a;padding:.15em .6em;font-size:.87em;font-weight:600}
.kit-desk .kit-history{margin:.6em 0;padding:0 0 0 1.3em;color:#595959;font-size:.9em}
.kit-desk .kit-history b{color:#1a1a1a}
.kit-desk .kit-quote{white-space:pre-wrap;color:#1a1a1a}
.kit-desk .kit-wide{overflow-x:auto;font-size:.9em}
.kit-desk .kit-wide table{min-width:46em;border-collapse:collapse}

.kit-desk .kit-table{border-collapse:collapse;width:100%;font-size:.9em;line-height:1.45;
 border-bottom:1px solid #1a1a1a}
.kit-desk .kit-table th{text-align:left;font-weight:400;color:#595959;padding:.3em 1em .3em 0;
 border-bottom:1px solid #1a1a1a}
.kit-desk .kit-table td{text-align:left;padding:.45em 1em .45em 0;border-bottom:1px solid #ddd;
 vertical-align:top;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.kit-desk .kit-table td:first-child{white-space:nowrap}

@container (min-width:48em){
 .kit-desk .kit-columns{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}
}
@container (max-width:40em){
 .kit-desk :is(.kit-card,details) :is(table,tbody,tr,th,td){display:block;white-space:normal!important;
  padding:0!important}
 .kit-desk :is(.kit-card,details) tr{margin-bottom:.5em}
 .kit-desk header h2{font-size:1.5em}
 .kit-desk .kit-paper{border-left:0;padding-left:0}
 .kit-desk .kit-table thead{position:absolute;clip-path:inset(50%);height:1px;width:1px;
  overflow:hidden}
 .kit-desk .kit-table tr{display:block;border-bottom:1px solid #ddd;padding:.5em 0}
 .kit-desk .kit-table td{display:inline;border:0;padding:0}
 .kit-desk .kit-table td+td::before{content:" · "}
}
"""
)
